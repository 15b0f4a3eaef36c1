"""The domain a sender writes from, as the mail servers of municipalities see it in the DNS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from outreach.doctor import dkim, dmarc, spf
from outreach.doctor.findings import Finding, error, ok, warning
from outreach.doctor.names import Names, UnansweredError

#: What providers ask their customers to include, by the end of their SMTP server's name, and the selectors
#: they sign with. learn.microsoft.com/defender-office-365 (email-authentication-spf-configure, -dkim-configure);
#: support.google.com/a/answer/33786 and 174124.
_PROVIDERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (".office365.com", "spf.protection.outlook.com", ("selector1", "selector2")),
    (".outlook.com", "spf.protection.outlook.com", ("selector1", "selector2")),
    (".gmail.com", "_spf.google.com", ("google",)),
    (".google.com", "_spf.google.com", ("google",)),
)


@dataclass(frozen=True, slots=True)
class Published:
    """Where the public half of a key that we sign with should stand."""

    place: str  # <selector>._domainkey.<domain>
    domain: str  # the d= of its signatures
    record: str  # what should stand there


def check_domain(
    names: Names,
    *,
    sender: str,
    domain: str,
    envelope: str,
    replies: str,
    smtp_host: str,
    selectors: Sequence[str] = (),
    keys: Sequence[Published] = (),
) -> Iterator[Finding]:
    """DKIM and DMARC of ``domain``, that of From; SPF of the envelope sender's; MX of both and of ``replies``.

    ``keys`` are those mails are signed with here, ``selectors`` those a relay signs with. A question that the DNS
    does not answer is a warning: nothing is known then.
    """
    provider = next((one for one in _PROVIDERS if f".{smtp_host.lower()}".endswith(one[0])), None)
    guessed = not selectors and not keys and provider is not None
    if guessed and provider is not None:
        selectors = provider[2]
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        *(
            (f"MX of {one}", partial(_mx, names, sender, one))
            for one in dict.fromkeys((domain, envelope, replies))
        ),
        (f"SPF of {envelope}", lambda: _spf(names, sender, envelope, provider[1] if provider else None)),
        (f"DKIM of {domain}", lambda: _dkim(names, sender, domain, selectors, keys, guessed=guessed)),
        (f"DMARC of {domain}", lambda: _dmarc(names, sender, domain, envelope, keys)),
    )
    for looked_at, check in checks:
        try:
            yield from check()
        except UnansweredError as problem:
            yield warning(looked_at, problem.message, problem.remedy, sender=sender)


def _mx(names: Names, sender: str, domain: str) -> Iterator[Finding]:
    looked_at = f"MX of {domain}"
    servers = names.mx(domain)
    if servers == [""]:
        yield error(
            looked_at,
            "the domain says that it takes no mail at all (RFC 7505), so answers cannot come back",
            "Send from a domain that takes mail, or have its MX record corrected.",
            sender=sender,
        )
    elif not servers and not names.addresses(domain):
        yield error(
            looked_at,
            "no mail server and no address: answers and bounces cannot come back",
            "Correct `from` of the sender, or have an MX record published for the domain.",
            sender=sender,
        )
    elif not servers:
        yield warning(
            looked_at,
            "no MX record; mail goes to the address of the domain itself",
            "Have an MX record published: some servers refuse mail from domains without one.",
            sender=sender,
        )
    elif lost := [server for server in servers if not names.addresses(server)]:
        tell = error if len(lost) == len(servers) else warning
        yield tell(
            looked_at,
            f"{', '.join(lost)} {'has' if len(lost) == 1 else 'have'} no address",
            "Have the MX records corrected.",
            sender=sender,
        )
    else:
        yield ok(looked_at, ", ".join(servers), sender=sender)


def _spf(names: Names, sender: str, domain: str, wanted: str | None) -> Iterator[Finding]:
    looked_at = f"SPF of {domain}"
    records = [text for text in names.txt(domain) if spf.is_record(text)]
    if not records:
        yield error(
            looked_at,
            "no SPF record: large providers refuse or mark the mail",
            f"Publish a TXT record at {domain}, as: v=spf1 include:{wanted or 'YOUR-PROVIDER'} -all",
            sender=sender,
        )
        return
    if len(records) > 1:
        yield error(
            looked_at,
            f"{len(records)} SPF records: receivers then ignore all of them (RFC 7208, section 4.5)",
            "Join them into one that starts with v=spf1.",
            sender=sender,
        )
        return
    found = spf.walk(domain, spf.parse(records[0]), names)
    for fault in found.faults:
        yield error(
            looked_at,
            f"{fault}: receivers then ignore the record",
            "Correct the record; remove includes that are not needed any more, or write addresses instead.",
            sender=sender,
        )
    if found.all_ == "+":
        yield error(
            looked_at,
            "+all: everybody may send in the domain's name",
            "End the record with -all or ~all.",
            sender=sender,
        )
    elif found.all_ in (None, "?"):
        yield warning(
            looked_at,
            "the record does not say what holds for servers it does not name",
            "End the record with -all or ~all.",
            sender=sender,
        )
    if found.uses_ptr:
        yield warning(
            looked_at,
            "it uses ptr, which many receivers skip (RFC 7208, section 5.5)",
            "Name the addresses or an include instead.",
            sender=sender,
        )
    if wanted and wanted not in found.includes:
        yield warning(
            looked_at,
            f"the servers of your provider are not included ({wanted})",
            f"Add include:{wanted} to the record.",
            sender=sender,
        )
    if not found.faults and found.all_ in ("-", "~"):
        yield ok(
            looked_at,
            f"{found.all_}all, {found.lookups} of at most {spf.MOST_LOOKUPS} look-ups",
            sender=sender,
        )


def _dkim(
    names: Names,
    sender: str,
    domain: str,
    selectors: Sequence[str],
    keys: Sequence[Published],
    *,
    guessed: bool,
) -> Iterator[Finding]:
    for key in keys:
        yield from _own_key(sender, key, names.txt(key.place))
    if not selectors and not keys:
        yield warning(
            f"DKIM of {domain}",
            "not looked at: it is not known under which selector the mail server signs",
            "Ask your provider, and give it with --selector NAME (s= in the DKIM-Signature of a mail you got).",
            sender=sender,
        )
    seen = {selector: names.txt(f"{selector}._domainkey.{domain}") for selector in selectors}
    if guessed:
        present = {selector: texts for selector, texts in seen.items() if texts}
        if not present:
            yield error(
                f"DKIM of {domain}",
                f"no key at {', '.join(f'{selector}._domainkey' for selector in selectors)}, "
                "where the provider's keys stand",
                "Switch DKIM on for the domain at your provider, or give another selector with --selector.",
                sender=sender,
            )
        seen = present
    for selector, texts in seen.items():
        yield from _dkim_key(sender, f"DKIM key {selector}._domainkey.{domain}", texts)


def _own_key(sender: str, key: Published, texts: Sequence[str]) -> Iterator[Finding]:
    looked_at = f"DKIM key {key.place}"
    remedy = f"Publish this TXT record at {key.place}: {key.record}"
    if not texts:
        yield error(
            looked_at, "no record: receivers cannot check the signature of our mails", remedy, sender=sender
        )
    elif len(texts) == 1 and dkim.parse(texts[0]).key not in (b"", dkim.parse(key.record).key):
        yield error(
            looked_at, "it is of another key than the one our mails are signed with", remedy, sender=sender
        )
    else:
        yield from _dkim_key(sender, looked_at, texts)


def _dkim_key(sender: str, looked_at: str, texts: Sequence[str]) -> Iterator[Finding]:
    if len(texts) != 1:
        yield error(
            looked_at,
            f"{len(texts)} records" if texts else "no record: receivers cannot check the signature",
            "Publish the one TXT record that your mail server or provider shows for this selector.",
            sender=sender,
        )
        return
    key = dkim.parse(texts[0])
    if key.revoked:
        yield error(looked_at, "the key is revoked: p= is empty", "Publish the present key.", sender=sender)
    elif key.faults:
        yield error(
            looked_at, "; ".join(key.faults), "Publish the record as your provider shows it.", sender=sender
        )
    elif key.kind == "rsa" and key.bits < dkim.LEAST_BITS:
        yield error(
            looked_at,
            f"a key of {key.bits} bits, which receivers ignore (RFC 8301)",
            f"Make a new one of {dkim.GOOD_BITS} bits.",
            sender=sender,
        )
    elif key.kind == "rsa" and key.bits < dkim.GOOD_BITS:
        yield warning(
            looked_at,
            f"a key of {key.bits} bits",
            f"Make a new one of {dkim.GOOD_BITS} bits (RFC 8301).",
            sender=sender,
        )
    elif key.testing:
        yield warning(
            looked_at,
            "t=y: receivers treat signed mail as if it were not signed",
            "Remove t=y when you have tried it.",
            sender=sender,
        )
    else:
        yield ok(looked_at, f"{key.kind}, {key.bits} bits", sender=sender)


def _dmarc(
    names: Names, sender: str, domain: str, envelope: str, keys: Sequence[Published]
) -> Iterator[Finding]:
    looked_at = f"DMARC of {domain}"
    found = dmarc.look_up(domain, names.txt)
    if found is None:
        yield warning(
            looked_at,
            "no DMARC record, which large providers ask of who writes to many",
            f"Publish a TXT record at _dmarc.{domain}, to begin with: v=DMARC1; p=none; rua=mailto:ADDRESS",
            sender=sender,
        )
        return
    if len(found.texts) > 1:
        yield error(
            looked_at,
            f"{len(found.texts)} records at _dmarc.{found.domain}: receivers ignore them all",
            "Keep one.",
            sender=sender,
        )
        return
    record = dmarc.parse(found.texts[0])
    if record.faults:
        yield error(
            looked_at,
            f"the record at _dmarc.{found.domain} is wrong: {'; '.join(record.faults)}",
            "Correct it (RFC 7489, section 6.3).",
            sender=sender,
        )
        return
    inherited = found.domain != domain.lower()
    policy = (inherited and record.subdomain_policy) or record.policy
    told = f"policy {policy}{f', from _dmarc.{found.domain}' if inherited else ''}"
    rule = "the very domain of From" if record.strict_spf else "a domain of the same organisation as From's"
    if dmarc.aligned(domain, envelope, found.domain, strict=record.strict_spf):
        yield ok(looked_at, f"{told}; the envelope is of {envelope}: aligned", sender=sender)
    else:
        yield error(
            looked_at,
            f"{told}; the envelope is of {envelope}, and SPF counts for {rule} only",
            "Send with an envelope address of the domain of From, or sign with DKIM for that domain.",
            sender=sender,
        )
    for other in dict.fromkeys(key.domain for key in keys):
        if not dmarc.aligned(domain, other, found.domain, strict=record.strict_dkim):
            yield error(
                looked_at,
                f"our signatures are of {other}, which does not count for mail from {domain}",
                f"Sign for the domain of From: correct senders.{sender}.dkim.domain, or leave it out.",
                sender=sender,
            )
    if not record.reports_to:
        yield warning(
            looked_at,
            "nobody gets its reports, so nobody sees whose servers fail",
            "Add rua=mailto:ADDRESS to the record.",
            sender=sender,
        )
