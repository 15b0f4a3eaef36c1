"""What the check tells of a campaign before anybody gets it, and what a launch wants to be shown first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests import workspaces
from tests.samples.pictures import png
from tests.servers.dns import NameServer
from tests.servers.sink import Sink
from tests.workspaces import Done, command

BE = ("--country", "BE")
ROWS = [("Gent", "info@gent.example", "nl"), ("Namur", "info@namur.example", "fr")]


def made(tmp_path: Path, port: int = 9, **sender: Any) -> Path:
    """A workspace of a Belgian member with two contacts."""
    smtp = {"host": "127.0.0.1", "port": port, "security": "plain"}
    settings = workspaces.sender("be", "digital@towns.example", ["BE"], smtp, **sender)
    folder = workspaces.create(tmp_path / "w", settings)
    list_ = workspaces.write_list(tmp_path / "l.csv", ROWS)
    command("-w", folder, "contacts", "import", list_, *BE, "--apply").ok()
    return folder


def check(folder: Path, *options: object, slug: str = "lordimas") -> dict[str, list[dict[str, Any]]]:
    """The findings by rule."""
    done = command("-w", folder, "campaigns", "check", slug, *BE, "--json", *options)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.out)["findings"]:
        found.setdefault(one["rule"], []).append(one)
    return found


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def launch(folder: Path, *options: object, user: str = "ada") -> Done:
    with patch("getpass.getuser", return_value=user):
        return command("-w", folder, "campaigns", "launch", "lordimas", *BE, "--yes", *options)


def test_whether_receivers_will_trust_the_domain_is_asked_of_the_dns(tmp_path: Path) -> None:
    folder = made(tmp_path)
    (reserved,) = check(folder)["sender-alignment"]
    assert (reserved["severity"], "reserved for examples" in reserved["message"]) == ("notice", True)
    (offline,) = check(folder, "--offline")["sender-alignment"]
    assert (offline["severity"], "nothing was asked" in offline["message"]) == ("notice", True)
    records = {
        ("towns.example", "MX"): ["10 mx.towns.example."],
        ("mx.towns.example", "A"): ["192.0.2.1"],
        ("towns.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 ~all"'],
        ("_dmarc.towns.example", "TXT"): ['"v=DMARC1; p=none; rua=mailto:r@towns.example"'],
    }
    with NameServer(records) as dns:
        found = check(folder, "--resolver", dns.resolver)["sender-alignment"]
        assert [(one["severity"], one["message"].partition(" of ")[0]) for one in found] == [
            ("warning", "DKIM")
        ]
        del dns.records["towns.example", "TXT"]
        found = check(folder, "--resolver", dns.resolver)["sender-alignment"]
        assert found[0]["severity"] == "error"
        assert "no SPF record" in found[0]["message"]
        assert "--offline leaves it out" in found[0]["remedy"]
    assert launch(folder).code == 5  # as after every check that did not pass
    with NameServer({}, silent=["towns.example"]) as dns:
        (unknown,) = check(folder, "--resolver", dns.resolver)["sender-alignment"]
        assert "were not looked at: The DNS gave no answer about towns.example" in unknown["message"]
    done = command("-w", folder, "campaigns", "check", "lordimas", *BE, "--resolver", "nowhere")
    assert (done.code, "is no address of a DNS server" in done.err) == (4, True)


def test_an_empty_value_is_told_with_everybody_it_is_empty_for(tmp_path: Path) -> None:
    folder = made(tmp_path)
    for language in ("nl", "fr"):
        rewrite(
            folder / f"templates/lordimas/invitation.{language}.md",
            "{{ greeting }}",
            "{{ greeting }} {{ contact.name }}",
        )
    rewrite(
        folder / "templates/lordimas/reminder.nl.md",
        "{{ greeting }}",
        "{{ greeting }}{% if contact.name %} {{ contact.name }}{% endif %}",
    )
    found = check(folder)["empty-value"]
    assert {(one["severity"], one["where"], *one["contacts"]) for one in found} == {
        ("warning", "lordimas/invitation.nl.md", "info@gent.example"),
        ("warning", "lordimas/invitation.fr.md", "info@namur.example"),
    }
    assert "It shows {{ contact.name }}, which is empty. (for info@gent.example)" in {
        one["message"] for one in found
    }
    assert "empty-value" not in check(folder, slug="helpdesk")


def test_links_pictures_and_habits_are_looked_at(tmp_path: Path) -> None:
    folder = made(tmp_path)
    mail = folder / "templates/lordimas/invitation.nl.md"
    rewrite(
        mail,
        "{{ greeting }}",
        "{{ greeting }}\n\n[boven](#top) [kort](https://bit.ly/x) [www.towns.example](https://elsewhere.example/)"
        " [https://lordimas.example](https://www.lordimas.example/nl)\n\nDOE NU ALLEMAAL MEE MET ONS PROJECT!!\n\n",
    )
    rewrite(mail, 'subject = "', 'subject = "RE: ')
    rewrite(
        folder / "templates/_layout/base.html.j2",
        ' lang="[[ language ]]" dir="[[ direction ]]">\n<head>',
        ">\n<head>",
    )
    found = check(folder)
    assert ["leads nowhere" in one["message"] for one in found["dead-anchor"]] == [True]
    habits = " ".join(one["message"] for one in found["spam-habit"])
    for words in (
        "The subject begins with 'RE:', though it answers nothing.",
        "exclamation marks in a row",
        "a row of words in capitals",
        "goes through bit.ly, which hides where it leads",
        "The link shows www.towns.example and leads to elsewhere.example.",
    ):
        assert words in habits, words
    assert len(found["spam-habit"]) == 5
    assert {one["message"] for one in found["accessibility"]} == {
        "The HTML does not say its language (lang)."
    }


def test_the_shipped_mails_give_no_cause(tmp_path: Path) -> None:
    folder = made(tmp_path, logo="logo.png")
    (folder / "logo.png").write_bytes(png(480, 96))
    for slug in ("lordimas", "helpdesk", "information-session", "training-session"):
        assert not {"spam-habit", "accessibility", "empty-value", "dead-anchor"} & set(
            check(folder, slug=slug)
        ), slug
    said = command("-w", folder, "campaigns", "check", "lordimas", *BE).ok().out
    assert " KB, 1 KB of it for the logo." in said


def test_a_launch_can_want_a_test_mail_of_just_these_texts(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = made(tmp_path, smtp_sink.port, test_first=True)
    test = ("-w", folder, "campaigns", "test", "lordimas", *BE, "--to", "ada@towns.example")
    with patch("getpass.getuser", return_value="ada"):
        (unseen,) = check(folder)["test-unseen"]
        assert unseen["message"] == (
            "No test mail in fr, nl was sent since the texts are as they are; a launch needs one."
        )
        assert "No test mail of lordimas-be in fr, nl" in launch(folder).err
        command(*test, "--language", "nl").ok()
        assert "in fr was sent" in check(folder)["test-unseen"][0]["message"]
        command(*test).ok()
        assert "test-unseen" not in check(folder)
        rewrite(
            folder / "templates/lordimas/reminder.fr.md", "{{ greeting }}", "{{ greeting }} {{ greeting }}"
        )
        assert "in fr was sent" in check(folder)["test-unseen"][0]["message"]
        refused = launch(folder)
        assert (refused.code, "in fr was sent" in refused.err) == (5, True)
        command(*test, "--language", "fr").ok()
    assert "is launched" in launch(folder).ok().out


def test_who_launches_unasked_names_the_check_unless_it_is_their_own(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with patch("getpass.getuser", return_value="ada"):
        check(folder)
    refused = launch(folder, user="bob")
    assert (refused.code, "ada made the last check of lordimas-be, not you." in refused.err) == (5, True)
    assert "  test mail none in fr, nl" in refused.out
    assert "is launched" in launch(folder, user="ada").ok().out


@pytest.mark.parametrize(
    ("write", "words"),
    [(None, "cannot be read"), (b"<svg/>", "is an SVG drawing"), (png(480, 96)[:90], "ends too early")],
)
def test_a_logo_that_cannot_be_shown_is_one_sentence(tmp_path: Path, write: bytes | None, words: str) -> None:
    folder = made(tmp_path, logo="logo.png")
    if write is not None:
        (folder / "logo.png").write_bytes(write)
    done = command("-w", folder, "campaigns", "check", "lordimas", *BE)
    assert (done.code, words in done.err, "senders.be.logo" in done.err) == (3, True, True)
