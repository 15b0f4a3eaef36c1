"""The web application: four routes, no cookie, no script, no state of its own.

Opening a page changes nothing, since mail scanners open links; only pressing its button does. The addresses of
the pages hold tokens and are written into no log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from outreach.db.engine import Database
from outreach.errors import DatabaseError, InputError, MailServerError
from outreach.jobs import answer_pages
from outreach.settings import Workspace
from outreach.web import pages

#: Bytes of a form: the words it may hold, percent-encoded, and some.
_MOST = 64 * 1024

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def application(workspace: Workspace, database: Database, now: Callable[[], datetime]) -> Starlette:
    """The pages of a workspace. Those behind a link are named by what follows ``answer_url``:
    ``/a/TOKEN/LANGUAGE/ANSWER``; ``/u/TOKEN`` takes the one click of RFC 8058."""

    async def answer(request: Request) -> Response:
        token, language, name = (request.path_params[key] for key in ("token", "language", "name"))
        form = await _form(request) if request.method == "POST" else {}
        if form is None:
            return _plain("That is too much.", 413)
        return await run_in_threadpool(_answer, token, language, name, form, request)

    def _answer(token: str, language: str, name: str, form: dict[str, str], request: Request) -> Response:
        try:
            offer = answer_pages.offer(workspace, database, token, language)
            if offer is None or name not in offer.strings.answers:
                return _page(pages.notice(language, "unknown"), 404)
            if request.method != "POST":
                return _page(
                    pages.answer_page(offer, name, noted="noted" in request.query_params), colour=offer.colour
                )
            words = form.get("words", "")
            if name in pages.ASKS and not words.strip():
                return _page(pages.answer_page(offer, name, missing=True), 422, offer.colour)
            answer_pages.answer(
                workspace,
                database,
                token,
                name,
                now,
                language=language,
                person=form.get("person", ""),
                words=words if name != "unsubscribe" else "",
            )
        except InputError:
            return _page(pages.notice(language, "later"), 429)
        except (DatabaseError, MailServerError):
            return _page(pages.notice(language, "later"), 503)
        # so that reloading the page sends nothing again
        return RedirectResponse(f"{name}?noted", 303, _HEADERS)

    async def one_click(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method == "POST" and await _body(request) is None:
            return _plain("That is too much.", 413)
        return await run_in_threadpool(_one_click, token, request.method)

    def _one_click(token: str, method: str) -> Response:
        try:
            if method != "POST":
                offer = answer_pages.offer(workspace, database, token)
                if offer is None:
                    return _page(pages.notice("en", "unknown"), 404)
                return RedirectResponse(f"../a/{token}/{offer.strings.code}/unsubscribe", 303, _HEADERS)
            done = answer_pages.answer(workspace, database, token, "unsubscribe", now)
        except InputError:
            done = True  # it has been said thirty times
        except (DatabaseError, MailServerError):
            return _plain("Try again later.", 503)
        return _plain("Done." if done else "There is no such token.", 200 if done else 404)

    async def here(_request: Request) -> Response:
        return _plain("Outreach\n", 200)

    return Starlette(
        routes=[
            Route("/", here),
            Route("/a/{token}/{language}/{name}", answer, methods=["GET", "POST"]),
            Route("/u/{token}", one_click, methods=["GET", "POST"]),
        ],
        exception_handlers={404: _nothing, 405: _nothing},
    )


async def _nothing(_request: Request, _error: Exception) -> Response:
    return _plain("There is nothing here.\n", 404)


async def _body(request: Request) -> bytes | None:
    """The body; ``None``: it is too long, and was not read to its end."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST:
            return None
        parts.append(part)
    return b"".join(parts)


async def _form(request: Request) -> dict[str, str] | None:
    body = await _body(request)
    if body is None:
        return None
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    return {key: values[-1] for key, values in fields.items()}


def _page(html: str, status: int = 200, colour: str = "") -> Response:
    policy = (
        f"default-src 'none'; style-src {pages.style_source(colour)}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(html, status, {**_HEADERS, "Content-Security-Policy": policy})


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, _HEADERS)
