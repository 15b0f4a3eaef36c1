"""The mails that come with the program, rendered with made-up values: what a browser is shown."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from outreach.content.catalog import Catalog
from outreach.content.compile import compile_template
from outreach.content.names import sample_values
from outreach.content.render import Rendered, Renderer

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@cache
def catalog() -> Catalog:
    return Catalog(
        {
            path.relative_to(TEMPLATES).as_posix(): path.read_text(encoding="utf-8")
            for path in TEMPLATES.rglob("*")
            if path.suffix in (".md", ".toml", ".j2", ".css")
        }
    )


def names() -> list[tuple[str, str]]:
    """Folder and step of every mail."""
    return [(slug, step) for slug in catalog().slugs() for step in catalog().steps(slug)]


def render(slug: str, step: str, language: str) -> Rendered:
    compiled = compile_template(catalog(), catalog().template(slug, step, language))
    values = sample_values(catalog().strings(language, slug))
    links = values["links"]
    assert isinstance(links, dict)
    links["consultation"] = "https://consultation.example/edic"
    return Renderer(compiled).render(values)


def sheet(mails: list[tuple[str, str]], widths: tuple[int, ...] = (600, 320)) -> str:
    """A page with the mails, each (title, HTML) as wide as ``widths``, side by side."""
    frames = "".join(
        f"<figure><figcaption>{html.escape(title)}, {width}</figcaption>"
        f'<iframe width="{width}" srcdoc="{html.escape(mail)}" '
        'onload="this.height=this.contentDocument.documentElement.scrollHeight"></iframe></figure>'
        for title, mail in mails
        for width in widths
    )
    return (
        '<!doctype html><meta charset="utf-8"><style>body{margin:8px;display:flex;gap:10px;background:#888}'
        "figure{margin:0}iframe{border:0;display:block}figcaption{font:13px sans-serif;color:#fff}</style>"
        f"{frames}"
    )
