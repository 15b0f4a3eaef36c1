"""Whom a courtesy is not sent to."""

from __future__ import annotations

import pytest

from outreach.inbound.parse import parse
from outreach.inbound.robots import is_robot


@pytest.mark.parametrize(
    ("head", "robot"),
    [
        ("From: An <an@town.example>", False),
        ("From: an@town.example\nAuto-Submitted: no", False),
        ("From: an@town.example\nX-Auto-Response-Suppress: All", False),  # ordinary Exchange mail has it too
        ("From: an@town.example\nPrecedence: first-class", False),
        ("From: an@town.example\nAuto-Submitted: auto-replied (vacation)", True),
        ("From: an@town.example\nReturn-Path: <>", True),
        ("From: an@town.example\nPrecedence: bulk", True),
        ("From: an@town.example\nX-Autoreply: yes", True),
        ("From: an@town.example\nList-Id: <news.town.example>", True),
        ("From: No-Reply@forms.example", True),
        ("From: MAILER-DAEMON@mx.example", True),
        ("Subject: nobody", True),
    ],
)
def test_robots(head: str, robot: bool) -> None:
    assert is_robot(parse(f"{head}\n\nText\n".encode())) is robot
