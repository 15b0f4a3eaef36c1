"""From what happened with one municipality to the lines of the report it stands on.

What each stage means is said to people in ``report.measures``; here is how it follows from the facts:

- A municipality is *invited* by a mail of the sequence that was accepted (``sent``), whether it came back later
  (``bounced``) or not. Nobody stands in a later figure who is not invited. A mail that names several municipalities,
  which share its address, invites all of them; an answer to it counts for the one it was matched to.
- It has *answered* when a person did something (:data:`~outreach.model.states.STOPPING_ENGAGEMENTS`, not undone) or
  when it has a place. It is *reached* when one of the mails did not come back, or it answered or attended.
- It is *registered* while its place stands, whatever it said before; else *declined* if the last of its decisions
  (yes, no, perhaps) is a no.
- All that it did counts for one mail: the last of ours that it answered; where no mail is known, the last it got.
- Of several campaigns together it stands at every stage it reached in one of them; it has declined if it declined one
  and is registered in none.

A number of the report is a sum over municipalities, so it is kept current by taking away what a municipality was
counted as and adding what it is (``db.standings``). Everything here is therefore a function of the facts of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    EngagementKind,
    ExclusionReason,
    MessageState,
    Progress,
    RegistrationState,
)
from outreach.report.document import Cut, Unit
from outreach.report.facts import Act, Mail, Place, Pursuit

#: A pattern is a sum of these: the stages a municipality has come to.
(
    LISTED,
    REACHABLE,
    INVITED,
    REACHED,
    ANSWERED,
    REGISTERED,
    ATTENDED,
    DECLINED,
    UNSUBSCRIBED,
    STARTED,
    FINISHED,
) = (1 << number for number in range(11))

#: Selections besides the slugs of campaigns.
ALL, PLACES = "", "*"

#: Cuts of numbers that are no sections of the report.
WHOLE = "whole"  # value "": all of the selection
DAY = "day"  # days from the launch to the first answer
WAIT = "wait"  # hours from the first mail to the first answer; after ten days, those of whole days
SENT_ON, ANSWERED_ON = "sent_on", "answered_on"  # the day where the municipality is; mails, and first answers
FATE = "fate"  # why it is not invited; or "reached", "bounced"
MAIL = "mail"  # what became of each mail written for it
ANSWER = "answer"  # what became of each answer that came
VARIANT = "variant"  # of the campaign's experiment, and the step: "b reminder"

_MUNICIPALITY, _CONTACT = Unit.MUNICIPALITY.value, Unit.CONTACT.value
_DELIVERED = frozenset({MessageState.SENT.value, MessageState.BOUNCED.value})
_WAITING = frozenset({MessageState.QUEUED.value, MessageState.SENDING.value, MessageState.DEFERRED.value})
_PERSONS = frozenset(kind.value for kind in STOPPING_ENGAGEMENTS)
_DECISIONS = frozenset(
    kind.value for kind in (EngagementKind.REGISTERED, EngagementKind.DECLINED, EngagementKind.TENTATIVE)
)
_STEP, _LANGUAGE = Cut.STEP.value, Cut.LANGUAGE.value
_WEEK, _WEEKDAY, _HOUR = Cut.WEEK.value, Cut.WEEKDAY.value, Cut.HOUR.value
_SENT, _REGISTERED = MessageState.SENT.value, RegistrationState.REGISTERED.value
_YES, _NO, _STOP = (
    kind.value for kind in (EngagementKind.REGISTERED, EngagementKind.DECLINED, EngagementKind.UNSUBSCRIBED)
)
_DAY = 86_400
#: Hours of waiting that are told apart; after these, days.
_HOURS = 240

#: The first class of inhabitants that holds a number: where each begins.
SIZES = (0, 2_000, 5_000, 10_000, 50_000, 100_000)

#: Whether a municipality was reached, and what can keep it from that, the nearest to it first.
FATES = (
    "reached",
    "bounced",
    MessageState.UNCERTAIN.value,
    "waiting",
    MessageState.MISSED.value,
    MessageState.FAILED.value,
    MessageState.SKIPPED.value,
    MessageState.CANCELLED.value,
    ExclusionReason.SUPPRESSED.value,
    ExclusionReason.SHARED_ADDRESS.value,
    ExclusionReason.KIND_NOT_WANTED.value,
    ExclusionReason.PLACE_IN_DOUBT.value,
    ExclusionReason.GONE.value,
    ExclusionReason.NOT_FIRST_CHOICE.value,
    "not_written",  # in the audience, and no mail was written
)
_RANK = {fate: rank for rank, fate in enumerate(FATES)}


#: Selection, unit, cut, value, pattern.
Key = tuple[str, str, str, str, int]
_Lines = dict[tuple[str, str], int]


def tally(place: Place) -> Counter[Key]:
    """How often the municipality stands on each line. Nearly always once."""
    found: Counter[Key] = Counter()
    traits = (
        (WHOLE, ""),
        (Cut.SIZE.value, size_class(place.population)),
        (Cut.DEGURBA.value, str(place.degurba) if place.degurba else ""),
        (Cut.REGION.value, place.region),
    )
    here = LISTED | (REACHABLE if place.reachable else 0)
    for cut, value in traits:
        found[PLACES, _MUNICIPALITY, cut, value, here] += 1
        if place.contacts:
            found[PLACES, _CONTACT, cut, value, LISTED | REACHABLE] += place.reachable
            found[PLACES, _CONTACT, cut, value, LISTED] += place.contacts - place.reachable
    lines: dict[int, _Lines] = {}  # over all campaigns; by contact, 0: the municipality
    fates: dict[int, str] = {}
    by_slug: dict[str, list[Pursuit]] = {}
    for pursuit in place.pursuits:
        by_slug.setdefault(pursuit.slug, []).append(pursuit)
    for slug, pursuits in by_slug.items():
        for who, unit, own, fate in _of_campaign(place, slug, pursuits, traits, found):
            reachable = f"{fate}+" if _is_reachable(place, pursuits, who) else fate
            found[slug, unit, FATE, reachable, 0] += 1
            if who not in fates or _rank(fate) < _rank(fates[who].rstrip("+")):
                fates[who] = reachable
            whole = lines.setdefault(who, {})
            for line, pattern in own.items():
                found[slug, unit, *line, pattern] += 1
                whole[line] = whole.get(line, 0) | pattern
    for who, fate in fates.items():
        unit = _CONTACT if who else _MUNICIPALITY
        found[ALL, unit, FATE, fate, 0] += 1
        for line, pattern in lines[who].items():
            if pattern & REGISTERED:
                pattern &= ~DECLINED
            found[ALL, unit, *line, pattern] += 1
    return Counter({key: number for key, number in found.items() if number})


def size_class(population: int | None) -> str:
    """``2000-4999``, ``100000-``; "" where the number of inhabitants is not known."""
    if population is None:
        return ""
    for first, after in zip(SIZES, (*SIZES[1:], None), strict=True):
        if after is None or population < after:
            return f"{first}-{after - 1}" if after else f"{first}-"
    raise AssertionError("the last class has no end")


def _rank(fate: str) -> int:
    return _RANK[fate]


def _is_reachable(place: Place, pursuits: Sequence[Pursuit], who: int) -> bool:
    if not who:
        return place.reachable > 0
    return any(entry.reachable for one in pursuits for entry in one.entries if entry.contact == who)


def _of_campaign(
    place: Place,
    slug: str,
    pursuits: Sequence[Pursuit],
    traits: Sequence[tuple[str, str]],
    found: Counter[Key],
) -> Iterator[tuple[int, str, _Lines, str]]:
    """The municipality (0), and each of its contacts that is in the audience: its lines, and its fate."""
    mails = [mail for one in pursuits for mail in one.mails]
    acts = [act for one in pursuits for act in one.acts]
    persons = [act for act in acts if act.kind in _PERSONS and not act.undone]
    sent = [mail for mail in mails if mail.state in _DELIVERED]
    launched = pursuits[0].launched
    progress = next((one.progress for one in pursuits if one.progress), "")
    registered = bool(progress) or any(one.place == _REGISTERED for one in pursuits)
    attended = any(one.attended for one in pursuits)
    before = (answered_at(one) for one in place.pursuits if one.slug != slug)
    is_known = any(at is not None and at < launched for at in before)
    known = (Cut.NEW_OR_KNOWN.value, "known" if is_known else "new")
    fixed = [*traits, known]
    variant = next((entry.variant for one in pursuits for entry in one.entries if entry.variant), "")
    done = (REGISTERED if registered else 0) | (ATTENDED if attended else 0)
    if progress:
        done |= STARTED | (FINISHED if progress == Progress.FINISHED else 0)
    lines, credited = _lines(sent, persons, done, launched, fixed, bool(place.reachable))
    if variant:
        own_steps = [(value, pattern) for (cut, value), pattern in lines.items() if cut == _STEP]
        for step, pattern in own_steps:
            found[slug, _MUNICIPALITY, VARIANT, f"{variant} {step}", pattern] += 1
    entries = [entry for one in pursuits for entry in one.entries]
    yield 0, _MUNICIPALITY, lines, _fate(lines, mails, [entry.excluded for entry in entries])
    _count_mails_and_answers(place, slug, pursuits, sent, persons, bool(lines), found)
    takers = {act.recipient for act in persons if act.kind == _YES}
    if not takers and credited is not None:
        takers = {credited.recipient}
    contacts: dict[int, set[int]] = {}
    for entry in entries:
        if not entry.excluded:
            contacts.setdefault(entry.contact, set()).add(entry.recipient)
    for contact, its in contacts.items():
        may = _is_reachable(place, pursuits, contact)
        if may == (place.reachable > 0) and all(
            one.recipient in its for some in (mails, persons) for one in some
        ):
            yield (
                contact,
                _CONTACT,
                lines,
                _fate(lines, mails, ()),
            )  # nearly always: it stands alone for its municipality
            continue
        own = [mail for mail in mails if mail.recipient in its]
        its_lines, _ = _lines(
            [mail for mail in own if mail.state in _DELIVERED],
            [act for act in persons if act.recipient in its],
            done if its & takers else 0,
            launched,
            fixed,
            may,
        )
        yield contact, _CONTACT, its_lines, _fate(its_lines, own, ())


def answered_at(pursuit: Pursuit) -> int | None:
    """When the municipality first answered; ``None``: it did not. Seconds since 1970."""
    times = [act.at for act in pursuit.acts if act.kind in _PERSONS and not act.undone]
    if not times and (pursuit.progress or pursuit.place == _REGISTERED):
        times = [pursuit.placed]
    return min(times, default=None)


def _lines(
    sent: Sequence[Mail],
    persons: Sequence[Act],
    done: int,
    launched: int,
    fixed: Iterable[tuple[str, str]],
    reachable: bool,
) -> tuple[_Lines, Mail | None]:
    """The lines, each with its pattern, and the mail that what was done counts for; none without a mail."""
    if not sent:
        return {}, None
    if persons or done & REGISTERED:
        done |= ANSWERED
    if not done & REGISTERED:
        decisions = [act for act in persons if act.kind in _DECISIONS]
        if decisions and max(decisions, key=lambda act: act.id).kind == _NO:
            done |= DECLINED
    if any(act.kind == _STOP for act in persons):
        done |= UNSUBSCRIBED
    if done:
        done |= REACHED
    invited = INVITED | (REACHABLE if reachable else 0)
    arrived = any(mail.state == _SENT for mail in sent)
    whole = invited | done | (REACHED if arrived else 0)
    lines: _Lines = dict.fromkeys(fixed, whole)
    answered = {act.message for act in persons}
    credited = max([mail for mail in sent if mail.message in answered] or sent, key=lambda mail: mail.message)
    for mail in sent:
        pattern = invited | (REACHED if mail.state == _SENT else 0)
        if mail is credited:
            pattern |= done
        for line in _of_mail(mail, launched):
            lines[line] = lines.get(line, 0) | pattern
    return lines, credited


def _of_mail(mail: Mail, launched: int) -> Iterator[tuple[str, str]]:
    yield _STEP, mail.step
    yield _LANGUAGE, mail.language
    if mail.sent is None:
        yield _WEEK, ""
        yield _WEEKDAY, ""
        yield _HOUR, ""
        return
    yield _WEEK, str(max(0, mail.sent - launched) // (7 * _DAY) + 1)
    local = mail.sent + mail.offset
    yield _WEEKDAY, str((local // _DAY + 3) % 7 + 1)  # 1970 began on a Thursday
    yield _HOUR, str(local % _DAY // 3600)


def _fate(lines: _Lines, mails: Sequence[Mail], excluded: Iterable[str]) -> str:
    if lines:
        return "reached" if lines[WHOLE, ""] & REACHED else "bounced"
    fates = ["waiting" if mail.state in _WAITING else mail.state for mail in mails]
    return min(fates or [reason or "not_written" for reason in excluded] or ["not_written"], key=_rank)


def _count_mails_and_answers(
    place: Place,
    slug: str,
    pursuits: Sequence[Pursuit],
    sent: Sequence[Mail],
    persons: Sequence[Act],
    invited: bool,
    found: Counter[Key],
) -> None:
    """Mails are counted at the municipality they were sent to; what others share is not counted again."""
    for one in pursuits:
        if one.others:
            found[slug, _MUNICIPALITY, MAIL, "other", 0] += one.others
        for mail in one.mails:
            if not mail.shared:
                state = "waiting" if mail.state in _WAITING else mail.state
                found[slug, _MUNICIPALITY, MAIL, state, 0] += 1
                if mail.sent is not None and mail.state in _DELIVERED:
                    found[slug, _MUNICIPALITY, SENT_ON, _date(mail.sent + mail.offset), 0] += 1
        for act in one.acts:
            what = "person"
            if act.undone:
                what = "undone"
            elif act.kind not in _PERSONS:
                what = "machine"
            elif not invited:
                what = "not_invited"
            elif act is not min(persons, key=lambda each: each.id):
                what = "again"
            found[slug, _MUNICIPALITY, ANSWER, what, 0] += 1
    if not invited:
        return
    times = [at for one in pursuits if (at := answered_at(one)) is not None]
    if times:
        first, launched = min(times), pursuits[0].launched
        began = min((mail.sent for mail in sent if mail.sent is not None), default=launched)
        offset = sent[-1].offset if sent else place.offset
        found[slug, _MUNICIPALITY, DAY, str(max(0, first - launched) // _DAY), 0] += 1
        hours = max(0, first - began) // 3600
        waited = hours if hours < _HOURS else hours // 24 * 24
        found[slug, _MUNICIPALITY, WAIT, str(waited), 0] += 1
        found[slug, _MUNICIPALITY, ANSWERED_ON, _date(first + offset), 0] += 1


def _date(local: int) -> str:
    return datetime.fromtimestamp(local, UTC).date().isoformat()
