"""The page of a preview: every language side by side, as wide as a desktop and as a phone, with the plain text,
the headers and the calendar of each mail."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail that was written into files beside the page."""

    step: str
    language: str
    municipality: str
    email: str
    subject: str
    text: str
    data: bytes  # the whole mail
    name: str  # of its files, without their endings


def page(title: str, mails: Sequence[Shown], others: Mapping[str, str]) -> str:
    """The page. ``others``: the pages of further contacts, by name of the file."""
    steps = list(dict.fromkeys(mail.step for mail in mails))
    sections = "\n".join(
        f"<section><h2>{_text(step)}</h2><div class=row>"
        + "\n".join(_mail(mail) for mail in mails if mail.step == step)
        + "</div></section>"
        for step in steps
    )
    links = " ".join(f'<a href="{_text(name)}">{_text(words)}</a>' for name, words in others.items())
    nav = f"<nav>Contacts: {links}</nav>" if len(others) > 1 else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Preview: {_text(title)}</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;margin:2rem}nav a{margin-right:.75rem}"
        ".row{display:flex;gap:2rem;overflow-x:auto;align-items:flex-start;padding-bottom:1rem}"
        "article{flex:none;width:970px}iframe{border:1px solid #767676;border-radius:6px}"
        "h2{margin:2.5rem 0 .5rem}h3{font-size:1.1rem;margin:0}p{margin:.25rem 0 .75rem}"
        "pre{white-space:pre-wrap;background:#f2f4f7;padding:1rem;font-size:.85rem;overflow-wrap:anywhere}"
        "summary{cursor:pointer;font-weight:600}</style></head><body>"
        f"<h1>Preview: {_text(title)}</h1>\n{nav}\n{sections}\n</body></html>\n"
    )


def _mail(mail: Shown) -> str:
    name, codes = _text(mail.name), mail.language.split("+")
    parts = {"Plain text": mail.text, "Headers": _headers(mail.data), "Calendar": _calendar(mail.data)}
    details = "".join(
        f"<details><summary>{title}</summary><pre>{_text(text)}</pre></details>"
        for title, text in parts.items()
        if text
    )
    return (
        f'<article><h3 lang="{codes[0]}">{_text(mail.subject)}</h3>'
        f"<p>{_text(mail.language)}, to {_text(mail.municipality)} &lt;{_text(mail.email)}&gt;: "
        f'<a href="{name}.html">HTML</a>, <a href="{name}.txt">plain text</a>, '
        f'<a href="{name}.eml">whole mail</a></p>'
        f'<div><iframe src="{name}.html" title="{name}, desktop" width="620" height="760"></iframe> '
        f'<iframe src="{name}.html" title="{name}, phone" width="320" height="760"></iframe></div>'
        f"{details}</article>"
    )


def _headers(data: bytes) -> str:
    return data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n")


def _calendar(data: bytes) -> str:
    return "\n".join(
        part.get_content().replace("\r\n", "\n").strip()
        for part in _parts(message_from_bytes(data, policy=policy.default))
        if part.get_content_type() == "text/calendar"
    )


def _parts(message: EmailMessage) -> Iterable[EmailMessage]:
    return (part for part in message.walk() if isinstance(part, EmailMessage))


def _text(text: str) -> str:
    return html.escape(text)
