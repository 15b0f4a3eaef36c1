"""The documentation agrees with the program: generated pages, commands, options, links."""

from __future__ import annotations

import importlib.util
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from outreach.campaign import spec
from outreach.cli import app
from outreach.contacts.headers import Field
from outreach.contacts.normalize import RejectReason
from outreach.model.states import ExclusionReason

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), ROOT / "CHANGELOG.md"]
GUIDES = [path for path in WRITTEN if "reference" not in path.parts]

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\]\[]+\]\(([^)\s]+)\)")
GENERATED = {
    *(f"reference/{name}.md" for name in ("commands", "settings", "exit-codes", "template-values", "rates")),
    *("reference/classify-json.md", "reference/server-faults.md", "explanation/states.md"),
}
# of other programs that the pages name
_FOREIGN = frozenset({"--user", "--now"})


@cache
def _generator() -> Any:
    found = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _typed(path: Path) -> list[str]:
    """The command lines of a page's console blocks, with or without a prompt."""
    return [
        line.removeprefix("$ ")
        for kind, block in _FENCED.findall(path.read_text(encoding="utf-8"))
        if kind == "console"
        for line in block.splitlines()
        if line.startswith(("$ outreach ", "outreach "))
    ]


def _parse(arguments: list[str]) -> None:
    """Parse as the program does, without doing anything; raises for what it would refuse."""
    command: Any = get_command(app)
    context = None
    while True:
        name = command.name or "outreach"
        context = command.make_context(name, list(arguments), parent=context)
        if not hasattr(command, "commands"):
            return
        arguments = [*context._protected_args, *context.args]
        if not arguments and command.invoke_without_command:
            return
        _, command, arguments = command.resolve_command(context, arguments)


def test_generated_pages_are_current() -> None:
    for path, made in _generator().pages().items():
        assert (DOCS / path).read_text(encoding="utf-8") == made, f"{path}: type python docs/generate.py"


def test_generated_pages_are_all_there_is_of_their_kind() -> None:
    marked = {str(path.relative_to(DOCS)) for path in WRITTEN if _generator().MADE in path.read_text("utf-8")}
    assert marked == GENERATED


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param(path, line, id=f"{path.name}: {line}")
        for path in WRITTEN
        for line in dict.fromkeys(_typed(path))
    ],
)
def test_every_command_line_parses(page: Path, line: str) -> None:
    words = shlex.split(line.partition(" >")[0])
    if "--version" in words:
        return
    _parse(words[1:])


def test_a_wrong_command_line_would_be_found() -> None:
    for line in ("campaigns fly", "campaigns check lordimas", "report --formta csv", "inbox show eleven"):
        with pytest.raises(Exception, match=r".") as found:
            _parse(line.split())
        assert type(found.value).__name__ in {
            "UsageError",
            "NoSuchOption",
            "MissingParameter",
            "BadParameter",
        } or "No such" in str(found.value)


def test_every_command_and_option_named_in_a_sentence_exists() -> None:
    leaves = set(_generator().leaves())
    groups = {path[:1] for path in leaves if len(path) > 1}
    options = {"--help", "--version"} | {option for path in leaves for option in _options(path)}
    for page in WRITTEN:
        for span in _SPAN.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
            words = span.split()
            if words[:1] == ["outreach"] and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
                assert tuple(words[1:2]) in leaves | groups, f"{page.name}: {span}"
                if tuple(words[1:2]) in groups and len(words) > 2 and not words[2].startswith("--"):
                    assert tuple(words[1:3]) in leaves, f"{page.name}: {span}"
            for word in words:
                if re.fullmatch(r"--[a-z][a-z-]+", word) and words[0] not in ("pip", "mypy"):
                    assert word in options | _FOREIGN, f"{page.name}: {word}"


def _options(path: tuple[str, ...]) -> set[str]:
    command: Any = get_command(app)
    found: set[str] = set()
    for name in (*path, ""):
        found.update(option for each in command.params for option in (*each.opts, *each.secondary_opts))
        command = command.commands[name] if name else command
    return found


@pytest.mark.parametrize("path", [" ".join(path) for path in _generator().leaves()])
def test_every_command_is_explained_outside_the_reference(path: str) -> None:
    guides = "\n".join(page.read_text(encoding="utf-8") for page in GUIDES if page.parent != ROOT)
    assert re.search(rf"outreach (-w \S+ )?{path}\b", guides)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_SPAN.sub("", _FENCED.sub("", page.read_text(encoding="utf-8")))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{target} is not there"
        if anchor:
            assert anchor in _anchors(file), f"{target}: no such heading"


def _anchors(page: Path) -> set[str]:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_and_tables_are_whole(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(_FENCED.findall(text))
    width = 0
    for line in _FENCED.sub("", text).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (width and cells and cells != width), line
        width = cells


def test_every_key_of_a_campaign_file_is_in_its_reference() -> None:
    page = (DOCS / "reference/campaign-file.md").read_text(encoding="utf-8")
    for key in spec._KEYS:
        assert re.search(rf"[`\[.]{key}\b", page), key
    sections = {"audience", "window", "steps", "session"}
    readers = [ROOT / "outreach/campaign" / name for name in ("spec.py", "steps.py")]
    read = "".join(one.read_text(encoding="utf-8") for one in readers)
    allowed = re.findall(r"\.allow\(\s*\(([^)]+)\)", read)
    inner = {key for group in allowed for key in re.findall(r'"(\w+)"', group)}
    assert len(inner) > len(sections) * 2
    for key in inner:
        assert f"`{key}`" in page or f".{key}" in page, key


@pytest.mark.parametrize("country", ["", "BE", "FI"])
def test_the_campaign_of_the_guide_can_be_read(country: str) -> None:
    page = (DOCS / "howto/write-a-campaign.md").read_text(encoding="utf-8")
    blocks = [block for kind, block in _FENCED.findall(page) if kind == "toml"]
    # the guide shows one file in pieces; a session has an eve, so its last day has to fit
    text = "\n".join(blocks).replace("not_after = 2027-06-15", "not_after = 2027-04-01", 1)
    definition = spec.load(text, file="campaigns/lordimas.toml").for_country(country)
    assert [step.name for step in definition.steps] == ["invitation", "reminder", "last-call"]
    assert definition.session is not None
    assert definition.session.time_zone == ("Europe/Helsinki" if country == "FI" else "Europe/Brussels")
    assert definition.links["assessment"].endswith("belgie") == (country == "BE")


def test_fields_and_reasons_are_all_named() -> None:
    page = (DOCS / "howto/import-a-list.md").read_text(encoding="utf-8")
    for field in set(Field) - {Field.TOWN, Field.NAME, Field.OTHER}:
        assert f"`{field}`" in page
    for reason in RejectReason:
        assert reason.replace("_", " ") in page
    page = (DOCS / "howto/launch-and-follow.md").read_text(encoding="utf-8")
    for left_out in ExclusionReason:
        assert f"| {left_out.replace('_', ' ')} |" in page
