"""The report by mail in a real browser: no violation of accessibility, and no wider than a phone."""

from __future__ import annotations

import base64

from outreach.jobs.draw import png
from outreach.report.digest_page import page
from outreach.report.digest_words import Words, languages
from tests.browser import axe
from tests.unit.test_report_digest import made


def test_axe_finds_no_violation_and_no_language_is_wider_than_a_phone() -> None:
    mails = []
    for language in languages():
        whole = page(made(), Words(language), "town.example")
        html = whole.html
        for name, svg in whole.charts:
            html = html.replace(f"cid:{name}", f"data:image/png;base64,{base64.b64encode(png(svg)).decode()}")
        mails.append((language, html))
    results = axe.look(mails)
    assert [one["page"] for one in results] == languages()
    for one in results:
        assert "error" not in one, one
        assert one["violations"] == [], one["page"]
        assert one["passes"] > 10
        assert one["wide"] <= 320, one["page"]
