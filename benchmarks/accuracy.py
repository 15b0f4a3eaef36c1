"""How well inbound mail is read, measured on a folder of labelled messages.

``python benchmarks/accuracy.py [FOLDER] [--show text|intent|kind|until] [--languages de,fr]``; the folder holds
``labels.jsonl``, one object a line: file, lang, kind, intent, text, until, refer_to. Prints counts with their
denominators, a confusion table, and how long a message took. Without a folder: ``tests/golden``.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from _bounces import measure

from outreach.inbound import auto_replies, replies
from outreach.inbound.classify import classify, to_json
from outreach.inbound.parse import parse
from outreach.inbound.quotes import new_text, strip
from outreach.model.states import InboundKind

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
SPACE = re.compile(r"\s+")


def folded(text: str) -> str:
    return SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def share(right: int, of: int) -> str:
    return f"{right}/{of}" + (f" ({right / of:.1%})" if of else "")


def f1_scores(confusion: Counter[tuple[str, str]]) -> dict[str, float]:
    classes = {wanted for wanted, _ in confusion}
    scores = {}
    for each in classes:
        hit = confusion[each, each]
        wanted = sum(n for (w, _), n in confusion.items() if w == each)
        got = sum(n for (_, g), n in confusion.items() if g == each)
        scores[each] = 2 * hit / (wanted + got) if wanted + got else 0.0
    return scores


def of_language(table: Counter[tuple[str, str]]) -> str:
    """What one language's messages are read as: a class with its precision and recall, and what was taken for what."""
    right = sum(n for (wanted, got), n in table.items() if wanted == got)
    parts = [share(right, sum(table.values())).ljust(16)]
    for name in sorted({wanted for wanted, _ in table}):
        got = sum(n for (_, g), n in table.items() if g == name)
        wanted = sum(n for (w, _), n in table.items() if w == name)
        parts.append(f"{name} {table[name, name]}/{got}/{wanted}")
    parts += [f"[{w} as {g}: {n}]" for (w, g), n in sorted(table.items()) if w != g]
    return "  ".join(parts)


def golden() -> None:
    """What ``tests/golden`` is read as: kinds as a table, and each expectation by its name."""
    table: Counter[tuple[str, str]] = Counter()
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for line in (GOLDEN / "expectations.jsonl").read_text(encoding="utf-8").splitlines():
        wanted = json.loads(line)
        got = to_json("", classify(parse((GOLDEN / "messages" / wanted["file"]).read_bytes())))
        if "kind" in wanted:
            table[wanted["kind"], got["kind"]] += 1
        for name in ("kind", "intent", "language", "until", "bounces", "rsvp", "refer_to", "text"):
            if name in wanted:
                of[name] += 1
                right[name] += within(wanted[name], got.get(name))
    print(f"{GOLDEN.name}: " + ", ".join(f"{name} {share(right[name], of[name])}" for name in of))
    kinds = sorted({kind for pair in table for kind in pair})
    print("    " + "wanted".ljust(16) + " ".join(kind[:12].rjust(12) for kind in kinds))
    for kind in sorted({wanted for wanted, _ in table}):
        print("    " + kind.ljust(16) + " ".join(str(table[kind, each] or ".").rjust(12) for each in kinds))


def within(wanted: Any, got: Any) -> bool:
    """Whether ``got`` holds what is ``wanted``: more keys do not matter."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(within(value, got.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(within, wanted, got))
    return bool(wanted == got)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path, nargs="?")
    arguments.add_argument("--show", default="")
    arguments.add_argument("--languages", default="")
    arguments.add_argument("--half", choices=("develop", "test"), default="", help="of labelled bounces")
    options = arguments.parse_args()
    if options.folder is None:
        golden()
        return
    languages = set(filter(None, options.languages.split(",")))
    labels = [json.loads(line) for line in (options.folder / "labels.jsonl").read_text().splitlines() if line]
    if labels and "kind" not in labels[0]:
        measure(options.folder, labels, half=options.half, show=options.show)
        return
    labels = [label for label in labels if not languages or label["lang"] in languages]
    raws = [(options.folder / label["file"]).read_bytes() for label in labels]

    for raw in raws:  # load the lexicons
        parsed = parse(raw)
        auto_replies.detect(parsed) or replies.detect(parsed)
    started = time.perf_counter()
    parsed_all = [parse(raw) for raw in raws]
    parsing = time.perf_counter() - started
    started = time.perf_counter()
    verdicts = []
    for parsed in parsed_all:
        stripped = strip(parsed)
        found = auto_replies.detect(parsed, stripped=stripped)
        verdicts.append(found or replies.detect(parsed, stripped=stripped))
    reading = time.perf_counter() - started

    counts: Counter[str] = Counter()
    confusion: Counter[tuple[str, str]] = Counter()
    by_language: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    certain: dict[str, list[bool]] = defaultdict(list)
    for label, parsed, verdict in zip(labels, parsed_all, verdicts, strict=True):
        kind = verdict.kind.value
        intent = verdict.intent.value if verdict.intent else "none"
        wrong = []
        counts["kind"] += kind == label["kind"]
        wrong += ["kind"] if kind != label["kind"] else []
        got = intent if kind == label["kind"] else f"{kind}:{intent}"
        confusion[label["intent"], got] += 1
        by_language[label["lang"]][label["intent"], got] += 1
        wrong += ["intent"] if got != label["intent"] else []
        if verdict.confidence >= 0.8 and verdict.kind == InboundKind.REPLY:
            certain[intent].append(got == label["intent"])
            wrong += ["certain"] if got != label["intent"] else []
        if label["kind"] == "reply":
            counts["replies"] += 1
            text = new_text(parsed)
            same = folded(text) == folded(label["text"])
            counts["text"] += same
            wrong += ["text"] if not same else []
        if label["intent"] == "out_of_office":
            counts["away"] += 1
            until = verdict.until.isoformat() if verdict.until else None
            counts["until"] += until == label["until"]
            wrong += ["until"] if until != label["until"] else []
        if label["intent"] in ("refer", "out_of_office", "address_change"):
            counts["referring"] += 1
            same = sorted(verdict.refer_to) == sorted(label["refer_to"])
            counts["refer_to"] += same
            wrong += ["refer_to"] if not same else []
        counts["language"] += verdict.language == label["lang"]
        wrong += ["language"] if verdict.language != label["lang"] else []
        if options.show and options.show in wrong:
            print(
                f"--- {label['file']} wrong: {', '.join(wrong)}; {label['intent']} read as {got}"
                f" {verdict.confidence:.2f} [{verdict.language}] {label.get('note', '')}"
            )
            print("    evidence:", *verdict.evidence, sep="\n      ")
            if options.show == "text":
                print(f"    wanted: {label['text']!r}\n    got:    {text!r}")
            elif options.show in ("intent", "certain"):
                print("    " + (label["text"] or parsed.text or parsed.html or "").replace("\n", " / ")[:600])
            elif options.show in ("until", "refer_to", "kind"):
                print(
                    f"    wanted: {label['until']} {label['refer_to']}",
                    f"got: {verdict.until} {verdict.refer_to}",
                )
                print("    " + new_text(parsed).replace("\n", " / ")[:400])

    total = len(labels)
    print(f"{options.folder}: {total} messages")
    print(f"  kind      {share(counts['kind'], total)}")
    right = sum(n for (wanted, got), n in confusion.items() if wanted == got)
    print(f"  intent    {share(right, total)}")
    for kind, names in (
        ("reply", ["register", "decline", "question", "refer", "unsubscribe", "other"]),
        ("auto_reply", ["out_of_office", "receipt", "address_change"]),
    ):
        part = Counter({key: n for key, n in confusion.items() if key[0] in names})
        scores = f1_scores(part)
        print(
            f"  {kind} intents: right "
            f"{share(sum(n for (w, g), n in part.items() if w == g), sum(part.values()))},"
            f" macro F1 {sum(scores.values()) / max(1, len(scores)):.3f}"
        )
        columns = sorted({got for _, got in part})
        for name in names:
            hit = part[name, name]
            got = sum(n for (_, g), n in part.items() if g == name)
            of = sum(n for (w, _), n in part.items() if w == name)
            print(f"    {name:15} precision {share(hit, got):16} recall {share(hit, of)}")
        print("    " + "wanted".ljust(16) + " ".join(column[:12].rjust(12) for column in columns))
        for name in names:
            print(
                "    "
                + name.ljust(16)
                + " ".join(str(part[name, c] or ".").rjust(12) for c in columns)
                + f"   F1 {scores.get(name, 0):.2f}"
            )
    print(
        "  by language: right of all; each class as right/read as it/labelled so; a wrong kind stands as kind:intent"
    )
    for lang, table in sorted(by_language.items()):
        print(f"    {lang}  {of_language(table)}")
    print(f"  language  {share(counts['language'], total)}")
    print(f"  text      {share(counts['text'], counts['replies'])}")
    print(f"  until     {share(counts['until'], counts['away'])}")
    print(f"  refer_to  {share(counts['refer_to'], counts['referring'])}")
    for intent, outcomes in sorted(certain.items()):
        print(f"  certain {intent}: precision {share(sum(outcomes), len(outcomes))}")
    each = 1e6 / max(1, total)
    print(f"  parse {parsing * each:.0f} us, read {reading * each:.0f} us a message")


if __name__ == "__main__":
    main()
