"""The report by mail as its subject, its plain text and its HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from outreach.report import digest_chart
from outreach.report.digest import COMMANDS, SHOWN, Curve, Digest, Line, Sending, Waits
from outreach.report.digest_words import Words

_WIDTH = 72


@dataclass(frozen=True, slots=True)
class Page:
    """The mail, but for its header."""

    subject: str
    text: str
    html: str
    charts: tuple[
        tuple[str, str], ...
    ]  # name in ``cid:``, SVG: to be made a picture, as mail programs show no SVG


def page(digest: Digest, words: Words, domain: str) -> Page:
    """``domain``: in which the pictures have their Content-IDs (RFC 2392)."""
    charts = [
        (f"chart{number}.{digest.made_at:%Y%m%d%H%M%S}@{domain}", curve)
        for number, curve in enumerate(digest.curves, 1)
    ]
    return Page(
        subject=f"{_title(digest, words)}: {_headline(digest, words).rstrip('.')}",
        text="\n".join(_text(digest, words)) + "\n",
        html=_html(digest, words, [(name, curve) for name, curve in charts]),
        charts=tuple((name, _drawn(curve, words)) for name, curve in charts),
    )


def _title(digest: Digest, words: Words) -> str:
    return words.say("month" if digest.monthly else "week")


def _headline(digest: Digest, words: Words) -> str:
    if digest.since is None:
        return words.say("first")
    answers = max(0, digest.answers)
    day = words.day(digest.since)
    return (
        words.plural("have_answered", answers, date=day) if answers else words.say("none_answered", date=day)
    )


def _alternative(curve: Curve, words: Words) -> str:
    values = "; ".join(words.percent(value) for value in curve.percent)
    return f"{words.say('chart', campaign=curve.campaign)}: {values}"


def _drawn(curve: Curve, words: Words) -> str:
    return digest_chart.curve(
        curve.percent,
        words,
        title=words.say("chart", campaign=curve.campaign),
        description=_alternative(curve, words),
    )


def _name(digest: Digest, line: Line, words: Words) -> str:
    """A country below its campaign is called by its own name."""
    if line.country is None:
        return line.campaign
    country = words.country(line.country)
    return country if digest.is_part(line) else f"{line.campaign}, {country}"


def _figure(line: Line, name: str, words: Words) -> tuple[str, str]:
    """The count, and below it what has changed; for answers, what percentage of those reached they are."""
    count = words.number(int(getattr(line.now, name)))
    if name == "answered" and line.answered.percent is not None:
        count = f"{count} · {words.percent(line.answered.percent)}"
    return count, f"({words.change(line.change(name))})" if line.before is not None else ""


_COLUMNS = tuple(name for name in SHOWN if name != "reached")


def _text(digest: Digest, words: Words) -> Iterator[str]:
    yield f"{_title(digest, words)} – {digest.organisation}"
    yield ""
    yield from _wrapped(_headline(digest, words))
    yield ""
    for line in digest.lines:
        yield _name(digest, line, words)
        for name in _COLUMNS:
            count, change = _figure(line, name, words)
            yield f"  {words.say(name)}: {count} {change}".rstrip()
        yield ""
    for note in _notes(digest, words):
        yield from _wrapped(note)
        yield ""
    for curve in digest.curves:
        yield from _wrapped(_alternative(curve, words))
        yield ""
    yield from _heading(words.say("tasks" if digest.waits else "no_tasks"), more=bool(digest.waits))
    for one in digest.waits:
        yield f"- {_waiting(one, words)}"
        yield from (f"  · {detail}" for detail in one.details)
        if digest.base is None:
            yield f"  {COMMANDS[one.task]}"
    yield ""
    yield from _heading(
        words.say("sendings" if digest.sendings else "no_sendings"), more=bool(digest.sendings)
    )
    for sending in digest.sendings:
        yield f"- {sending.campaign}, {words.country(sending.country)}"
        yield from (f"  {label}: {value}" for label, value in _expected(sending, words))
    yield ""
    yield "-- "
    yield from _wrapped(words.say("why", email=digest.reader))


def _heading(text: str, *, more: bool) -> Iterator[str]:
    yield text
    if more:
        yield "=" * min(len(text), _WIDTH)


def _wrapped(text: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _waiting(one: Waits, words: Words) -> str:
    return f"{words.say(one.task.value)}: {words.number(one.number)}"


def _notes(digest: Digest, words: Words) -> Iterator[str]:
    if any(line.before is not None for line in digest.lines):
        yield words.say("change")
    if digest.base is not None:
        yield words.say("rounded", base=digest.base)


def _expected(sending: Sending, words: Words) -> Iterator[tuple[str, str]]:
    yield words.say("mails"), words.number(sending.mails)
    if sending.first_at is not None:
        yield words.say("next"), words.moment(sending.first_at)
    if sending.ends_at is not None:
        yield words.say("ends"), words.moment(sending.ends_at)


def _html(digest: Digest, words: Words, charts: Sequence[tuple[str, Curve]]) -> str:
    return _template().render(
        language=words.language,
        title=_title(digest, words),
        organisation=digest.organisation,
        headline=_headline(digest, words),
        columns=[words.say(name) for name in _COLUMNS],
        lines=[
            (
                _name(digest, line, words),
                not digest.is_part(line),
                [_figure(line, name, words) for name in _COLUMNS],
            )
            for line in digest.lines
        ],
        notes=list(_notes(digest, words)),
        charts=[
            (name, words.say("chart", campaign=curve.campaign), _alternative(curve, words))
            for name, curve in charts
        ],
        tasks=words.say("tasks" if digest.waits else "no_tasks"),
        waits=[
            (_waiting(one, words), one.details, COMMANDS[one.task] if digest.base is None else "")
            for one in digest.waits
        ],
        still=words.say("sendings" if digest.sendings else "no_sendings"),
        sendings=[
            (f"{one.campaign}, {words.country(one.country)}", list(_expected(one, words)))
            for one in digest.sendings
        ],
        why=words.say("why", email=digest.reader),
    )


@cache
def _template() -> Template:
    source = resources.files("outreach.report").joinpath("digest.html.j2").read_text(encoding="utf-8")
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(source)
