"""Every command of README.md works, and every command says in a sentence what is wrong with what it was given."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from outreach import cli
from tests import workspaces
from tests.servers.process import free_ports
from tests.servers.sink import Sink
from tests.workspaces import REPOSITORY, Done, command

OFFICE = "digital@office.example"
BE = ("--country", "BE")
TO = ("--to", "me@office.example")

# --- README.md

#: What README.md says to type and no test types, and why.
NOT_RUN = {
    "make": "sets up an environment, or runs these tests: .ci/run calls `make test`, which begins with it",
    "outreach demo": "has a test of its own",
    "outreach serve": "stays until it is stopped; has tests of its own",
}


def readme_lines() -> list[str]:
    """The lines to be typed, in their order: of the blocks, of the crontab, and commands named in a sentence."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    lines: list[str] = []
    for fenced, inline in re.findall(r"^```\w*\n(.*?)^```|`([^`\n]+)`", text, re.MULTILINE | re.DOTALL):
        for line in fenced.splitlines():
            lines.append(re.sub(r"^(\$ |(\S+ +){5}(?=outreach ))|\s+#.*$", "", line).strip())
        if re.match(r"(\.venv/bin/)?outreach [a-z-]", inline):
            lines.append(inline)
    return [line for line in lines if line]


def test_readme_is_read_whole() -> None:
    lines = readme_lines()
    assert lines[:2] == ["make demo", "make test"]
    assert "outreach init my-workspace" in lines
    assert any(line.startswith("outreach -w ") and " run " in line for line in lines), "the crontab"
    assert any(line.startswith("outreach classify") for line in lines)


def test_every_command_of_readme(tmp_path: Path, smtp_sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """From top to bottom, as a reader types them; the settings between are what README says to describe."""
    monkeypatch.chdir(tmp_path)
    saved = (REPOSITORY / "tests" / "golden" / "messages").glob("*.eml")
    workspace: Path | None = None
    ran = 0
    for line in readme_lines():
        words = shlex.split(line)
        if words[0] == "make" or words[:2] in (["outreach", "demo"], ["outreach", "serve"]):
            assert words[0] in NOT_RUN or " ".join(words[:2]) in NOT_RUN
            continue
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
            workspace = Path.cwd()
            settings = workspaces.sender(
                "mine",
                OFFICE,
                ["BE"],
                smtp={"host": "127.0.0.1", "port": smtp_sink.port, "security": "plain"},
                limits={"per_minute": 1000},
            )
            (workspace / "outreach.toml").write_text(settings, encoding="utf-8")
            continue
        assert re.fullmatch(r"(\.venv/bin/)?outreach", words[0]), (
            f"README.md says to type {line!r}: run it here"
        )
        arguments = words[1:]
        if "-w" in arguments:
            place = arguments.index("-w") + 1
            assert workspace is not None
            assert Path(arguments[place]).name == workspace.name
            arguments[place] = str(workspace)
        if "FILE..." in arguments:
            place = arguments.index("FILE...")
            arguments[place : place + 1] = map(str, itertools.islice(saved, 5))
        done = command(*arguments)
        assert done.code == 0, f"{line}\n{done.out}\n{done.err}"
        assert done.err == "", line
        ran += 1
    assert ran >= 15
    assert workspace is not None
    assert (workspace / "preview" / "index.html").is_file()
    assert (workspace / "backup.db").is_file()
    # The tests to oneself, whatever the hour says of the rest.
    assert smtp_sink.accepted()[0].recipients == ("you@association.example",)


# --- wrong input


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a list, a campaign that is checked (lordimas) and one that runs (helpdesk); no server
    answers. Tests that write use a copy."""
    folder = tmp_path_factory.mktemp("commands") / "w"
    smtp, imap = free_ports(2)
    server = {
        "host": "127.0.0.1",
        "security": "plain",
        "username": OFFICE,
        "password": "x",
        "timeout_seconds": 5,
    }
    settings = workspaces.sender(
        "office", OFFICE, ["BE", "FR"], smtp={**server, "port": smtp}, imap={**server, "port": imap}
    )
    workspaces.create(folder, settings)
    towns = workspaces.write_list(folder / "towns.csv", [("Aalst-Noord", "info@aalst-noord.example", "nl")])
    for arguments in (
        ("contacts", "import", towns, *BE, "--apply"),
        ("campaigns", "check", "lordimas", *BE),
        ("campaigns", "check", "helpdesk", *BE),
        ("campaigns", "launch", "helpdesk", *BE, "--yes"),
    ):
        command("-w", folder, *arguments).ok()
    files = folder / "files"
    (files / "folder").mkdir(parents=True)
    (files / "empty").touch()
    (files / "spaces.csv").write_text(" \n\n")
    (files / "header.csv").write_text("Gemeente,E-mail\n")
    (files / "letter.csv").write_text("Geachte heer,\nhierbij onze lijst.\n")
    (files / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
    (files / "damaged.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    (files / "damaged.ods").write_bytes(b"PK\x03\x04 no workbook")
    return folder


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "w"))


def is_a_sentence(done: Done, code: int, *, words: str = "") -> None:
    """The exit code, one error, something to do about it, and nothing that only a programmer can read."""
    both = done.out + done.err
    assert done.code == code, both
    assert "Traceback" not in both
    assert "a fault in Outreach itself (" not in both
    if code == 2:
        assert done.err.startswith("Usage: ")
    else:
        assert done.err.startswith("Error: "), both
        assert 1 <= len(done.err.strip().splitlines()) <= 4, done.err
        assert not re.search(r"\b(None|Exception|errno|object at 0x|sqlite3|sqlalchemy)\b", done.err)
    assert words in done.err, done.err


def every_command() -> Iterator[tuple[str, ...]]:
    """The words of all commands there are."""

    def below(one: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if hasattr(one, "commands"):
            if words == ("report",):  # a group that does something by itself
                yield words
            for name, child in one.commands.items():
                yield from below(child, (*words, name))
        else:
            yield words

    return below(get_command(cli.app), ())


#: Commands that need a workspace and its database, each with arguments that are right.
RIGHT: dict[tuple[str, ...], tuple[str, ...]] = {
    ("contacts", "import"): ("towns.csv", *BE),
    ("contacts", "list"): (),
    ("contacts", "imports"): (),
    ("contacts", "undo"): ("1",),
    ("contacts", "show"): ("info@aalst-noord.example",),
    ("contacts", "edit"): ("info@aalst-noord.example", "--language", "fr"),
    ("contacts", "export"): ("--subject", "info@aalst-noord.example"),
    ("contacts", "erase"): ("info@aalst-noord.example", "--yes"),
    ("places", "import"): ("contacts/official/lau-sample.xlsx", *BE),
    ("places", "list"): BE,
    ("places", "coverage"): BE,
    ("places", "review"): (),
    ("places", "decide"): ("1", "41901"),
    ("suppress", "add"): ("info@gone.example",),
    ("suppress", "list"): (),
    ("campaigns", "list"): (),
    ("campaigns", "check"): ("lordimas", *BE),
    ("campaigns", "preview"): ("lordimas", *BE),
    ("campaigns", "test"): ("lordimas", *BE, *TO),
    ("campaigns", "launch"): ("lordimas", *BE, "--yes"),
    ("campaigns", "pause"): ("helpdesk", *BE),
    ("campaigns", "resume"): ("helpdesk", *BE),
    ("campaigns", "cancel"): ("helpdesk", *BE, "--yes"),
    ("campaigns", "status"): ("helpdesk", *BE),
    ("campaigns", "change-session"): ("helpdesk", *BE),
    ("inbox", "list"): (),
    ("inbox", "show"): ("1",),
    ("inbox", "resolve"): ("1",),
    ("inbox", "reread"): ("1",),
    ("inbox", "undo"): ("1",),
    ("inbox", "reply-draft"): ("1",),
    ("inbox", "corrections"): (),
    ("inbox", "proposals"): (),
    ("inbox", "accept"): ("1",),
    ("inbox", "dismiss"): ("1",),
    ("registrations", "list"): (),
    ("registrations", "import"): ("towns.csv", "--campaign", "lordimas-be"),
    ("registrations", "imports"): (),
    ("registrations", "undo"): ("1",),
    ("registrations", "progress"): ("towns.csv", "--campaign", "lordimas-be"),
    ("attendance", "import"): ("towns.csv", "--campaign", "lordimas-be"),
    ("attendance", "list"): (),
    ("attendance", "imports"): (),
    ("attendance", "review"): (),
    ("attendance", "settle"): ("1", "--nobody"),
    ("attendance", "undo"): ("1",),
    ("costs", "add"): ("100", "--campaign", "lordimas-be", "--what", "Catering"),
    ("costs", "list"): (),
    ("costs", "undo"): ("1",),
    ("report", "reimbursement"): (),
    ("db", "backup"): ("backup.db",),
    ("messages", "list"): (),
    ("messages", "show"): ("1",),
    ("messages", "settle"): ("1", "--sent"),
    ("run",): (),
    ("poll",): (),
    ("watch",): (),
    ("serve",): (),
    ("send",): (),
    ("report",): (),
    ("report", "export"): (),
    ("report", "merge"): ("counts.json",),
    ("report", "digest"): (),
}
#: The others.
WITHOUT_DATABASE = {("init",), ("demo",), ("simulate",), ("classify",), ("doctor",), ("db", "upgrade")}
WITHOUT_DATABASE |= {("inbox", "learn-form"), ("report", "key")}
WITHOUT_DATABASE |= {("templates", name) for name in ("status", "new", "export", "import")}


def test_every_command_is_tried_below() -> None:
    assert set(every_command()) == RIGHT.keys() | WITHOUT_DATABASE


def no_workspace(folder: Path) -> None:
    (folder / "outreach.toml").unlink()


def not_toml(folder: Path) -> None:
    (folder / "outreach.toml").write_text("[senders.office\nfrom = 3")


def not_utf8(folder: Path) -> None:
    (folder / "outreach.toml").write_bytes('database = "sqlite:///für.db"'.encode("cp1252"))


def unknown_setting(folder: Path) -> None:
    with (folder / "outreach.toml").open("a") as file:
        file.write("\n[senders.office.limits]\nper_fortnight = 3\n")


def missing_setting(folder: Path) -> None:
    path = folder / "outreach.toml"
    path.write_text(re.sub(r"(?m)^controller = .*\n", "", path.read_text()))


def no_key(folder: Path) -> None:
    (folder / "secrets" / "key").unlink()


def no_database(folder: Path) -> None:
    for path in folder.glob("outreach.db*"):
        path.unlink()


def empty_database(folder: Path) -> None:
    no_database(folder)
    (folder / "outreach.db").touch()


def no_sqlite_file(folder: Path) -> None:
    no_database(folder)
    (folder / "outreach.db").write_bytes(b"this is no database " * 500)


def database_is_a_folder(folder: Path) -> None:
    no_database(folder)
    (folder / "outreach.db").mkdir()


def newer_database(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "outreach.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def unknown_kind_of_database(folder: Path) -> None:
    path = folder / "outreach.toml"
    path.write_text('database = "oracle://somewhere"\n' + path.read_text())


BROKEN_SETTINGS = (no_workspace, not_toml, not_utf8, unknown_setting, missing_setting, no_key)
BROKEN_DATABASES = (
    no_database,
    empty_database,
    no_sqlite_file,
    database_is_a_folder,
    newer_database,
    unknown_kind_of_database,
)


@pytest.mark.parametrize("break_it", BROKEN_SETTINGS, ids=lambda one: one.__name__)
def test_every_command_with_broken_settings(workspace: Path, break_it: Callable[[Path], None]) -> None:
    break_it(workspace)
    for words, arguments in {**RIGHT, ("db", "upgrade"): ()}.items():
        is_a_sentence(command("-w", workspace, *words, *arguments), 3, words="outreach.toml")
    if break_it is no_workspace:
        is_a_sentence(command("-w", workspace, "doctor", "--offline"), 3)
    else:
        the_doctor_finds_something(workspace)


@pytest.mark.parametrize("break_it", BROKEN_DATABASES, ids=lambda one: one.__name__)
def test_every_command_with_a_broken_database(workspace: Path, break_it: Callable[[Path], None]) -> None:
    break_it(workspace)
    for words, arguments in RIGHT.items():
        if words == ("db", "backup") and break_it in (empty_database, no_sqlite_file, newer_database):
            continue  # a copy of whatever there is, of whatever version
        is_a_sentence(command("-w", workspace, *words, *arguments), 7)
    the_doctor_finds_something(workspace)


def the_doctor_finds_something(workspace: Path) -> None:
    """It tells what is wrong among its findings: that is what it was asked for."""
    done = command("-w", workspace, "doctor", "--offline")
    assert (done.code, done.err) == (1, ""), done
    assert "Traceback" not in done.out
    assert re.search(r"(?m)^error ", done.out), done.out


def test_the_database_is_made_and_brought_up_to_date(workspace: Path) -> None:
    command("-w", workspace, "db", "upgrade").ok()
    newer_database(workspace)
    is_a_sentence(command("-w", workspace, "db", "upgrade"), 7, words="newer")
    no_database(workspace)
    command("-w", workspace, "db", "upgrade").ok()
    command("-w", workspace, "campaigns", "list").ok()
    no_sqlite_file(workspace)
    is_a_sentence(command("-w", workspace, "db", "upgrade"), 7)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that cannot be done; ``{f}`` in the arguments stands for the folder of files."""

    arguments: str
    code: int
    words: str = ""  # in the sentence

    def __str__(self) -> str:
        return self.arguments


FILES = (
    Wrong("{f}/nothing.csv", 4, "There is no file"),
    Wrong("{f}/empty", 4, "empty"),
    Wrong("{f}/folder", 4, "folder"),
    Wrong("{f}/spaces.csv", 4, "empty"),
    Wrong("{f}/header.csv", 4, "rows"),
    Wrong("{f}/letter.csv", 4),
    Wrong("{f}/picture.csv", 4, "picture"),
    Wrong("{f}/damaged.xlsx", 4),
    Wrong("{f}/damaged.ods", 4),
)
CAMPAIGNS = ("pause", "resume", "cancel --yes", "status", "launch --yes")
WRONG = (
    *(Wrong(f"contacts import {one.arguments} --country BE", one.code, one.words) for one in FILES),
    *(Wrong(f"contacts import {one.arguments} --country BE --apply", one.code) for one in FILES),
    Wrong("contacts import towns.csv", 2, "--country"),
    Wrong("contacts import", 2),
    Wrong("contacts import towns.csv --country XX", 4, "'XX'"),
    Wrong("contacts import towns.csv --country EL", 4, "GR"),
    Wrong("contacts import towns.csv --country BE --map email", 4, "'='"),
    Wrong("contacts import towns.csv --country BE --map email=Courriel", 4, "'Courriel'"),
    Wrong("contacts import towns.csv --country BE --map fax=Email", 4, "'fax'"),
    Wrong("contacts import towns.csv --country BE --encoding klingon", 4, "'klingon'"),
    Wrong("contacts import towns.csv --country BE --delimiter ab", 4, "'ab'"),
    Wrong("contacts import towns.csv --country BE --sheet Two", 4, "sheet"),
    Wrong("contacts list --country XX", 4, "'XX'"),
    Wrong("suppress add nonsense", 4, "'nonsense'"),
    Wrong("suppress add ''", 4),
    Wrong("suppress add a@b@c.example", 4),
    Wrong("suppress add", 2),
    *(Wrong(f"campaigns {one} lordimas --country XX", 4, "'XX'") for one in (*CAMPAIGNS, "check", "preview")),
    *(Wrong(f"campaigns {one} lordimas --country FR", 5, "'lordimas-fr'") for one in CAMPAIGNS),
    *(Wrong(f"campaigns {one} nothing --country BE", 5, "'nothing-be'") for one in CAMPAIGNS),
    *(Wrong(f"campaigns {one} lordimas", 2, "--country") for one in (*CAMPAIGNS, "check", "preview", "test")),
    *(Wrong(f"campaigns {one} --country BE", 2) for one in (*CAMPAIGNS, "check", "preview", "test")),
    *(Wrong(f"campaigns {one} nothing --country BE", 4, "nothing.toml") for one in ("check", "preview")),
    *(Wrong(f"campaigns {one} lordimas --country DE", 3, "DE") for one in ("check", "preview")),
    *(Wrong(f"campaigns {one} lordimas --country BE --sender me", 3, "'me'") for one in ("check", "preview")),
    Wrong("campaigns preview lordimas --country FR", 5, "Nobody in FR"),
    Wrong("campaigns preview lordimas --country BE --dir {f}/empty", 4, "file"),
    Wrong("campaigns preview lordimas --country BE --dir {f}/empty/below", 4, "file"),
    Wrong("campaigns preview lordimas --country BE --each 0", 2, "--each"),
    Wrong("campaigns test nothing --country BE --to me@office.example", 4, "nothing.toml"),
    Wrong("campaigns test lordimas --country BE", 2, "--to"),
    Wrong("campaigns test lordimas --country BE --to me", 4, "'me'"),
    Wrong("campaigns test lordimas --country BE --to me@office.example --language xx", 4, "xx"),
    Wrong("campaigns test lordimas --country BE --to me@office.example", 6, "127.0.0.1"),
    Wrong("campaigns check helpdesk --country BE", 5, "running"),
    Wrong("campaigns launch helpdesk --country BE --yes", 5, "running"),
    Wrong("campaigns resume helpdesk --country BE", 5),
    Wrong("campaigns resume lordimas --country BE", 5, "not launched"),
    Wrong("campaigns pause lordimas --country BE", 5),
    Wrong("inbox show 999", 5, "999"),
    Wrong("inbox show first", 2),
    Wrong("inbox show 99999999999999999999999999", 2),
    Wrong("inbox resolve 999", 5, "999"),
    Wrong("inbox resolve 999 --as register", 5, "999"),
    Wrong("inbox resolve 99999999999999999999999999", 2),
    Wrong("inbox resolve 1 --as perhaps", 4, "'perhaps'"),
    Wrong("inbox resolve", 2),
    Wrong("messages list --country XX", 4, "'XX'"),
    Wrong("messages list --campaign nothing", 5, "'nothing'"),
    Wrong("messages list --state lost", 2, "lost"),
    Wrong("messages show 999", 5, "999"),
    Wrong("messages show 99999999999999999999999999", 2),
    Wrong("messages settle 99999999999999999999999999 --sent", 2),
    Wrong("messages settle 999 --sent", 5, "999"),
    Wrong("messages settle 1", 4, "--sent"),
    Wrong("messages settle 1 --sent --resend", 4, "--sent"),
    Wrong("messages settle 1 --sent", 5),
    Wrong("messages settle", 2),
    Wrong("report --campaign nothing", 5, "'nothing'"),
    Wrong("report --country XX", 4, "'XX'"),
    Wrong("report --format xml", 2, "xml"),
    Wrong("report --format html --locale tlh", 4, "'tlh'"),
    Wrong("report --format html --cut step", 2, "--cut"),
    Wrong("report --format html -o {f}/none/report.html", 4, "report.html"),
    Wrong("db backup {f}/empty", 7, "exists"),
    Wrong("db backup {f}/folder", 7, "exists"),
    Wrong("db backup {f}/empty/below.db", 7),
    Wrong("db backup", 2),
    Wrong("run", 6, "office"),
    Wrong("poll", 6, "office"),
    Wrong("send", 6, "office"),
    *(Wrong(f"{one} --max-seconds 0", 2, "--max-seconds") for one in ("run", "poll", "send")),
    *(Wrong(f"{one} --max-seconds soon", 2, "--max-seconds") for one in ("run", "poll", "send")),
    Wrong("init {f}/empty", 4, "file"),
    Wrong("init {f}/empty/below", 4, "file"),
    Wrong("init .", 5, "workspace already"),
    Wrong("demo --dir {f}/empty", 5, "folder"),
    Wrong("classify", 2),
    Wrong("classify {f}/nothing.eml", 1, "There is no file"),
    Wrong("classify {f}/empty", 1, "empty"),
    Wrong("classify {f}/folder", 1, "folder"),
    Wrong("fly", 2, "fly"),
    Wrong("", 2),
    Wrong("campaigns", 2),
    Wrong("-w {f}/empty campaigns list", 3, "no folder"),
    Wrong("-w {f}/nothing campaigns list", 3, "no folder"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_cannot_be_done_is_said(
    made: Path, wrong: Wrong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of these writes, but those that sends and reads: they get a copy."""
    folder = made
    if wrong.code == 6:
        folder = Path(shutil.copytree(made, tmp_path / "w"))
    monkeypatch.chdir(folder)
    arguments = shlex.split(wrong.arguments.replace("{f}", str(folder / "files")))
    is_a_sentence(command(*arguments), wrong.code, words=wrong.words)


def test_one_bad_file_keeps_no_other_from_being_read(made: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.eml"
    good.write_bytes(
        b"From: info@aalst-noord.example\r\nSubject: Re: vraag\r\n\r\nJa, wij doen graag mee.\r\n"
    )
    done = command("classify", made / "files" / "empty", good, made / "files" / "nothing", "--json")
    assert done.code == 1
    assert [('"error"' in line, '"kind"' in line) for line in done.out.splitlines()] == [
        (True, False),
        (False, True),
        (True, False),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "title"),
        ("title = ", "lordimas.toml"),
        ("title = 'x'\nunknown = 1\n", "unknown"),
        (None, "lordimas.toml"),
        (b"title = '\xff'", "UTF-8"),
    ],
    ids=["empty", "not TOML", "unknown key", "a folder", "not UTF-8"],
)
@pytest.mark.parametrize("words_of", ["check", "preview", "launch --yes", "test --to me@office.example"])
def test_a_campaign_file_that_cannot_be_used(
    workspace: Path, text: str | bytes | None, words: str, words_of: str
) -> None:
    path = workspace / "campaigns" / "lordimas.toml"
    path.unlink()
    if text is None:
        path.mkdir()
    else:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    done = command("-w", workspace, "campaigns", *words_of.split(), "lordimas", *BE)
    is_a_sentence(done, 4, words=words)


def test_a_text_that_cannot_be_used_is_found_by_the_check(workspace: Path) -> None:
    text = workspace / "templates" / "lordimas" / "invitation.nl.md"
    good = text.read_text(encoding="utf-8")
    for bad in (
        good.replace("{{ greeting }}", "{{ greting }}"),
        good.replace("{{ greeting }}", "{{ greeting"),
    ):
        text.write_text(bad, encoding="utf-8")
        done = command("-w", workspace, "campaigns", "check", "lordimas", *BE)
        assert done.code == 5, done
        assert "Traceback" not in done.out + done.err
        assert "invitation.nl.md" in done.out
        is_a_sentence(command("-w", workspace, "campaigns", "launch", "lordimas", *BE, "--yes"), 5)
    text.write_bytes("+++\nsubject = 'à'\n+++\n".encode("cp1252"))
    is_a_sentence(command("-w", workspace, "campaigns", "check", "lordimas", *BE), 4, words="UTF-8")
    text.unlink()
    text.mkdir()
    done = command("-w", workspace, "campaigns", "check", "lordimas", *BE)
    assert (done.code, "Traceback" in done.out + done.err) in {(4, False), (5, False), (0, False)}


def test_a_password_that_is_missing_is_asked_for_by_its_name(workspace: Path) -> None:
    path = workspace / "outreach.toml"
    path.write_text(path.read_text().replace('password = "x"\n', ""))
    for words in (("run",), ("poll",), ("send",), ("campaigns", "test", "lordimas", *BE, *TO)):
        protocol = "imap" if words == ("poll",) else "smtp"
        is_a_sentence(
            command("-w", workspace, *words), 3, words=f"secrets/senders__office__{protocol}__password"
        )
    # What was due is not held up by it.
    (workspace / "secrets" / "senders__office__smtp__password").write_text("x")
    is_a_sentence(command("-w", workspace, "send"), 6)


def test_a_sender_that_left_the_settings_is_missed(workspace: Path) -> None:
    path = workspace / "outreach.toml"
    path.write_text(path.read_text().replace("[senders.office", "[senders.other"))
    is_a_sentence(command("-w", workspace, "run"), 3, words="helpdesk-be")
    is_a_sentence(command("-w", workspace, "campaigns", "status", "helpdesk", *BE), 3, words="'office'")
