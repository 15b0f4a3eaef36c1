"""Notifications of form tools: rules as data, values wherever a tool puts them, and what is not recognised."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from outreach.errors import InputError, RefusedError
from outreach.inbound import forms
from outreach.inbound.classify import classify, to_json
from outreach.inbound.parse import Parsed, parse
from outreach.jobs.forms import common, learn, rules
from outreach.model.states import InboundKind

RULES = rules(None)
SHIPPED = {
    *("eusurvey", "microsoft-forms", "google-forms", "limesurvey", "zoom", "zoom-cancelled", "teams-webinar"),
    *("eventbrite", "pretix", "pretix-cancelled"),
}


def notice(
    sender: str,
    subject: str,
    text: str | None = None,
    html: str | None = None,
    csv: str | None = None,
    auto: bool = True,
) -> Parsed:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = sender, subject
    if auto:
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text or "")
    if html is not None:
        mail.add_alternative(html, subtype="html")
    if csv is not None:
        mail.add_attachment(csv.encode(), maintype="text", subtype="csv", filename="entries.csv")
    return parse(mail.as_bytes())


def test_the_shipped_rules_are_rules() -> None:
    assert {rule.name for rule in RULES} == SHIPPED
    assert all(rule.senders or rule.name == "limesurvey" for rule in RULES)


LINES = "Name: An Peeters\nE-mail: an@aalst.example\nGemeente: Aalst\nAantal personen: 2\n"


@pytest.mark.parametrize(
    ("tool", "sender", "subject", "takes_part", "confirmed"),
    [
        ("eusurvey", "ec-survey@nomail.ec.europa.eu", "EUSurvey: new contribution", True, False),
        ("microsoft-forms", "noreply@forms.office.com", "New response: Session", True, False),
        ("google-forms", "forms-receipts-noreply@google.com", "Session - new response", True, False),
        ("limesurvey", "surveys@town.example", "Response submission for survey Session", True, False),
        ("zoom", "no-reply@zoom.us", "An Peeters has registered for Session", True, True),
        ("zoom-cancelled", "no-reply@zoom.us", "An Peeters has cancelled their registration", False, True),
        ("teams-webinar", "noreply@email.teams.microsoft.com", "New registration", True, True),
        ("eventbrite", "noreply@order.eventbrite.com", "Order Notification for Session", True, True),
        ("pretix", "noreply@pretix.eu", "A new order has been placed: ABCDE", True, True),
        ("pretix-cancelled", "noreply@pretix.eu", "Your order has been canceled: ABCDE", False, True),
    ],
)
def test_each_tool(tool: str, sender: str, subject: str, takes_part: bool, confirmed: bool) -> None:
    text = LINES + ("The Teams webinar has a new registration.\n" if tool == "teams-webinar" else "")
    verdict = classify(notice(sender, subject, text), forms=RULES)
    assert (verdict.kind, verdict.detector) == (InboundKind.REGISTRATION, f"form:{tool}")
    assert verdict.confidence > 0.9
    found = verdict.registration
    assert found is not None
    assert (found.name, found.email, found.municipality) == ("An Peeters", "an@aalst.example", "Aalst")
    assert (found.takes_part, found.confirmed) == (takes_part, confirmed)
    # the same words from a person are an answer, not a form
    other = classify(notice("an@aalst.example", f"Re: {subject}", text, auto=False), forms=RULES)
    assert (other.kind is InboundKind.REGISTRATION) is (tool == "limesurvey")


ROWS = "<tr><td>{}</td><td>{}</td></tr>"


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (("Ihr Name", "E-Mail-Adresse", "Gemeinde"), ("Jörg Müller", "j@dorf.example", "Dörfles")),
        (("Nom", "Adresse e-mail", "Commune"), ("Léa Roy", "lea@ville.example", "L'Étang")),
        (("Ονοματεπώνυμο", "Email", "Δήμος"), ("Άννα", "a@dimos.example", "Αθήνα")),
        (("Imię i nazwisko", "Adres e-mail", "Gmina"), ("Jan K.", "jan@gmina.example", "Łódź")),
        (("Nimi", "Sähköposti", "Organisaatio"), ("Aino", "aino@kunta.example", "Äänekoski")),
    ],
)
def test_html_tables_in_any_language(labels: tuple[str, ...], values: tuple[str, ...]) -> None:
    rule = forms.with_vocabulary(forms.load_rule('from = "@tool.example"', "x"), common)
    down = "<table>" + "".join(ROWS.format(*pair) for pair in zip(labels, values, strict=True)) + "</table>"
    across = "<table>" + "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in (labels, values)
    )
    for html in (down, across):
        verdict = forms.detect(notice("x@tool.example", "New", "", html), [rule])
        assert verdict is not None
        found = verdict.registration
        assert found is not None
        assert (found.name, found.email, found.municipality) == values


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_an_attached_list_holds_several_entries(delimiter: str) -> None:
    rule = forms.with_vocabulary(
        forms.load_rule('from = "@tool.example"\nno = ["nein"]\n[fields]\nanswer = "Teilnahme"', "x"), common
    )
    rows = [
        ("Zeitstempel", "Vorname", "Nachname", "E-Mail", "Teilnahme"),
        ("2026-03-01", "An", "Peeters", "an@aalst.example", "Ja"),
        ("2026-03-02", "Jan", "Claes", "jan@gent.example", "Nein"),
        ("", "", "", "", ""),
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    verdict = forms.detect(notice("x@tool.example", "List", "attached", csv=text), [rule])
    assert verdict is not None
    assert [(one.name, one.email, one.takes_part) for one in verdict.registrations] == [
        ("An Peeters", "an@aalst.example", True),
        ("Jan Claes", "jan@gent.example", False),
    ]
    assert "2 entries" in verdict.evidence
    shown = to_json("x", verdict)["registrations"]
    assert [one.get("takes_part") for one in shown] == [None, False]


def test_what_is_not_recognised_goes_to_a_person_and_a_campaign_is_kept() -> None:
    rule = forms.load_rule(
        'from = "@tool.example"\ncampaign = "s"\n[fields]\nname = "Who"\nseats = "How many"', "x"
    )
    verdict = classify(notice("x@tool.example", "New", "You have a new response. Open it."), forms=[rule])
    assert verdict is not None
    assert (verdict.registration, verdict.confidence < 0.8) == (None, True)
    verdict = forms.detect(notice("x@tool.example", "New", "Who: An\nHow many: 3"), [rule])
    assert verdict is not None
    assert verdict.registration is not None
    assert (verdict.registration.campaign, verdict.registration.fields) == ("s", {"seats": "3"})
    assert verdict.confidence < 1, "no address: matched by name alone"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "is not TOML"),
        ("[fields]\nname = 'x'", "how to recognise"),
        ("from = '@a.example'\ncommon = false", "names no fields"),
        ("from = '@a.example'\n[fields]\nname = 3", "no list of words"),
        ("from = 3", "no list of words"),
        ("from = '@a.example'\nmeans = 'perhaps'", "is not known"),
        ("from = '@a.example'\nform = 'x'", "called 'form'"),
    ],
)
def test_a_rule_that_is_none_is_said(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        forms.load_rule(text, "forms/x.toml")


def test_a_rule_is_learned_from_one_example(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Tool <tool@forms.test>", 'New entry in "Session 2026": No. 17'
    mail.set_content(
        "Who are you: An Peeters\nYour address: an@aalst.example\nGemeente: Aalst\nDiet: vegan\n"
    )
    file.write_bytes(mail.as_bytes())
    learned = learn(None, file, name=None, save=False)
    assert learned.name == "forms"
    assert 'from = ["tool@forms.test"]' in learned.toml
    assert 'subject = ["New entry in"]' in learned.toml
    assert 'email = ["Your address"]' in learned.toml
    assert 'municipality = ["Gemeente"]' in learned.toml
    assert '# field1 = ["Who are you"]' in learned.toml
    assert learned.verdict is not None
    assert learned.verdict.registration is not None
    assert learned.verdict.registration.email == "an@aalst.example"
    with pytest.raises(RefusedError, match="no workspace"):
        learn(None, file, name=None, save=True)
    file.write_text("From: a@b.example\nSubject: x\n\nNothing here.\n")
    with pytest.raises(InputError, match="no name, address or municipality"):
        learn(None, file, name=None, save=False)
