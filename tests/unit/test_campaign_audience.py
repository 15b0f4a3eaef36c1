from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign.audience import Candidate, Excluded, Included, language_of, role_rank, select
from outreach.campaign.definition import AudienceRules, PerMunicipality
from outreach.model.states import ContactKind, ExclusionReason

ALL = AudienceRules(per_municipality=PerMunicipality.ALL)
FIRST = AudienceRules(per_municipality=PerMunicipality.FIRST)
OFFICE = ContactKind.INSTITUTIONAL
PERSON = ContactKind.NAMED


def contact(
    number: int,
    municipality: int,
    address: str | None = None,
    kind: ContactKind = OFFICE,
    role: str | None = None,
    *,
    suppressed: bool = False,
) -> Candidate:
    return Candidate(
        number, municipality, address or f"a{number}@m.example", kind, role, suppressed=suppressed
    )


@pytest.mark.parametrize(
    ("own", "municipality", "language"),
    [
        ("de", ("fr", "nl"), "de"),
        (None, ("fr", "nl"), "fr"),
        (None, (), "nl"),
        ("", (), "nl"),
        ("DE-at", (), "de"),
        ("pt_PT", (), "pt"),
    ],
)
def test_language(own: str | None, municipality: tuple[str, ...], language: str) -> None:
    candidate = replace(contact(1, 1), contact_language=own, municipality_languages=municipality)
    assert language_of(candidate, ("nl", "fr", "de")) == language


def test_all_addresses_of_a_municipality() -> None:
    decisions = select([contact(2, 1, kind=PERSON), contact(1, 1), contact(3, 2)], ALL, ["sk"])
    assert decisions == [Included(1, 1, "sk"), Included(2, 1, "sk"), Included(3, 2, "sk")]


def test_one_address_of_a_municipality_the_office_before_a_person() -> None:
    decisions = select([contact(1, 1, kind=PERSON, role="Bürgermeister"), contact(2, 1)], FIRST, ["de"])
    assert decisions == [Excluded(1, 1, ExclusionReason.NOT_FIRST_CHOICE, 2), Included(2, 1, "de")]


def test_the_general_box_then_the_mayor_then_the_digital_officer() -> None:
    people = [
        contact(1, 1, kind=PERSON, role="Bauamt"),
        contact(2, 1, kind=PERSON, role="Digitalisierungsbeauftragte"),
        contact(3, 1, kind=PERSON, role="Oberbürgermeisterin"),
        contact(4, 1, kind=PERSON),
    ]
    order = []
    while people:
        chosen = next(one for one in select(people, FIRST, ["de"]) if isinstance(one, Included)).contact_id
        order.append(chosen)
        people = [one for one in people if one.contact_id != chosen]
    assert order == [3, 2, 1, 4]


@pytest.mark.parametrize(
    ("role", "rank"),
    [
        ("Secretariat général", 0),
        ("Πρωτόκολλο", 0),
        ("Primary contact", 0),
        ("Primar", 1),
        ("Alcaldesa-Presidenta", 1),
        ("Δήμαρχος", 1),
        ("starostka obce", 1),
        ("Responsable numérique", 2),
        ("IT", 2),
        ("(ICT) officer", 2),
        ("Italian desk", 3),
        ("Finance", 3),
    ],
)
def test_roles_in_many_languages(role: str, rank: int) -> None:
    assert role_rank(contact(1, 1, kind=PERSON, role=role)) == rank


def test_kinds_not_wanted() -> None:
    rules = AudienceRules(frozenset({OFFICE}), PerMunicipality.ALL)
    decisions = select([contact(1, 1), contact(2, 1, kind=PERSON)], rules, ["de"])
    assert decisions[1] == Excluded(2, 1, ExclusionReason.KIND_NOT_WANTED)


def test_a_suppressed_address_is_never_chosen_and_the_next_one_is() -> None:
    decisions = select([contact(1, 1, suppressed=True), contact(2, 1, kind=PERSON)], FIRST, ["de"])
    assert decisions == [Excluded(1, 1, ExclusionReason.SUPPRESSED), Included(2, 1, "de")]


def test_an_address_of_several_municipalities_gets_one_mail() -> None:
    decisions = select([contact(n, n, "vg@shared.example") for n in (3, 1, 2)], ALL, ["de"])
    assert decisions == [
        Included(1, 1, "de"),
        Excluded(2, 2, ExclusionReason.SHARED_ADDRESS, 1),
        Excluded(3, 3, ExclusionReason.SHARED_ADDRESS, 1),
    ]


def test_a_municipality_whose_best_address_went_to_another_falls_back_on_its_next() -> None:
    shared = "vg@shared.example"
    decisions = select(
        [contact(1, 1, shared), contact(2, 2, shared), contact(3, 2, kind=PERSON)], FIRST, ["de"]
    )
    assert decisions == [
        Included(1, 1, "de"),
        Excluded(2, 2, ExclusionReason.SHARED_ADDRESS, 1),
        Included(3, 2, "de"),
    ]


def test_an_address_not_chosen_by_one_municipality_is_free_for_another() -> None:
    shared = "vg@shared.example"
    decisions = select([contact(1, 1), contact(2, 1, shared, PERSON), contact(3, 2, shared)], FIRST, ["de"])
    assert [one.contact_id for one in decisions if isinstance(one, Included)] == [1, 3]


_candidates = st.lists(
    st.builds(
        contact,
        st.integers(1, 10_000),
        st.integers(1, 5),
        st.sampled_from([f"{name}@x.example" for name in "abcdef"]),
        st.sampled_from(ContactKind),
        st.sampled_from([None, "mayor", "IT", "Bauamt"]),
        suppressed=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda candidate: candidate.contact_id,
)
_rules = st.builds(
    AudienceRules,
    st.sets(st.sampled_from(ContactKind), min_size=1).map(frozenset),
    st.sampled_from(PerMunicipality),
)


@settings(max_examples=50)
@given(_candidates, _rules, st.randoms(use_true_random=False))
def test_every_contact_gets_one_decision_and_no_address_two_mails(
    candidates: list[Candidate], rules: AudienceRules, random: object
) -> None:
    decisions = select(candidates, rules, ["de"])
    by_id = {candidate.contact_id: candidate for candidate in candidates}
    assert [(one.municipality_id, one.contact_id) for one in decisions] == sorted(
        (one.municipality_id, one.contact_id) for one in candidates
    )
    included = {one.contact_id for one in decisions if isinstance(one, Included)}
    addresses = [by_id[number].email_key for number in included]
    assert len(addresses) == len(set(addresses))
    assert not any(by_id[number].suppressed or by_id[number].kind not in rules.kinds for number in included)
    if rules.per_municipality is PerMunicipality.FIRST:
        municipalities = [by_id[number].municipality_id for number in included]
        assert len(municipalities) == len(set(municipalities))
    for one in decisions:
        if isinstance(one, Excluded) and one.reason is ExclusionReason.SHARED_ADDRESS:
            assert one.stands in included
            assert by_id[one.stands].email_key == by_id[one.contact_id].email_key
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert select(shuffled, rules, ["de"]) == decisions


@pytest.mark.parametrize(
    ("own", "municipality", "bilingual", "expected"),
    [
        (None, ("nl", "fr"), True, "nl+fr"),
        (None, ("nl", "fr"), False, "nl"),
        ("fr", ("nl", "fr"), True, "fr"),
        (None, ("fr",), True, "fr"),
        (None, (), True, "de"),
        (None, ("nl", "fr", "en"), True, "nl+fr"),
    ],
)
def test_a_municipality_with_two_languages_gets_both_where_the_campaign_says_so(
    own: str | None, municipality: tuple[str, ...], bilingual: bool, expected: str
) -> None:
    one = replace(contact(1, 1), contact_language=own, municipality_languages=municipality)
    (decision,) = select([one], AudienceRules(), ["de"], bilingual=bilingual)
    assert isinstance(decision, Included)
    assert decision.language == expected
