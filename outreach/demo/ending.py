"""What is left of the demo: that it kept its promises, its mails as files, and what to type next."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from outreach.demo.towns import Towns
from outreach.demo.voice import Voice
from outreach.errors import OutreachError
from outreach.model.countries import COUNTRIES

_FIRST_STEP = "invitation"


@dataclass(frozen=True, slots=True)
class Facts:
    """Counted at the receiving end."""

    received: int  # mails
    reminders: int
    answered: int  # answers after which no reminder came


def check(towns: Towns) -> Facts:
    """Compare what the servers received with what the municipalities did.

    Raises :class:`~outreach.errors.OutreachError` for a mail that should not have come: the promise of the
    whole program would be broken.
    """
    times = Counter((mail.recipient.lower(), mail.campaign, mail.step) for mail in towns.received)
    for (address, campaign, step), number in times.items():
        if number > 1:
            raise _broken(f"{address} got the {step} of {campaign} {number} times")
    answered = {
        (deed.town.address.lower(), deed.campaign): deed.at for deed in reversed(list(towns.answered()))
    }
    stopped = {
        deed.town.address.lower(): deed.at for deed in towns.deeds if deed.kind in ("unsubscribe", "returned")
    }
    reminders = [mail for mail in towns.received if mail.step != _FIRST_STEP]
    for mail in reminders:
        address = mail.recipient.lower()
        at = answered.get((address, mail.campaign))
        if at is not None and at < mail.at:
            raise _broken(f"{address} had answered {mail.campaign} and got its {mail.step}")
        if address in stopped and stopped[address] < mail.at:
            raise _broken(
                f"{address} wanted or could get no more mail and got the {mail.step} of {mail.campaign}"
            )
    reminded = {(mail.recipient.lower(), mail.campaign) for mail in reminders}
    return Facts(len(towns.received), len(reminders), len(set(answered) - reminded))


def write_mails(folder: Path, towns: Towns) -> list[str]:
    """One invitation of each language, and of each two that stand in one mail, as it was received: ``.eml`` whole,
    ``.html`` as it is seen; from a country of that language alone where there is one. Returns the languages."""
    folder.mkdir(exist_ok=True)
    written: list[str] = []
    for mail in sorted(towns.received, key=lambda mail: len(COUNTRIES[mail.campaign[-2:].upper()].languages)):
        slug = mail.campaign.rpartition("-")[0]
        if mail.step == _FIRST_STEP and slug == "lordimas" and mail.language not in written:
            written.append(mail.language)
            name = f"{slug}-{mail.step}.{mail.language}"
            (folder / f"{name}.eml").write_bytes(mail.data)
            (folder / f"{name}.html").write_text(mail.html_body, encoding="utf-8")
    return sorted({one for both in written for one in both.split("+")})


def farewell(voice: Voice, folder: Path, languages: list[str]) -> None:
    """What to look at and what to type next; all of it works without the servers."""
    program = _program()
    outreach = f"{program} -w {folder}"
    voice.title("Look at")
    for name, what in (
        ("mails", f"a sent mail in each of {len(languages)} languages, or two, as .html and .eml"),
        ("contacts", "the lists; their rejected rows, to be mended, in *.rejected.csv"),
    ):
        voice.say(f"  {folder / name}/".ljust(len(f"  {folder}/contacts/")) + f"  {what}")
    voice.title("Type next (the mail servers are gone, so nothing more is sent)")
    for command in (
        "inbox list",
        "campaigns status lordimas --country BE",
        "report --campaign information-session",
        "campaigns check helpdesk --country FI",
    ):
        voice.say(f"  {outreach} {command}")
    voice.say()
    voice.say("Your own workspace begins with:")
    voice.say(f"  {program} init my-workspace")


def _program() -> str:
    """How the command was called, so that its lines can be typed as they stand."""
    called = Path(sys.argv[0])
    if called.name != "outreach":
        return "outreach"
    found = shutil.which("outreach")
    if found and Path(found).resolve() == called.resolve():
        return "outreach"
    try:
        return str(called.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(called)


def _broken(what: str) -> OutreachError:
    return OutreachError(f"This must never happen: {what}.", "Please report it, with the folder of the demo.")
