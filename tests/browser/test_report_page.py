"""The report's page in a browser: accessible, no wider than a phone, the same on paper."""

from __future__ import annotations

import re

import pytest

from outreach.errors import OutreachError
from outreach.jobs.print_page import pdf
from outreach.report.page import to_html
from tests.browser.axe import look
from tests.browser.chromium import dom
from tests.reports import made_report

#: The page forbids itself every script, and with that the one that looks at it.
POLICY = re.compile(r"<meta http-equiv=.Content-Security-Policy[^>]*>")


def pages() -> list[tuple[str, str]]:
    reports = {
        "whole": made_report(),
        "two": made_report(
            campaigns=("lordimas", "a-campaign-with-a-very-long-name-" * 3), countries=("BE", "NL")
        ),
        "small": made_report(scale=0.01, countries=("LU", "MT")),
    }
    made = {name: to_html(report) for name, report in reports.items()}
    assert all(len(POLICY.findall(page)) == 1 for page in made.values())
    return [(name, POLICY.sub("", page)) for name, page in made.items()]


@pytest.mark.parametrize(("width", "dark"), [(320, False), (390, True), (1200, False)])
def test_axe_finds_no_violation_and_the_page_never_scrolls_sideways(width: int, dark: bool) -> None:
    for one in look(pages(), width=width, dark=dark):
        assert "error" not in one, one
        assert one["violations"] == [], one["page"]
        assert one["passes"] > 20, "axe looked at it"
        assert one["wide"] <= width, one["page"]
        assert one["dark"] is dark


def test_a_script_that_got_into_the_page_would_not_run() -> None:
    page = to_html(made_report(countries=("BE", "LU")))
    spoiled = page.replace("</body>", "<script>document.body.textContent = 'ran'</script></body>")
    assert "<h1>" in dom(spoiled)
    assert "<h1>" not in dom(POLICY.sub("", spoiled)), "without the policy it would"


def test_the_pdf_has_pages_of_a4_and_bookmarks() -> None:
    made = pdf(to_html(made_report(countries=("BE", "LU"))))
    assert made.startswith(b"%PDF-")
    boxes = [list(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", made)]
    assert len(boxes) > 2
    for box in boxes:
        assert box == pytest.approx([0, 0, 595, 842], abs=1), "A4 upright, in points"
    assert b"/Outlines" in made


def test_without_a_browser_one_sentence_says_what_to_do() -> None:
    with pytest.raises(OutreachError) as raised:
        pdf("<!doctype html>", browsers=("no-such-browser",))
    assert "Chromium" in raised.value.message
    assert "--format html" in raised.value.remedy
