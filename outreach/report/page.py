"""The report as a page of its own: one HTML file without a script or anything to fetch, for screen and paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from outreach.report import page_figures as figures
from outreach.report import page_tables as tables
from outreach.report.charts_ink import printable, stylesheet
from outreach.report.document import AnswerCurve, Cut, Report
from outreach.report.measures import NOTES, Counts, rate
from outreach.report.page_figures import figure_key
from outreach.report.page_labels import measure_label, measure_meaning, unit_label
from outreach.report.page_view import Chapter, Figure, Headline, Page
from outreach.report.page_words import SOURCE, Words, words

#: The counts that a page begins with.
_HEADLINES = ("invited", "reached", "answered", "registered")
_MAIL_CUTS = (Cut.LANGUAGE, Cut.WEEK, Cut.WEEKDAY, Cut.HOUR)
_PLACE_CUTS = (Cut.SIZE, Cut.DEGURBA, Cut.REGION, Cut.NEW_OR_KNOWN)


def to_html(report: Report, language: str = SOURCE) -> str:
    """The page in ``language``, one of :func:`~outreach.report.page_words.languages`; KeyError for any other.

    Whatever campaigns, steps and regions are called is escaped; campaigns come from files that people write.
    """
    say = words(language)
    css = Markup(_css())  # noqa: S704  # our own file
    return printable(_template().render(page=view(report, say), say=say, css=css))


def view(report: Report, say: Words) -> Page:
    """What the page shows, in the words of ``say``."""
    return Page(
        language=say.language,
        title=_title(report, say),
        about=tuple(_about(report, say)),
        headlines=tuple(_headlines(report.total, say)),
        chapters=tuple(chapter for chapter in _chapters(report, say) if chapter.figures),
        definitions=tables.definitions(report.definitions, say),
        notes=tuple(say.get(f"note.{number}", note) for number, note in enumerate(report.notes))
        if report.notes == NOTES
        else report.notes,
    )


def _title(report: Report, say: Words) -> str:
    parts = [say("report")]
    if report.selection.campaign:
        parts.append(report.selection.campaign)
    if report.selection.country:
        parts.append(say.country(report.selection.country))
    return " · ".join(parts)


def _about(report: Report, say: Words) -> Iterator[str]:
    yield say("made_at", day=say.day(report.made_at.date()), time=f"{report.made_at:%H:%M %Z}".strip())
    yield say("counted", unit=unit_label(report.selection.unit, say))


def _headlines(counts: Counts, say: Words) -> Iterator[Headline]:
    by_name = {measure.name: measure for measure in tables.known([counts])}
    for name in _HEADLINES:
        measure, share = by_name[name], rate(counts, name)
        part, between = "", ""
        if share is not None and share.interval is not None and measure.of is not None:
            of = measure_label(by_name[measure.of], say)
            places = tables.digits(share.denominator)
            percent = say.percent(share.percent, places)
            part = say("share_of", percent=percent, what=of, whole=say.number(share.denominator))
            between = say.interval(*share.interval, places)
        value = say.number(getattr(counts, name))
        yield Headline(measure_label(measure, say), value, part, between, measure_meaning(measure, say))


def _chapters(report: Report, say: Words) -> Iterator[Chapter]:
    campaigns = report.section(Cut.CAMPAIGN, None, report.selection.country) or report.section(Cut.CAMPAIGN)
    slugs = [line.key for line in campaigns.lines] if campaigns else []
    overview = [figures.funnel("funnel", report.total, say)]
    if campaigns is not None and len(slugs) > 1:
        overview.append(figures.cut("campaigns", campaigns, say))
        yield Chapter("overview", say("chapter_all"), (*overview, *_countries(report, None, say)))
        for slug in slugs:
            key = figure_key("campaign", str(slugs.index(slug) + 1))
            own = [*_course(report, slug, say), *_countries(report, slug, say)]
            own += [*_cuts(report, slug, (*_MAIL_CUTS, *_PLACE_CUTS), say), *_left_out(report, slug, say)]
            yield Chapter(key, slug, tuple(own))
    else:
        only = slugs[0] if slugs else None
        yield Chapter("overview", say("chapter_overview"), (*overview, *_course(report, only, say)))
        yield Chapter("countries", say("chapter_countries"), tuple(_countries(report, only, say)))
        yield Chapter("mails", say("chapter_mails"), tuple(_cuts(report, only, _MAIL_CUTS, say)))
        yield Chapter("places", say("chapter_places"), tuple(_cuts(report, only, _PLACE_CUTS, say)))
    if any(one.mails for one in report.sends):
        yield Chapter("calendar", say("chapter_calendar"), (figures.calendar("sends", report.sends, say),))
    tried = enumerate(report.experiments, 1)
    yield Chapter(
        "experiments",
        say("chapter_experiments"),
        tuple(figures.experiment(f"experiment-{number}", one, say) for number, one in tried),
    )
    yield Chapter(
        "left-out",
        say("chapter_left_out"),
        tuple(_left_out(report, slugs[0] if len(slugs) == 1 else None, say)),
    )


def _course(report: Report, slug: str | None, say: Words) -> Iterator[Figure]:
    """How answers came in, and which mail brought them."""
    country = report.selection.country
    curve = _curve(report, slug, country) or _curve(report, slug, None)
    if curve is not None and curve.answered:
        weeks = report.section(Cut.WEEK, slug, country) or report.section(Cut.WEEK, slug)
        yield figures.curve(figure_key("curve", slug), curve, weeks, say)
    yield from _cuts(report, slug, (Cut.STEP,), say)


def _curve(report: Report, slug: str | None, country: str | None) -> AnswerCurve | None:
    return next((one for one in report.curves if (one.campaign, one.country) == (slug, country)), None)


def _countries(report: Report, slug: str | None, say: Words) -> Iterator[Figure]:
    section = report.section(Cut.COUNTRY, slug)
    if section is None or len(section.lines) < 2:
        return
    yield figures.union(figure_key("union", slug), section, say)
    yield figures.ranking(figure_key("ranking", slug), section, say)
    curves = [one for one in report.curves if one.campaign == slug and one.country is not None]
    whole = _curve(report, slug, None)
    if whole is not None and whole.answered and len(curves) > 1:
        yield figures.multiples(figure_key("countries", slug), whole, curves, say)


def _cuts(report: Report, slug: str | None, cuts: Iterable[Cut], say: Words) -> Iterator[Figure]:
    country = report.selection.country
    for cut in cuts:
        section = report.section(cut, slug, country) or (report.section(cut, slug) if country else None)
        if section is not None and (len(section.lines) > 1 or cut is Cut.STEP) and section.lines:
            yield figures.cut(figure_key(cut, slug), section, say)


def _left_out(report: Report, slug: str | None, say: Words) -> Iterator[Figure]:
    for one in report.left_out:
        if one.campaign == slug and one.country == report.selection.country:
            yield figures.left_out(figure_key("left-out", one.what, slug), one, say)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _source(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


@cache
def _css() -> str:
    return _source("page.css").replace("/* charts */", stylesheet())
