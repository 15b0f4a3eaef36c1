"""SPF records as receivers read them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from outreach.doctor.spf import Term, is_record, parse, walk


class Zone:
    """A made-up DNS: TXT by name; every name has one mail server and one address unless it says otherwise."""

    def __init__(self, records: Mapping[str, str | list[str]], nothing: tuple[str, ...] = ()) -> None:
        self._records = records
        self._nothing = nothing
        self.mail_servers = 1

    def txt(self, name: str) -> list[str]:
        found = self._records.get(name, [])
        return [found] if isinstance(found, str) else found

    def mx(self, name: str) -> list[str]:
        return [] if name in self._nothing else [f"mx{n}.{name}" for n in range(self.mail_servers)]

    def addresses(self, name: str) -> list[str]:
        return [] if name in self._nothing else ["192.0.2.1"]


def test_what_is_a_record() -> None:
    assert is_record("v=spf1")
    assert is_record("V=SPF1 -all")
    assert not is_record("v=spf10 -all")
    assert not is_record("v=spf2.0/pra -all")
    assert not is_record(" v=spf1 -all")


def test_terms_in_their_order() -> None:
    record = parse(
        "v=spf1 ip4:192.0.2.0/24 IP6:2001:db8::/32 a mx/24 a:mail.town.example/28//64 "
        "include:_spf.Relay.example. exists:%{i}.x.example ?ptr ~all exp=why.town.example"
    )
    assert record.faults == ()
    assert record.terms == (
        Term("+", "ip4", "192.0.2.0/24"),
        Term("+", "ip6", "2001:db8::/32"),
        Term("+", "a"),
        Term("+", "mx"),
        Term("+", "a", "mail.town.example"),
        Term("+", "include", "_spf.relay.example"),
        Term("+", "exists", "%{i}.x.example"),
        Term("?", "ptr"),
        Term("~", "all"),
    )
    assert record.all_ == "~"


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("ip4:300.1.1.1", "no address"),
        ("ip4:2001:db8::1", "no IPv4 address"),
        ("ip6:192.0.2.1", "no IPv6 address"),
        ("ip4", "needs a value"),
        ("include", "needs a value"),
        ("includes:x.example", "no such mechanism"),
        ("all:x.example", "takes no such value"),
        ("include:x.example/24", "takes no such value"),
        ("-", "no such mechanism"),
        ("redirect=", "names no domain"),
        ("redirect=a.example redirect=b.example", "stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_the_word(word: str, fault: str) -> None:
    (told,) = parse(f"v=spf1 {word} -all").faults
    assert fault in told
    assert word.rsplit(maxsplit=1)[-1].split("=", maxsplit=1)[0] in told


def test_unknown_modifiers_are_no_fault() -> None:
    assert parse("v=spf1 moo=cow -all").faults == ()


def test_each_term_that_asks_counts_also_within_includes() -> None:
    zone = Zone(
        {
            "one.example": "v=spf1 a mx include:two.example -all",
            "two.example": "v=spf1 ip4:192.0.2.7 exists:x.example ?all a",
        }
    )
    found = walk("town.example", parse("v=spf1 include:one.example mx ptr ip4:192.0.2.1 ~all a"), zone)
    assert found.faults == []
    assert found.lookups == 7  # two includes, a, two mx, exists, ptr; what follows "all" is never reached
    assert found.includes == ["one.example", "two.example"]
    assert found.all_ == "~"
    assert found.uses_ptr


def test_ten_lookups_are_allowed_and_eleven_are_not() -> None:
    zone = Zone({})
    ten = " ".join(f"a:h{number}.example" for number in range(10))
    assert walk("town.example", parse(f"v=spf1 {ten} -all"), zone).faults == []
    (fault,) = walk("town.example", parse(f"v=spf1 {ten} mx -all"), zone).faults
    assert fault == "11 terms ask the DNS, and receivers stop at 10"


def test_two_terms_may_find_nothing_and_three_may_not() -> None:
    zone = Zone({}, nothing=("x.example", "y.example", "z.example"))
    assert walk("town.example", parse("v=spf1 a:x.example mx:y.example -all"), zone).void_lookups == 2
    found = walk("town.example", parse("v=spf1 a:x.example mx:y.example exists:z.example -all"), zone)
    assert "3 terms find nothing" in found.faults[0]


def test_a_redirect_decides_where_there_is_no_all() -> None:
    zone = Zone({"other.example": "v=spf1 mx -all"})
    found = walk("town.example", parse("v=spf1 redirect=other.example"), zone)
    assert (found.all_, found.lookups, found.includes) == ("-", 2, ["other.example"])
    ignored = walk("town.example", parse("v=spf1 ?all redirect=other.example"), zone)
    assert (ignored.all_, ignored.lookups) == ("?", 0)


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ({}, "one.example, which is included, has no SPF record"),
        ({"one.example": ["v=spf1 -all", "v=spf1 ~all"]}, "has 2 SPF records"),
        ({"one.example": "v=spf1 include:town.example -all"}, "a circle"),
        ({"one.example": "v=spf1 ip4:x -all"}, "in the record of one.example: ip4:x"),
    ],
)
def test_an_include_that_leads_nowhere(records: dict[str, str | list[str]], fault: str) -> None:
    found = walk("town.example", parse("v=spf1 include:one.example -all"), Zone(records))
    assert fault in found.faults[0]


def test_records_that_branch_without_end_come_to_an_end() -> None:
    class Endless(Zone):
        def txt(self, name: str) -> list[str]:
            return [f"v=spf1 include:a.{name} include:b.{name} -all"]

    found = walk("town.example", parse("v=spf1 include:x.example -all"), Endless({}))
    assert 10 < found.lookups < 100


def test_too_many_mail_servers_of_one_name() -> None:
    zone = Zone({})
    zone.mail_servers = 11
    assert "has 11 servers" in walk("town.example", parse("v=spf1 mx -all"), zone).faults[0]
