from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from outreach.campaign.definition import (
    Condition,
    Definition,
    Delay,
    DelayUnit,
    PerMunicipality,
    Step,
    Window,
    is_placeholder,
    warnings,
)
from outreach.campaign.frozen import freeze, thaw
from outreach.campaign.spec import load
from outreach.errors import InputError
from outreach.model.countries import COUNTRIES
from outreach.model.states import ContactKind

CAMPAIGNS = sorted((Path(__file__).parents[2] / "campaigns").glob("*.toml"))

SMALL = """
title = "Try it"
purpose = "Inviting municipalities."
[[steps]]
name = "invitation"
"""
SESSION = """
[session]
title = "Hello"
start = 2027-03-11T10:00:00
end = "2027-03-11 11:30"
time_zone = "Europe/Brussels"
place = "Town hall"
"""


def read(text: str, file: str = "campaigns/try.toml") -> Definition:
    return load(text, file=file)


def refused(text: str, file: str = "campaigns/try.toml") -> InputError:
    with pytest.raises(InputError) as caught:
        load(text, file=file)
    assert caught.value.message.startswith(file)
    assert caught.value.remedy.endswith((".", '"', "0", "]"))
    return caught.value


def tried(text: str) -> Definition | InputError:
    try:
        return read(text)
    except InputError as error:
        return error


def test_the_least_a_file_can_hold() -> None:
    definition = read(SMALL)
    assert definition == Definition(
        slug="try",
        title="Try it",
        purpose="Inviting municipalities.",
        templates="try",
        steps=(Step("invitation"),),
    )
    assert definition.window == Window((0, 1, 2, 3, 4), 540, 1020, skip_holidays=True)
    assert definition.last_day is None


WHOLE = (
    """
title = "Try it"
purpose = "Inviting municipalities."
templates = "lordimas"
not_after = 2027-03-09
deadline = "2027-03-01"
[audience]
kinds = "institutional"
per_municipality = "all"
[links]
assessment = "https://assess.test/a?b=c#d"
[window]
days = ["thu", "Tuesday"]
from = 08:30:00
until = "24:00"
skip_holidays = false
[[steps]]
name = "invitation"
[[steps]]
name = "reminder"
after = "2 weeks"
[[steps]]
name = "last-call"
after = "1 working day"
only_if = "unanswered"
"""
    + SESSION
    + """
calendar = false
[session.in_language.fr]
title = "Bonjour"
[countries.GR.links]
assessment = "https://assess.test/el"
[countries.GR.session]
start = 2027-03-11T10:30:00
[countries.GR.window]
from = "07:30"
"""
)


def test_everything_a_file_can_hold() -> None:
    definition = read(f"\ufeff{WHOLE}")
    assert definition.templates == "lordimas"
    assert (definition.not_after, definition.deadline) == (date(2027, 3, 9), date(2027, 3, 1))
    assert definition.audience.kinds == {ContactKind.INSTITUTIONAL}
    assert definition.audience.per_municipality is PerMunicipality.ALL
    assert definition.links == {"assessment": "https://assess.test/a?b=c#d"}
    assert definition.window == Window((1, 3), 510, 1440, skip_holidays=False)
    assert definition.steps == (
        Step("invitation"),
        Step("reminder", Delay(14), Condition.UNANSWERED),
        Step("last-call", Delay(1, DelayUnit.WORKING_DAYS), Condition.UNANSWERED),
    )
    session = definition.session
    assert session is not None
    assert session.start.astimezone(UTC) == datetime(2027, 3, 11, 9, tzinfo=UTC)
    assert session.end.astimezone(UTC) == datetime(2027, 3, 11, 10, 30, tzinfo=UTC)
    assert (session.place, session.online) == ("Town hall", None)
    assert definition.calendar is False
    french = definition.session_in("fr")
    assert french is not None
    assert (french.title, french.place, french.start) == ("Bonjour", "Town hall", session.start)
    assert definition.session_in("de") == session


def test_steps_in_order() -> None:
    definition = read(SMALL + '[[steps]]\nname = "reminder"\nafter = "3 days"\n')
    assert definition.step_after("invitation") == definition.steps[1]
    assert definition.step_after("reminder") is None
    with pytest.raises(KeyError):
        definition.step_after("nothing")


def test_a_session_campaign_sends_until_the_eve_and_with_a_calendar_invitation() -> None:
    definition = read(SMALL + SESSION)
    assert definition.calendar is True
    assert definition.last_day == date(2027, 3, 10)
    assert read("not_after = 2027-03-01" + SMALL + SESSION).last_day == date(2027, 3, 1)


def test_a_country_replaces_only_what_it_names() -> None:
    definition = read(
        SMALL
        + SESSION
        + """
[links]
helpdesk = "https://help.test/"
assessment = "https://assess.test/"
[countries.FI]
deadline = 2027-05-01
[countries.FI.links]
helpdesk = "https://apu.test/"
[countries.FI.window]
from = "07:30"
[countries.FI.session]
start = 2027-04-13T13:00:00
end = 2027-04-13T15:00:00
time_zone = "Europe/Helsinki"
place = ""
online = "https://meet.test/fi"
"""
    )
    finland, belgium = definition.for_country("FI"), definition.for_country("BE")
    assert finland.links == {"helpdesk": "https://apu.test/", "assessment": "https://assess.test/"}
    assert finland.window == Window(opens=450)
    assert finland.deadline == date(2027, 5, 1)
    assert finland.session is not None
    assert finland.session.title == "Hello"
    assert finland.session.place is None
    assert finland.session.start.astimezone(UTC) == datetime(2027, 4, 13, 10, tzinfo=UTC)
    assert finland.last_day == date(2027, 4, 12)
    assert belgium.links["helpdesk"] == "https://help.test/"
    assert belgium.deadline is None
    assert not belgium.countries
    assert not finland.countries


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("", "lacks the key “title”", "title = "),
        ('title = "x"', "lacks the key “purpose”", "purpose = "),
        ('title = ""\npurpose = "x"\n[[steps]]\nname="a"', "line 1: “title” is empty", "such as"),
        (
            'title = 7\npurpose = "x"\n[[steps]]\nname="a"',
            "line 1: “title” has to be a text, not a number",
            "quotes",
        ),
        ('titel = "x"\n', "line 1: “titel” is not a key known here", "Did you mean “title”?"),
        ("title = 'x", ": this is not valid TOML", "quotes"),
        ("title = “x”", "line 1, column 9: this is not valid TOML", "straight double quotes"),
        ('title = "x"\npurpose = "y"\n', "has no steps", "[[steps]]"),
        ('title = "x"\npurpose = "y"\nsteps = "invitation"\n', "list of tables, not a text", "[[steps]]"),
        (SMALL + 'after = "7 days"', "line 6: “steps[1].after” has no meaning at the first step", "Remove"),
        (SMALL + '[[steps]]\nname = "b"', "line 6: “steps[2]” lacks the key “after”", 'after = "7 days"'),
        (
            SMALL + '[[steps]]\nname = "b"\nafter = "soon"',
            "line 8: “steps[2].after” cannot be “soon”",
            "5 working",
        ),
        (SMALL + '[[steps]]\nname = "b"\nafter = "0 days"', "cannot be “0 days”", "up to 365 days"),
        (SMALL + '[[steps]]\nname = "b"\nafter = "53 weeks"', "cannot be “53 weeks”", "up to 365 days"),
        (SMALL + '[[steps]]\nname = "b"\nafter = 7', "has to be a text, not a number", "quotes"),
        (SMALL + '[[steps]]\nname = "declined-2"\nafter = "7 days"', "mails that answer", "another name"),
        (SMALL + '[[steps]]\nname = "invitation"\nafter = "7 days"', "for a second time", "of its own"),
        (
            SMALL + '[[steps]]\nname = "b"\nafter = "7 days"\nonly_if = "unansweredd"',
            "line 9",
            "“unanswered”?",
        ),
        (SMALL + '[[steps]]\nname = "../x"\nafter = "7 days"', "cannot be “../x”", "Small letters"),
        ('templates = "../x"' + SMALL, "line 1: “templates” cannot be “../x”", "folder under templates/"),
        (SMALL + '[audience]\nkinds = "institution"', "“audience.kinds” cannot be", "“institutional”?"),
        (SMALL + "[audience]\nper_municipality = 1", "cannot be “1”", "“first”, “all”"),
        (SMALL + '[audience]\nkind = "both"', "line 7: “audience.kind” is not a key", "“kinds”?"),
        (SMALL + 'audience = "both"', "“steps[1].audience” is not a key known here", "Known here: name"),
        ('audience = "both"' + SMALL, "line 1: “audience” has to be a table", "[audience]"),
        (SMALL + '[links]\nhome = "http://a.test"', "is not an https address: “http://a.test”", "https://"),
        (SMALL + '[links]\nhome = "https://a b.test"', "is not an https address", "address bar"),
        (SMALL + '[links]\nhome = "https://"', "is not an https address", "address bar"),
        (SMALL + '[links]\nhome = "https://a.test:99999"', "is not an https address", "address bar"),
        (SMALL + '[links]\nyes = "https://a.test"', "makes for every recipient", "another name"),
        (SMALL + '[links]\n"a-b" = "https://a.test"', "cannot be the name of a link", "links.assessment"),
        (SMALL + '[window]\ndays = ["Funday"]', "“Funday”, which is no weekday", "Did you mean “Sunday”?"),
        (SMALL + "[window]\ndays = []", "has to be a list of weekdays", "Tuesday"),
        (
            SMALL + '[window]\nfrom = "18:00"',
            "line 7: “window.from” makes a window that never opens",
            "later",
        ),
        (SMALL + '[window]\nuntil = "08:00"', "never opens (09:00 to 08:00)", "24:00"),
        (SMALL + '[window]\nuntil = "25:00"', "is not a time of day: “25:00”", "09:30"),
        (SMALL + '[window]\nfrom = "9"', "is not a time of day: “9”", "09:30"),
        (SMALL + '[window]\nskip_holidays = "yes"', "true or false, not “yes”", "without quotes"),
        (SMALL + "[window]\nholidays = true", "is not a key known here", "“skip_holidays”?"),
        ('not_after = "1 June"' + SMALL, "is not a date: “1 June”", "2027-06-30"),
        ("deadline = 2027-06-30T10:00:00" + SMALL, "is not a date", "2027-06-30"),
        ("not_after = 2027-03-12" + SMALL + SESSION, "later than the session of 2027-03-11", "eve"),
        (
            "deadline = 0207-06-30" + SMALL,
            "line 1: “deadline” has a year that cannot be meant: 207",
            "four digits",
        ),
        (
            SMALL + SESSION.replace("2027-03-11T10", "2207-03-11T10"),
            "year that cannot be meant: 2207",
            "four digits",
        ),
        (SMALL + SESSION.replace("2027-03-11T10", "2027-03-11T12"), "has to come after the start", "dates"),
        (SMALL + SESSION.replace('"2027-03-11 11', '"2028-03-11 11'), "within a week", "dates"),
        (SMALL + SESSION.replace("10:00:00", "10:00:00Z"), "must not carry a UTC offset", "time_zone"),
        (
            SMALL + SESSION.replace("2027-03-11T10:00:00", "2027-03-11"),
            "is not a date with a time",
            "T10:00:00",
        ),
        (
            SMALL + SESSION.replace("2027-03-11T10:00:00", '"tomorrow"'),
            "is not a date with a time: “tomorrow”",
            "T",
        ),
        (SMALL + SESSION.replace("start =", "starts ="), "“session.starts” is not a key", "“start”?"),
        (SMALL + SESSION.replace("start = 2027-03-11T10:00:00\n", ""), "lacks the key “start”", "start ="),
        (
            SMALL + SESSION.replace("Brussels", "Brusels"),
            "“session.time_zone” cannot be “Europe/Brusels”",
            "IANA",
        ),
        (
            SMALL + SESSION.replace("2027-03-11T10", "2027-03-28T02"),
            "does not exist in Europe/Brussels",
            "another",
        ),
        (SMALL + SESSION.replace("place", "# place"), "neither a place nor an online room", "online ="),
        (SMALL + SESSION + 'online = "Zoom"', "“session.online” is not an https address", "address bar"),
        (SMALL + SESSION + '[session.in_language.french]\ntitle = "x"', "is not a language code", "as in fr"),
        (SMALL + "[countries.EL]", "line 6: “countries.EL” is not a Member State", "Did you mean “GR”?"),
        (SMALL + "[countries.be]", "is not a Member State", "Did you mean “BE”?"),
        (SMALL + "[countries.Belgium]", "is not a Member State", "Did you mean “BE”?"),
        (SMALL + "[countries.CH]", "is not a Member State", "two-letter code"),
        (SMALL + '[countries.BE]\ntitle = "x"', "“countries.BE.title” is not a key", "session"),
        (SMALL + '[countries.BE]\nlinks = "x"', "“countries.BE.links” has to be a table", "line of its own"),
        (
            SMALL + '[countries.BE.window]\nuntil = "7:00"',
            "line 7: “countries.BE.window.until” makes",
            "later",
        ),
        (
            SMALL + '[countries.BE.session]\ntitle = "x"',
            "line 6: “countries.BE.session” lacks the key",
            "time_zone",
        ),
        (SMALL + "countries = 3", "is not a key", "Known here"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_remedy(text: str, message: str, remedy: str) -> None:
    error = refused(text)
    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    "value",
    [
        *('""', '"x"', '"\u0000"', "0", "-1", "1e400", "nan", "true", "[]", "[1]", "[[1]]", '["", {}]', "{}"),
        *("{a = 1}", "[{}]", "2027-01-01", "2027-01-01T00:00:00Z", "0001-01-01T00:00:00", "23:59:59.999"),
        *("9999-12-31T23:59:59", "0001-01-01", "9999-12-31", "99999999999999999999", '"https://["'),
    ],
)
def test_no_value_anywhere_breaks_the_reader(value: str) -> None:
    lines = WHOLE.splitlines()
    for number, line in enumerate(lines):
        if " = " in line:
            text = "\n".join([*lines[:number], f"{line.partition(' = ')[0]} = {value}", *lines[number + 1 :]])
            found = tried(text)
            if isinstance(found, InputError):
                assert found.message.startswith("campaigns/try.toml, line "), found.message
                assert found.remedy
                continue
            for code in ("GR", "FI"):
                own = found.for_country(code)
                assert thaw(freeze(own)) == own
                warnings(own, today=date(2027, 1, 1))


def test_no_line_left_out_breaks_the_reader() -> None:
    lines = WHOLE.splitlines()
    for number in range(len(lines)):
        found = tried("\n".join([*lines[:number], *lines[number + 1 :]]))
        assert not isinstance(found, InputError) or found.message.startswith("campaigns/try.toml")


@pytest.mark.parametrize("file", ["campaigns/Mein Brief.toml", "campaigns/.toml", "x/ä.toml"])
def test_the_name_of_the_file_is_the_name_of_the_campaign(file: str) -> None:
    assert "the name of a campaign file" in refused(SMALL, file).message


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: path.stem)
def test_shipped_campaigns_are_good_for_every_country(path: Path) -> None:
    definition = load(path.read_text(encoding="utf-8"), file=f"campaigns/{path.name}")
    assert definition.steps[0].name == "invitation"
    assert definition.templates == path.stem
    for code in COUNTRIES:
        assert definition.for_country(code).slug == path.stem
    assert (definition.session is not None) == path.stem.endswith(("-session", "-meeting"))
    assert all(is_placeholder(url) for url in definition.links.values())


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: path.stem)
def test_the_country_examples_in_shipped_campaigns_work_when_uncommented(path: Path) -> None:
    general, _, examples = path.read_text(encoding="utf-8").partition("\n# [countries.")
    assert examples
    text = general + "\n[countries." + "\n".join(line.removeprefix("# ") for line in examples.splitlines())
    definition = load(text.replace("\n#\n", "\n"), file=path.name)
    (code,) = definition.countries
    assert definition.for_country(code) != definition.for_country("MT")


def test_four_campaigns_to_municipalities_and_two_to_members_are_shipped() -> None:
    assert [path.stem for path in CAMPAIGNS] == [
        "edic-consultation",
        "helpdesk",
        "information-session",
        "lordimas",
        "network-meeting",
        "training-session",
    ]


def test_a_session_has_its_particulars_in_each_language() -> None:
    text = SMALL + SESSION + 'room = "R1"\nagenda = ["A", " B  b "]\nspeakers = ["S"]\n'
    text += 'interpretation = ["fr"]\n[session.in_language.fr]\nroom = "S1"\nagenda = ["C"]'
    definition = read(text)
    general, french = definition.session, definition.session_in("fr")
    assert general is not None
    assert french is not None
    assert (general.room, general.agenda, general.speakers) == ("R1", ("A", "B b"), ("S",))
    assert (french.room, french.agenda, french.interpretation) == ("S1", ("C",), ("fr",))
    assert thaw(freeze(definition)) == definition


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('agenda = "10:00 Beginning"', "has to be a list of texts"),
        ('speakers = ["A", 1]', "has to be a list of texts"),
        ('interpretation = ["French"]', "“French”, which is not a language code"),
    ],
)
def test_wrong_particulars_of_a_session_are_named(line: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        read(SMALL + SESSION + line)
    assert expected in caught.value.message


def test_warnings_name_placeholders_and_days_gone_by() -> None:
    text = (
        "not_after = 2027-03-01\ndeadline = 2027-02-01"
        + SMALL
        + SESSION
        + 'online = "https://meet.example/"\n[links]\nhelpdesk = "https://help.example/"\nok = "https://ok.eu/"'
    )
    assert len(warnings(read(text), today=date(2027, 1, 1))) == 2
    late = warnings(read(text), today=date(2027, 3, 11))
    assert len(late) == 5
    assert "https://help.example/" in late[0]


@pytest.mark.parametrize(
    ("url", "placeholder"),
    [
        ("https://lordimas.example/start", True),
        ("https://www.example.org/", True),
        ("https://example.com", True),
        ("https://a.test:8443/", True),
        ("https://myexample.com/", False),
        ("https://example.eu/", False),
    ],
)
def test_placeholders(url: str, placeholder: bool) -> None:
    assert is_placeholder(url) is placeholder
