"""What the rates leave out, and why: from all there is to what they count, without a rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from outreach.model.states import ExclusionReason, MessageState
from outreach.report import funnel
from outreach.report.document import LeftOut, Reason, Unit
from outreach.report.funnel import ALL
from outreach.report.sections import Numbers

_FATES = {
    "bounced": "All mails came back for good",
    MessageState.UNCERTAIN.value: "Whether its mail went out is not known",
    "waiting": "Its first mail waits to be sent",
    MessageState.MISSED.value: "Its mail missed its time, and waits for a decision",
    MessageState.FAILED.value: "Its mail could not be sent",
    MessageState.SKIPPED.value: "Its mail was stopped: no longer wanted",
    MessageState.CANCELLED.value: "The campaign was cancelled before its mail went out",
    ExclusionReason.SUPPRESSED.value: "Its addresses must not be written to",
    ExclusionReason.SHARED_ADDRESS.value: "Its address stands for another municipality, whose mail does not name it",
    ExclusionReason.KIND_NOT_WANTED.value: "Only addresses of a kind that the campaign does not write to",
    ExclusionReason.PLACE_IN_DOUBT.value: "Which municipality the address belongs to is in doubt",
    ExclusionReason.GONE.value: "Its addresses are no longer in their lists",
    ExclusionReason.NOT_FIRST_CHOICE.value: "Another address was to be written to",
    "not_written": "No mail was written",
    "came_later": "Has an address that was not there at the launch",
    "no_address": "No usable address",
}
_OF_CONTACTS = {
    **_FATES,
    "came_later": "Not chosen, or not there at the launch",
    "no_address": "Must not be written to, and was not",
}
_MAILS = {
    MessageState.BOUNCED.value: "Came back for good",
    MessageState.UNCERTAIN.value: "Whether it went out is not known",
    "waiting": "Waits to be sent",
    MessageState.MISSED.value: "Missed its time, and waits for a decision",
    MessageState.FAILED.value: "Could not be sent",
    MessageState.SKIPPED.value: "Stopped before it went out: no longer wanted",
    MessageState.CANCELLED.value: "Cancelled with its campaign",
    "other": "Confirms, thanks or is about a session: no mail of the sequence",
}
_ANSWERS = {
    "again": "Further answers of the same municipality",
    "machine": "Answers of machines",
    "undone": "Taken back by a person",
    "not_invited": "Of municipalities that no counted mail invited",
}


def left_out(numbers: Numbers) -> Iterator[LeftOut]:
    """Of all campaigns together (where there are several), then of each: municipalities (or contacts), mails,
    answers."""
    slugs = [one.slug for one in numbers.launched]
    if len(slugs) > 1:
        yield from _tables(numbers, ALL, slugs)
    for slug in slugs:
        yield from _tables(numbers, slug, [slug])


def _tables(numbers: Numbers, selection: str, slugs: Sequence[str]) -> Iterator[LeftOut]:
    yield _units(numbers, selection)
    if numbers.unit is Unit.CONTACT:
        return  # mails and answers are the same by either unit
    yield _sum(numbers, selection, slugs, funnel.MAIL, "mails", MessageState.SENT.value, _MAILS)
    yield _sum(numbers, selection, slugs, funnel.ANSWER, "answers", "person", _ANSWERS)


def _units(numbers: Numbers, selection: str) -> LeftOut:
    countries = numbers.countries(selection)
    whole = numbers.counts(selection, funnel.WHOLE, "", countries)
    found: dict[str, int] = {}
    reachable = 0
    for fate in numbers.lines(selection, funnel.FATE):
        number = numbers.number(selection, funnel.FATE, fate, countries)
        found[fate.rstrip("+")] = found.get(fate.rstrip("+"), 0) + number
        reachable += number if fate.endswith("+") else 0
    base = numbers.counts(funnel.PLACES, funnel.WHOLE, "", countries)
    listed, may = base.listed or 0, base.reachable or 0
    in_campaign = sum(found.values())
    found["came_later"] = may - reachable
    found["no_address"] = listed - in_campaign - found["came_later"]
    contacts = numbers.unit is Unit.CONTACT
    labels = _OF_CONTACTS if contacts else _FATES
    return LeftOut(
        what="contacts" if contacts else "municipalities",
        label="Reached",
        total_label="Contacts known" if contacts else "Municipalities of the countries",
        total=listed,
        counted=whole.reached,
        reasons=tuple(Reason(key, label, found[key]) for key, label in labels.items() if found.get(key)),
        campaign=selection or None,
    )


def _sum(
    numbers: Numbers,
    selection: str,
    slugs: Sequence[str],
    cut: str,
    what: str,
    counted: str,
    labels: dict[str, str],
) -> LeftOut:
    def of(value: str) -> int:
        return sum(numbers.number(slug, cut, value, numbers.countries(slug)) for slug in slugs)

    values = {value for slug in slugs for value in numbers.lines(slug, cut)}
    reasons = (Reason(key, label, of(key)) for key, label in labels.items())
    mails = cut == funnel.MAIL
    return LeftOut(
        what=what,
        label="Sent, and did not come back" if mails else "First answers of persons",
        total_label="Mails written" if mails else "Answers that came",
        total=sum(of(value) for value in values),
        counted=of(counted),
        reasons=tuple(reason for reason in reasons if reason.number),
        campaign=selection or None,
    )
