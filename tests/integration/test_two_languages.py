"""A bilingual municipality gets one mail in both its languages, in its organisation's words, over real SMTP."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

from tests import workspaces
from tests.servers.sink import Sink
from tests.workspaces import command


def test_a_bilingual_municipality_gets_one_mail_in_both_languages(tmp_path: Path, smtp_sink: Sink) -> None:
    settings = workspaces.sender(
        "be", "digital@towns.example", ["BE"], {"host": "127.0.0.1", "port": smtp_sink.port, "security": "plain"},
        colour="#8a1538",
    )  # fmt: skip
    folder = workspaces.create(tmp_path / "w", settings)
    own = folder / "templates/_own/be/strings.fr.toml"
    own.parent.mkdir(parents=True)
    own.write_text('signature = "Cellule numérique"\n', encoding="utf-8")
    rows = [("Brussel", "info@brussel.example", "nl/fr"), ("Gent", "info@gent.example", "nl")]
    command(
        "-w",
        folder,
        "contacts",
        "import",
        workspaces.write_list(tmp_path / "l.csv", rows),
        "--country",
        "BE",
        "--apply",
    ).ok()
    found = command("-w", folder, "campaigns", "check", "information-session", "--country", "BE").ok().out
    assert "2 contacts in nl, nl+fr; " in found
    command(
        "-w",
        folder,
        "campaigns",
        "preview",
        "information-session",
        "--country",
        "BE",
        "--dir",
        tmp_path / "p",
    ).ok()
    assert (tmp_path / "p/invitation.nl+fr.html").exists()
    command("-w", folder, "campaigns", "launch", "information-session", "--country", "BE", "--yes").ok()
    command("-w", folder, "send").ok()
    mails = {
        one.recipients[0]: message_from_bytes(one.raw, policy=policy.default) for one in smtp_sink.accepted()
    }
    both, dutch = mails["info@brussel.example"], mails["info@gent.example"]
    assert (
        both["Subject"]
        == "Brussel: uitnodiging informatiebijeenkomst / invitation à une séance d'information"
    )
    assert (both["Content-Language"], dutch["Content-Language"]) == ("nl, fr", "nl")
    text = both.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.index("Geachte heer/mevrouw,") < text.index("Met vriendelijke groet,") < text.index("* * *")
    assert text.index("* * *") < text.index("Madame, Monsieur,") < text.index("\nCellule numérique\n")
    assert "_2" not in text
    assert "Madame" not in dutch.get_body(("plain",)).get_content()
    html = both.get_body(("html",)).get_content()
    assert "#8a1538" in html
    assert "#1f4aa8" not in html


def test_a_colour_that_cannot_be_read_and_a_missing_language_stop_the_launch(tmp_path: Path) -> None:
    settings = workspaces.sender(
        "es", "digital@towns.example", ["LU"], {"host": "127.0.0.1", "security": "plain"}, colour="#ffcc00"
    )
    folder = workspaces.create(tmp_path / "w", settings)
    rows = [("Esch", "info@esch.example", "fr/lb")]
    command(
        "-w",
        folder,
        "contacts",
        "import",
        workspaces.write_list(tmp_path / "l.csv", rows),
        "--country",
        "LU",
        "--apply",
    ).ok()
    done = command("-w", folder, "campaigns", "check", "lordimas", "--country", "LU")
    assert done.code == 5
    assert "White words on #ffcc00 cannot be read" in done.out
    assert "There is no mail lordimas/invitation in the language 'lb'" in done.out


def test_a_campaign_can_say_one_language_and_a_language_without_text_is_told(tmp_path: Path) -> None:
    settings = workspaces.sender(
        "es", "digital@towns.example", ["ES"], {"host": "127.0.0.1", "security": "plain"}
    )
    folder = workspaces.create(tmp_path / "w", settings)
    rows = [
        ("Girona", "info@girona.example", "ca/es"),
        ("Vic", "info@vic.example", "ca/es"),
        ("Soria", "s@s.example", "es"),
    ]
    command(
        "-w", folder, "contacts", "import", workspaces.write_list(tmp_path / "l.csv", rows),
        "--country", "ES", "--apply",
    ).ok()  # fmt: skip
    check = ("-w", folder, "campaigns", "check", "lordimas", "--country", "ES")
    said = command(*check).ok().out
    assert "3 contacts in es; " in said
    assert "2 municipalities with the language 'ca' get the mail in es alone: there is no text in it." in said
    for step in ("invitation", "reminder", "last-call"):
        mails = folder / "templates/lordimas"
        (mails / f"{step}.ca.md").write_text((mails / f"{step}.es.md").read_text(encoding="utf-8"))
    words = folder / "templates/_layout"
    (words / "strings.ca.toml").write_text((words / "strings.es.toml").read_text(encoding="utf-8"))
    said = command(*check).ok().out
    assert "3 contacts in ca+es, es; " in said
    assert "'ca'" not in said.replace("language 'ca' yet", "")
    definition = folder / "campaigns/lordimas.toml"
    definition.write_text("bilingual = false\n" + definition.read_text(encoding="utf-8"), encoding="utf-8")
    said = command(*check).ok().out
    assert "3 contacts in ca, es; " in said
