"""`python -m tests.browser.screens [LANGUAGE ...]`: pictures of every mail, at 600 and 320 pixels, light and
dark, one file a language and campaign, into screens/ (which git ignores)."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.chromium import screenshot
from tests.browser.mails import catalog, names, render, sheet

OUT = Path(__file__).resolve().parents[2] / "screens"


def main(languages: list[str]) -> None:
    OUT.mkdir(exist_ok=True)
    for slug in catalog().slugs():
        steps = [step for of, step in names() if of == slug]
        known = {language for step in steps for language in catalog().languages(slug, step)}
        for language in sorted(known & set(languages) if languages else known):
            mails = [
                (f"{slug}/{step}.{language}", render(slug, step, language).html)
                for step in steps
                if language in catalog().languages(slug, step)
            ]
            for dark in (False, True):
                name = f"{slug.strip('_')}.{language}{'.dark' if dark else ''}.png"
                screenshot(sheet(mails), OUT / name, 16 + len(mails) * 940, 1900, dark=dark)
                print(OUT / name)


if __name__ == "__main__":
    main(sys.argv[1:])
