"""The mails of a campaign file, ``[[steps]]``: those of the sequence, and those around its session."""

from __future__ import annotations

import re

from outreach.campaign.definition import Condition, Delay, DelayUnit, SessionStep, Side, Step
from outreach.campaign.tables import Table
from outreach.model.states import AnswerMail

MAX_DELAY_DAYS = 365
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: The keys that make a step a mail around the session.
AROUND = {"before": Side.BEFORE, "after_session": Side.AFTER}
_DELAY = re.compile(r"(\d+)\s*(working\s+days?|days?|weeks?)", re.IGNORECASE)
#: Days of a delay as it counts for the order of mails.
_WEIGHT = {DelayUnit.DAYS: 5, DelayUnit.WORKING_DAYS: 7}


def read_steps(table: Table) -> tuple[tuple[Step, ...], tuple[SessionStep, ...]]:
    """The steps of the sequence as the file has them, and the mails around the session in the order in which they
    go. InputError for anything wrong."""
    tables = table.tables("steps")
    if not tables:
        raise table.error(
            None, "has no steps, so nothing would be sent.", 'Add [[steps]] and under it name = "invitation".'
        )
    steps: list[Step] = []
    around: list[SessionStep] = []
    for step in tables:
        step.allow(("name", "after", "before", "after_session", "only_if"))
        name = _name(step, {one.name for one in steps} | {one.name for one in around})
        side = next((key for key in AROUND if key in step), None)
        if side is not None and steps:
            around.append(_around(step, name, side))
            if any(_when(one) == _when(around[-1]) for one in around[:-1]):
                raise step.error(
                    side, "is the same as of another step.", "Two mails would go at once: change one of them."
                )
        else:
            steps.append(_later(step, name) if steps else _first(step, name))
    return tuple(steps), tuple(sorted(around, key=_when))


def _name(step: Table, taken: set[str]) -> str:
    name = step.required_text("name", '"invitation"')
    if not SLUG.fullmatch(name):
        raise step.error(
            "name",
            f"cannot be “{name}”.",
            "Small letters a to z, digits and hyphens: it names the file <name>.<language>.md.",
        )
    if name.rstrip("0123456789-") in set(AnswerMail):
        raise step.error(
            "name",
            f"cannot be “{name}”: the mails that answer an answer are called so.",
            f"Give it another name than {', '.join(AnswerMail)}.",
        )
    if name in taken:
        raise step.error("name", f"is “{name}” for a second time.", "Give each step a name of its own.")
    return name


def _first(step: Table, name: str) -> Step:
    for key in ("after", *AROUND, "only_if"):
        if key in step:
            raise step.error(
                key,
                "has no meaning at the first step.",
                "Remove the line: the first mail goes out at launch.",
            )
    return Step(name)


def _later(step: Table, name: str) -> Step:
    # An answer ends the sequence for its municipality, so there is one condition to choose from today.
    condition = step.choice("only_if", (Condition.UNANSWERED,), Condition.UNANSWERED)
    return Step(name, _delay(step, "after"), Condition(condition))


def _around(step: Table, name: str, key: str) -> SessionStep:
    for other in ("after", *AROUND):
        if other != key and other in step:
            raise step.error(
                other,
                f"cannot stand beside “{key}”.",
                "A mail goes after the one before it, or around the session.",
            )
    side = AROUND[key]
    # Before the session nobody has come to it yet.
    allowed = (Condition.REGISTERED,) if side is Side.BEFORE else (Condition.ATTENDED, Condition.REGISTERED)
    return SessionStep(name, side, _delay(step, key), Condition(step.choice("only_if", allowed, allowed[0])))


def _delay(step: Table, key: str) -> Delay:
    text = step.required_text(key, '"7 days"')
    found = _DELAY.fullmatch(text)
    count = int(found[1]) * (7 if found[2].lower().startswith("week") else 1) if found else 0
    if found is None or not 1 <= count <= MAX_DELAY_DAYS:
        raise step.error(
            key,
            f"cannot be “{text}”.",
            f'Write for instance "7 days", "2 weeks" or "5 working days", up to {MAX_DELAY_DAYS} days.',
        )
    unit = DelayUnit.WORKING_DAYS if found[2].lower().startswith("working") else DelayUnit.DAYS
    return Delay(count, unit)


def _when(step: SessionStep) -> int:
    days = step.delay.count * _WEIGHT[step.delay.unit]
    return days if step.side is Side.AFTER else -days
