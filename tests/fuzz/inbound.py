"""Fuzzing of the whole reading, from bytes to the object that is printed: nothing may raise.

``make fuzz`` runs it for a minute with atheris, which learns from the coverage which bytes lead further; it begins with
the golden messages. A message that raises is written to a file ``crash-...`` and shown.
"""

from __future__ import annotations

import json
import sys

import atheris

with atheris.instrument_imports(include=["outreach"]):
    from outreach.inbound import bounces, feedback, match
    from outreach.inbound.classify import classify, to_json
    from outreach.inbound.parse import parse


def read(raw: bytes) -> None:
    parsed = parse(raw)
    json.dumps(to_json("x", classify(parsed))).encode("utf-8")
    list(match.clues(parsed, own_addresses={"invite@network.example"}))
    bounces.returned_headers(parsed)
    feedback.complained(parsed)


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
