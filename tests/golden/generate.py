"""Writes the golden messages that are made by form: a system's form filled with what is said in it.

``python tests/golden/generate.py`` writes their files and their lines of ``expectations.jsonl`` anew; messages written
by hand stay. What is expected stands in ``cases.toml`` and ``answers.toml`` beside the words: none of it is taken from
the reader.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
TO = "info@town.example"
HARD = {"user_unknown", "host_unknown", "has_moved", "not_accept"}
UID = "event-7F3A@network.example"

Message = tuple[str, bytes, dict[str, Any]]


def form(name: str, **values: str) -> bytes:
    text = Template((HERE / "forms" / f"{name}.eml").read_text("utf-8"))
    return text.safe_substitute(values).encode()


def reports() -> Iterator[Message]:
    """Delivery reports: each case in each of its forms."""
    data = tomllib.loads((HERE / "cases.toml").read_text("utf-8"))
    for case in data["case"]:
        for system in case["forms"]:
            delayed = case.get("action") == "delayed"
            stage = data["stages"].get(system, {}).get(case.get("stage", "RCPT TO"), "")
            known = system == "google" and case["reason"] == "user_unknown"
            template = f"{system}-delayed" if delayed else "google-not-found" if known else system
            values = {"words": case["words"], "status": case["status"], "category": case.get("category", "")}
            raw = form(template, stage=Template(stage).safe_substitute(values), **values)
            status = case.get("told", case["status"])
            hard = case["reason"] in HARD and not delayed and not status.startswith("4")
            bounce = {"recipient": TO, "reason": case["reason"], "status": status}
            name = case["name"] if case["name"].startswith("said-by") else f"{system}-of-{case['name']}"
            bounces = [{**bounce, "type": "hard" if hard else "soft"}]
            yield name, raw, {"kind": "bounce", "bounces": bounces}


def calendars() -> Iterator[Message]:
    """Calendar answers of four clients; the UID comes back in lower case, too, and folded."""
    folded = f"{UID[:10]}\n {UID[10:]}"
    for client in ("outlook", "google", "apple", "thunderbird"):
        for partstat, answer in (
            ("ACCEPTED", "accepted"),
            ("DECLINED", "declined"),
            ("TENTATIVE", "tentative"),
        ):
            for uid in (UID, UID.lower()) if partstat == "ACCEPTED" else (folded,):
                raw = form(
                    f"calendar-{client}",
                    subject=f"{answer.capitalize()}: Information session",
                    comment="",
                    method="REPLY",
                    partstat=partstat,
                    uid=uid,
                )
                wanted = uid.replace("\n ", "")
                expected = {"answer": answer, "uid": wanted, "attendee": "anna.berg@town.example"}
                lower = "-lower" if uid == UID.lower() else ""
                yield f"calendar-{client}-{answer}{lower}", raw, {"kind": "rsvp", "rsvp": expected}
        raw = form(
            f"calendar-{client}",
            subject="New time",
            comment="",
            method="COUNTER",
            partstat="TENTATIVE",
            uid=UID,
        )
        expected = {"answer": "tentative", "uid": UID, "attendee": "anna.berg@town.example"}
        yield f"calendar-{client}-counter", raw, {"kind": "rsvp", "rsvp": expected}
        raw = form(
            f"calendar-{client}",
            subject="Invitation",
            comment="",
            method="REQUEST",
            partstat="NEEDS-ACTION",
            uid=UID,
        )
        yield f"calendar-{client}-request", raw, {"kind_not": "rsvp"}


def answers() -> Iterator[Message]:
    """Automatic answers in 24 languages."""
    data = tomllib.loads((HERE / "answers.toml").read_text("utf-8"))
    for number, (language, texts) in enumerate(sorted(data.items())):
        deputy = texts["absence"].rsplit(" ", 1)[1].strip(".")
        common = {"kind": "auto_reply", "language": language}
        absence = form(
            "absence-dovecot" if number % 2 else "absence-exchange",
            subject=texts["subject"],
            text=texts["absence"],
        )
        away = {**common, "intent": "out_of_office", "until": "2026-08-21", "refer_to": [deputy]}
        yield f"absence-{language}", absence, away
        receipt = form("receipt-filing", subject="Re: Invitation", text=texts["receipt"])
        yield f"receipt-{language}", receipt, {**common, "intent": "receipt"}
        moved = form("absence-exchange", subject=texts["subject"], text=texts["moved"])
        changed = {**common, "intent": "address_change", "refer_to": ["novo@new.example"]}
        yield f"moved-{language}", moved, changed


def made() -> Iterator[Message]:
    """All of them."""
    yield from reports()
    yield from calendars()
    yield from answers()


def main() -> None:
    files = {f"{name}.eml": (raw, row) for name, raw, row in made()}
    table = HERE / "expectations.jsonl"
    rows = [json.loads(line) for line in table.read_text("utf-8").splitlines()]
    by_hand = [row for row in rows if not row.get("made")]
    for gone in {row["file"] for row in rows if row.get("made")} - files.keys():
        (HERE / "messages" / gone).unlink()
    rows = [*by_hand, *({"file": file, "made": True, **row} for file, (_, row) in files.items())]
    table.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    for file, (raw, _) in files.items():
        (HERE / "messages" / file).write_bytes(raw)
    print(f"{len(by_hand)} messages by hand, {len(files)} made by form")


if __name__ == "__main__":
    main()
