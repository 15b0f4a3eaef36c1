"""Writes the pages of docs/ that are made from the code: `python docs/generate.py`.

A test compares the files with what this makes; after a change of a command, a setting, a state or a rate, run
it and commit what it wrote.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from outreach import errors
from outreach.cli import app
from outreach.content.catalog import ANSWERS
from outreach.content.names import NAMES, SESSION_NAMES
from outreach.inbound.classify import DETECTORS
from outreach.model import states
from outreach.report.document import MAIL_CUTS, Cut
from outreach.report.labels import CUT_TITLES
from outreach.report.measures import MEASURES, NOTES
from outreach.settings import ENVIRONMENT_PREFIX, Settings

DOCS = Path(__file__).parent
_MEANINGS = tomllib.loads((DOCS / "meanings.toml").read_text(encoding="utf-8"))
MADE = "<!-- Made by docs/generate.py: change the code, then run it. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page: path below docs/ -> text."""
    return {
        "reference/commands.md": MADE + _commands(),
        "reference/settings.md": MADE + _settings(),
        "reference/exit-codes.md": MADE + _exit_codes(),
        "reference/template-values.md": MADE + _template_values(),
        "reference/rates.md": MADE + _rates(),
        "reference/classify-json.md": MADE + _classify(),
        "reference/server-faults.md": MADE + _server_faults(),
        "explanation/states.md": MADE + _states(),
    }


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


# commands


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command that does something, in the order of the help."""
    from typer.main import get_command

    command = command or get_command(app)
    inside = getattr(command, "commands", None)
    if inside is None:
        yield path
        return
    for name, each in inside.items():
        yield from leaves(each, (*path, name))


def _commands() -> str:
    out = [
        "# Commands\n\nWhat `--help` says. `outreach -w DIR COMMAND` works in another folder than the present one.\n"
    ]
    paths = list(leaves())
    groups = list(dict.fromkeys(path[:1] for path in paths if len(path) > 1))
    for path in [(), *groups, *paths]:
        out.append(f"\n## {' '.join(('outreach', *path))}\n\n```text\n{_help(path)}```\n")
    return "".join(out)


def _help(path: tuple[str, ...]) -> str:
    environment = {"COLUMNS": "80", "NO_COLOR": "1", "OUTREACH_WORKSPACE": None}
    done = CliRunner().invoke(app, [*path, "--help"], prog_name="outreach", env=environment)
    if done.exit_code:
        raise SystemExit(f"outreach {' '.join(path)} --help failed: {done.output}")
    return "\n".join(line.rstrip() for line in done.output.strip().splitlines()) + "\n"


# settings


def _settings() -> str:
    out = [
        "# Settings\n\n"
        "A workspace has one file of settings, `outreach.toml`. For each key the first of these counts:\n\n"
        f"1. the environment: `{ENVIRONMENT_PREFIX}` and the key in capitals, with `__` for each dot"
        f" (`{ENVIRONMENT_PREFIX}SENDERS__MINE__SMTP__PASSWORD`)\n"
        "2. a file in `secrets/`, named as the key with `__` for each dot"
        " (`secrets/senders__mine__smtp__password`); it holds the value and nothing else\n"
        "3. `outreach.toml`\n\n"
        "`NAME` stands for the name you give a sender: small letters, digits and single `_`."
        " A key that is not in these tables is an error, so that a slip of the pen is found.\n"
    ]
    for title, section, model in _sections(Settings, ""):
        out.append(f"\n## {title}\n\n")
        if section:
            out.append(f"Section `[{section}]`.\n\n")
        rows = [
            (
                f"`{field.alias or name}`",
                _type(field.annotation) + _bounds(field),
                _default(field),
                field.description or "",
            )
            for name, field in model.model_fields.items()
            if _section_of(field) is None
        ]
        out.append(table(("Key", "Type", "Default", "Meaning"), rows))
    return "".join(out)


_TITLES = {
    "": "The whole workspace",
    "accounts.NAME": "An account",
    "digest": "The report by mail",
    "members.NAME": "A member that hands its counts over",
    "privacy": "How long personal data are kept",
    "guardrails": "Guardrails",
    "senders.NAME": "A sender",
    "senders.NAME.smtp": "Its server for sending",
    "senders.NAME.imap": "Its mailbox for reading",
    "senders.NAME.limits": "Its limits",
    "senders.NAME.inbox": "What follows from answers",
    "senders.NAME.digest": "Who gets its report by mail",
    "senders.NAME.guardrails": "Its own guardrails",
    "senders.NAME.oauth": "Its sign-in by OAuth 2",
    "senders.NAME.dkim": "Its signature",
    "senders.NAME.dkim.second": "Its second signature",
}


def _sections(model: type[BaseModel], path: str) -> Iterator[tuple[str, str, type[BaseModel]]]:
    yield _TITLES[path], path, model
    for name, field in model.model_fields.items():
        inner = _section_of(field)
        if inner is not None:
            many = get_origin(field.annotation) is dict
            yield from _sections(inner, ".".join(filter(None, (path, name, "NAME" if many else ""))))


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def _type(kind: Any) -> str:
    named = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    named |= {SecretStr: "text, secret", Path: "path of a file"}
    if kind in named:
        return named[kind]
    inner = [one for one in get_args(kind) if one not in (type(None), ...)]
    if get_origin(kind) is tuple:
        return f"list of {_type(inner[0])}s"
    if all(isinstance(one, str) for one in inner):
        return "one of " + ", ".join(f"`{one}`" for one in inner)
    return _type(inner[0])


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "min_length": "length at least"}
    found = [
        f"{word} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, word in words.items()
        if getattr(rule, name, None) is not None
    ]
    return f", {', '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "has to be given"
    value = field.default
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


# exit codes


def _exit_codes() -> str:
    found: dict[int, list[type[errors.OutreachError]]] = {}
    for one in vars(errors).values():
        if inspect.isclass(one) and issubclass(one, errors.OutreachError):
            found.setdefault(one.exit_code, []).append(one)
    epilog = (app.info.epilog or "").removeprefix("\b\n")
    rows = []
    for number, meaning in re.findall(r"^ +(\d+) +(.+)$", epilog, re.MULTILINE):
        names = ", ".join(f"`{one.__name__}`" for one in found.pop(int(number), ()))
        rows.append((number, meaning, names))
    if found:
        raise SystemExit(f"The help of `outreach` does not name the exit codes {sorted(found)}.")
    return (
        "# Exit codes\n\n"
        "Every command ends with one of these. An error is one or two sentences on the standard error output: what"
        " is wrong and, below it, what to do. Nothing but code 70 is ever a fault of the program; then the"
        " particulars stand in a file that the message names.\n\n"
        + table(("Code", "Meaning", "In the code"), rows)
        + "\nFor cron and monitoring: `outreach run` ends with 0 when all went well or there was nothing to do, and"
        " with 6 when a mail server could not be used. It tries again by itself at the next run; look into it when"
        " 6 stays for an hour. `outreach campaigns check` ends with 5 when the check did not pass, `outreach"
        " campaigns test` with 6 when a test mail was not accepted, and `outreach classify` with 1 when one of the"
        " files could not be read.\n"
    )


# values of templates


def _template_values() -> str:
    brief = {f"links.{name}_brief" for name in ANSWERS}
    _same(_MEANINGS["values"], (NAMES | SESSION_NAMES) - brief, "values of templates")
    groups = [
        ("In every campaign", ("greeting", "municipality.", "contact.", "sender.", "campaign.")),
        ("Links", ("links.",)),
        ("In campaigns with a session", ("session.",)),
    ]
    out = [
        "# Values of templates\n\n"
        "What may stand between `{{` and `}}` in a mail, its subject or its preheader. All are text but"
        " `session.agenda`. Any other name"
        " is an error that `outreach campaigns check` finds.\n"
    ]
    for title, beginnings in groups:
        rows = [
            (f"`{{{{ {name} }}}}`", meaning)
            for name, meaning in _MEANINGS["values"].items()
            if name.startswith(beginnings)
        ]
        out.append(f"\n## {title}\n\n" + table(("Value", "Meaning"), rows))
    out.append(
        "\nThe answers "
        + ", ".join(f"`links.{name}`" for name in ANSWERS)
        + " exist a second time with `_brief` at the end: the same link without a prefilled text, for the plain text"
        " part, where a reader sees the whole address.\n"
    )
    return "".join(out)


def _same(own: Iterable[str], code: Iterable[str], what: str) -> None:
    if set(own) != set(code):
        raise SystemExit(
            f"docs/meanings.toml and the code differ in the {what}: {sorted(set(own) ^ set(code))}"
        )


# rates


def _rates() -> str:
    rows = [
        (
            f"`{measure.name}`",
            measure.label,
            f"`{measure.of}`" if measure.of else "(a count)",
            measure.meaning,
        )
        for measure in MEASURES
    ]
    return (
        "# Rates\n\n"
        "What `outreach report` counts, and what each rate is divided by. There is no open rate: mail scanners open"
        " more mails than people do, and the mails carry nothing that could tell.\n\n"
        + table(("Name", "Label", "Divided by", "Meaning"), rows)
        + "\n"
        + "".join(f"- {note}\n" for note in NOTES)
        + "\n## Cuts\n\nWhat `--cut` parts by. A line that is not known stands last.\n\n"
        + table(("Cut", "Shown as", "A municipality stands"), _cuts())
    )


def _cuts() -> list[tuple[str, ...]]:
    mails = "in the line of each mail it got; its answer in that of one"
    return [
        (
            f"`{cut.value}`",
            CUT_TITLES[cut],
            mails if cut in MAIL_CUTS else "in each campaign" if cut is Cut.CAMPAIGN else "in one line",
        )
        for cut in Cut
    ]


# classify --json


def _classify() -> str:
    _same(_MEANINGS["kinds"], {one.value for one in states.InboundKind}, "kinds of messages")
    _same(_MEANINGS["intents"], {one.value for one in states.Intent}, "intents")
    text = resources.files("outreach.inbound").joinpath("reasons.toml").read_text("utf-8")
    remarks = dict(re.findall(r"^\[(\w+)\](?:\s+# (.+))?$", text, re.MULTILINE))
    reasons = [
        (f"`{name}`", "yes" if entry.get("hard") else "", remarks[name])
        for name, entry in tomllib.loads(text).items()
    ]
    order = "".join(f"{number}. {name}\n" for number, (name, _) in enumerate(DETECTORS, 1))
    return (
        "# `outreach classify --json`\n\n"
        "One JSON object a line, in the order of the files. A key that does not apply is absent.\n\n"
        + table(
            ("Key", "When", "Meaning"),
            [(f"`{key}`", when, meaning) for key, (when, meaning) in _MEANINGS["keys"].items()],
        )
        + "\n## Kinds\n\n"
        + table(
            ("`kind`", "Meaning"), [(f"`{name}`", meaning) for name, meaning in _MEANINGS["kinds"].items()]
        )
        + "\nThe detectors are asked in this order, and the first that knows the message decides:\n\n"
        + order
        + "\n## Intents\n\n"
        + table(
            ("`intent`", "Of", "Meaning"),
            [(f"`{name}`", *both) for name, both in _MEANINGS["intents"].items()],
        )
        + "\n## Reasons of a bounce\n\nAn address is given up only for a reason that says it is dead.\n\n"
        + table(
            ("`reason`", "Address is dead", "Remark"),
            [*reasons, ("`undefined`", "", "nothing was recognised")],
        )
    )


# faults of mail servers


_FAULTS = DOCS.parent / "tests" / "integration" / "faults.toml"
_ACTS = {
    "close": "closes the connection",
    "silence": "says nothing more",
    "stranger": "nobody we trust vouches for it",
    "other_name": "it is of another host",
    "expired": "it has expired",
}


def _server_faults() -> str:
    out = [
        "# When a mail server misbehaves\n\n"
        "What becomes of a mail, by what the server did and when. Each line is tried by the tests. The states are"
        " explained in [States](../explanation/states.md).\n\n"
        "A mail is given up after so many tries as `limits.attempts` says; only those marked here count. Times are"
        " give or take a quarter, so that not all mails come back at the same moment; a second refusal of the same"
        " mail waits longer, and so does a sender that is throttled again.\n\n"
        "A sender that rests sends nothing at all, whichever run it is; other senders go on.\n"
    ]
    for stage in tomllib.loads(_FAULTS.read_text(encoding="utf-8"))["stage"]:
        rows = [
            (
                _act(server),
                f"`{mail}`",
                tried.replace("_", " ") or "not begun",
                "yes" if counts else "",
                f"after {again}" if again else "when a person says so" if mail == "uncertain" else "",
                sender,
            )
            for server, mail, tried, counts, again, sender in stage["faults"]
        ]
        head = ("The server", "The mail", "The try", "Counts", "Tried again", "The sender")
        out.append(f"\n## {stage['title']}\n\n" + table(head, rows))
    return "".join(out)


def _act(script: str) -> str:
    """An entry of a script, as tests/servers/scripted.py reads it, in words."""
    if "~" in script:
        return f"`{script.replace('~|', '').replace(chr(13) + chr(10), ' / ')}` in several packets"
    parts = [_ACTS.get(one) or f"`{one}`".replace("\r\n", "` `") for one in script.split("|")]
    return ", then ".join(parts)


# states


def _states() -> str:
    machines: list[tuple[str, type[StrEnum], Mapping[Any, frozenset[Any]]]] = [
        ("A message", states.MessageState, states.MESSAGE_MOVES),
        ("A campaign", states.CampaignState, states.CAMPAIGN_MOVES),
    ]
    out = [
        "# States\n\n"
        "Made from the tables in `outreach/model/states.py`. A move that no arrow shows raises an error and changes"
        " nothing.\n"
    ]
    for title, enum, moves in machines:
        out.append(f"\n## {title}\n\n```mermaid\n{_diagram(moves)}```\n\n")
        rows = [
            (
                f"`{state}`",
                meaning,
                ", ".join(f"`{to}`" for to in enum if to in moves[state]) or "nothing: it is final",
            )
            for state, meaning in _meanings(enum).items()
        ]
        out.append(table(("State", "Meaning", "Can become"), rows))
    out.append("\nA campaign is finished when each of its messages is in one of these states: ")
    out.append(", ".join(f"`{one}`" for one in states.MessageState if one in states.FINAL_MESSAGE_STATES))
    out.append(".\n\n## Other words\n")
    for title, other in (
        ("What came of one attempt to send", states.OutcomeKind),
        ("An inbound message", states.InboxState),
        ("An event (engagement)", states.EngagementKind),
        ("Why a contact is left out of a campaign", states.ExclusionReason),
        ("Why a queued mail is skipped", states.SkipReason),
    ):
        words = [(f"`{word}`", meaning) for word, meaning in _meanings(other).items()]
        out.append(f"\n### {title}\n\n" + table(("Word", "Meaning"), words))
    out.append("\nThese events end the sequence for the whole municipality: ")
    out.append(", ".join(f"`{one}`" for one in states.EngagementKind if one in states.STOPPING_ENGAGEMENTS))
    out.append(".\n")
    return "".join(out)


def _diagram(moves: Mapping[Any, frozenset[Any]]) -> str:
    first = next(iter(moves))
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    for old, targets in moves.items():
        lines += [f"    {old} --> {new}" for new in moves if new in targets]
        if not targets:
            lines.append(f"    {old} --> [*]")
    return "\n".join(lines) + "\n"


def _meanings(enum: type[StrEnum]) -> dict[str, str]:
    """The words of ``enum`` with the comments that stand beside them."""
    remarks = dict(re.findall(r'^    (\w+) = "\w+"(?:  # (.+))?$', inspect.getsource(enum), re.MULTILINE))
    return {word.value: remarks[word.name] for word in enum}


def main() -> None:
    for path, text in pages().items():
        (DOCS / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{path}\n")


if __name__ == "__main__":
    main()
