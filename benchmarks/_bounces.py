"""How well bounces are read, on a folder whose ``labels.jsonl`` has no ``kind`` but ``bounces``: for each file a
list of {status, reply, reason, hard}, one for each recipient reported, reasons in sisimai's vocabulary.

A system's messages stand wholly in one half, told by a digest of its name: what is learned from the half
``develop`` is measured on the systems of the half ``test``. Only ``--half test`` says how well unseen systems are read.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from outreach.inbound.classify import classify, to_json
from outreach.inbound.parse import parse
from outreach.inbound.reports import REPORT_TYPES

#: Labels that are no bounce: the kinds that are right for them.
_KINDS = {
    "feedback": ("complaint",),
    "vacation": ("auto_reply",),
    "delivered": ("other", "auto_reply", "reply"),
}
_SCORES = ("kind", "recipients", "type", "reason", "status")


def half_of(file: str) -> str:
    """The half in which the mail system of ``file`` (``system-01.eml``) is measured."""
    return "develop" if hashlib.sha256(system_of(file).encode()).digest()[0] % 2 else "test"


def system_of(file: str) -> str:
    return re.sub(r"-\d+\.eml$", "", file)


def wrong_of(label: dict[str, Any], got: dict[str, Any], counts: Counter[str]) -> list[str]:
    """What ``got`` has wrong; what was scored is counted in ``counts``."""
    wanted = label["bounces"]
    wrong: list[str] = []

    def score(name: str, right: bool, detail: str) -> None:
        counts["of " + name] += 1
        counts[name] += right
        if not right:
            wrong.append(f"{name}: {detail}")

    kinds = _KINDS.get(wanted[0]["reason"], ("bounce",))
    score("kind", got["kind"] in kinds, f"{kinds[0]} read as {got['kind']}")
    if kinds != ("bounce",):
        return wrong
    found = got.get("bounces", [])
    score("recipients", len(found) == len(wanted), f"{len(wanted)}, found {len(found)}")
    for number, each in enumerate(wanted):
        bounce = found[number] if number < len(found) else {}
        hard = "hard" if each["hard"] else "soft"
        score("type", bounce.get("type") == hard, f"{hard} read as {bounce.get('type')}")
        reason = bounce.get("reason", "nothing").replace("_", "")
        score("reason", reason == each["reason"], f"{each['reason']} read as {reason}")
        status = bounce.get("status") or "none"
        if status_wanted := each["status"]:
            made = re.match(r"(\d)\.0\.9\d\d$", status_wanted)  # sisimai's stand-in for "none given"
            right = status[0] == made[1] if made else status == status_wanted
            score("status", right, f"{status_wanted} read as {status}")
    return wrong


def measure(folder: Path, labels: Sequence[dict[str, Any]], *, half: str = "", show: str = "") -> None:
    """Print the scores of both halves, and the reasons confused. ``show`` prints each message that has a score
    so named wrong, ``all`` any."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    confused: Counter[tuple[str, str, str]] = Counter()
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        side = half_of(label["file"])
        if half and side != half:
            continue
        parsed = parse((folder / label["file"]).read_bytes())
        got = to_json(label["file"], classify(parsed))
        form = "standard" if parsed.part(*REPORT_TYPES) else "free text"
        mine: Counter[str] = Counter()
        wrong = wrong_of(label, got, mine)
        for group in (side, f"{side}, {form}"):
            counts[group].update(mine)
            counts[group]["of whole"] += 1
            counts[group]["whole"] += not wrong
        for number, each in enumerate(label["bounces"]):
            found = got.get("bounces", [])
            reason = found[number]["reason"].replace("_", "") if number < len(found) else got["kind"]
            reasons[each["reason"]]["wanted"] += 1
            reasons[reason]["got"] += 1
            reasons[reason]["right"] += reason == each["reason"]
            if reason != each["reason"] and each["reason"] not in _KINDS:
                confused[side, each["reason"], reason] += 1
        if show and any(show == "all" or line.startswith(show) for line in wrong):
            print(f"--- {label['file']} ({side}, {form})", *wrong, *got["evidence"], sep="\n      ")
            print(*(f"      {bounce}" for bounce in got.get("bounces", [])), sep="\n")
    print(f"{folder.name}: share right")
    names = (*_SCORES, "whole")
    print("    " + "half".ljust(20) + " ".join(name.rjust(17) for name in names))
    for group, count in sorted(counts.items()):
        shares = [f"{count[n]}/{count['of ' + n]} {count[n] / max(1, count['of ' + n]):.3f}" for n in names]
        print("    " + group.ljust(20) + " ".join(share.rjust(17) for share in shares))
    print("  by reason: precision and recall")
    for reason, count in sorted(reasons.items()):
        if count["wanted"] and reason not in _KINDS:
            print(f"    {reason:20} {count['right']}/{count['got']:<6} {count['right']}/{count['wanted']}")
    for (side, wanted_reason, reason), n in sorted(confused.items()):
        print(f"  confused in {side}: {wanted_reason} read as {reason}, {n}")
