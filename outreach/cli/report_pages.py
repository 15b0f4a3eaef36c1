"""What `outreach report` makes besides tables: a page, a PDF of it, Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outreach.errors import InputError

if TYPE_CHECKING:
    from outreach.report.document import Report


def language_of(locale: str | None) -> str:
    """The language of a page for ``locale`` ("fr_BE"); left out, the terminal's, as far as there is a page in it.

    InputError where one was named that no page is in.
    """
    from babel.core import default_locale

    from outreach.report.page_words import SOURCE, languages

    wanted = locale or default_locale("LC_MESSAGES") or SOURCE
    language = wanted.replace("-", "_").split("_")[0].lower()
    if language in languages():
        return language
    if locale is None:
        return SOURCE
    raise InputError(f"There is no report in {locale!r}.", f"Write one of {', '.join(languages())}.")


def page(made: Report, locale: str | None) -> str:
    from outreach.report.page import to_html

    return to_html(made, language_of(locale))


def paper(made: Report, locale: str | None) -> bytes:
    from outreach.jobs.print_page import pdf

    return pdf(page(made, locale))


def markdown(made: Report, locale: str | None) -> str:
    from outreach.report.page_markdown import to_markdown

    return to_markdown(made, language_of(locale))
