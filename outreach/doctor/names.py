"""Asking the DNS, through the resolver of this machine or one that the user names."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from outreach.errors import InputError, OutreachError

if TYPE_CHECKING:
    from dns.resolver import Resolver

_SECONDS = 5.0  # for a question with all its retries


class UnansweredError(OutreachError):
    """The DNS could not be asked: nothing is known, which is not the same as nothing being there."""


class Names:
    """Answers are kept for as long as this lives. Each method raises :class:`UnansweredError`.

    ``resolver`` is an address, as ``127.0.0.1``, ``127.0.0.1:5353`` or ``[::1]:5353``; ``None``: this machine's.
    :raises InputError: ``resolver`` is no address.
    """

    def __init__(self, resolver: str | None = None, seconds: float = _SECONDS) -> None:
        self._resolver = _resolver(resolver)
        self._resolver.lifetime = seconds
        self._resolver.timeout = seconds / 2
        self._ask = cache(self._ask_once)

    def txt(self, name: str) -> list[str]:
        """The strings of each TXT record, joined as they have to be (RFC 7208, section 3.3)."""
        return [b"".join(one.strings).decode("utf-8", "replace") for one in self._ask(name, "TXT")]

    def mx(self, name: str) -> list[str]:
        """Mail servers, the preferred first; "" is the null MX of RFC 7505: no mail at all."""
        answers = sorted(self._ask(name, "MX"), key=lambda one: int(one.preference))
        return [one.exchange.to_text(omit_final_dot=True).rstrip(".") for one in answers]

    def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6."""
        return [str(one.address) for kind in ("A", "AAAA") for one in self._ask(name, kind)]

    def _ask_once(self, name: str, kind: str) -> list[Any]:
        import dns.exception
        import dns.resolver

        try:
            return list(self._resolver.resolve(_in_ascii(name) + ".", kind, raise_on_no_answer=False))
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            if isinstance(error, dns.exception.Timeout):
                why = f"nothing within {self._resolver.lifetime:g} seconds"
            elif isinstance(error, dns.resolver.NoNameservers):
                why = "the DNS server failed or refused"
            raise UnansweredError(
                f"The DNS gave no answer about {name} ({kind}): {why}.",
                "Check the network; or name another resolver with --resolver, as --resolver 9.9.9.9.",
            ) from error


def _resolver(text: str | None) -> Resolver:
    import dns.resolver

    if text is None:
        try:
            return dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration as error:
            raise InputError(
                "This machine has no DNS resolver.", "Name one with --resolver, as --resolver 9.9.9.9."
            ) from error
    host, port = text, "53"
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or "53" if closed else ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ip_address(host)
        number = int(port)
        if not 0 < number < 65536:
            raise ValueError
    except ValueError:
        raise InputError(
            f"--resolver {text} is no address of a DNS server.", "Write it like 9.9.9.9 or 127.0.0.1:5353."
        ) from None
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [host]
    resolver.port = number
    return resolver


def _in_ascii(name: str) -> str:
    import idna

    name = name.rstrip(".")
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
