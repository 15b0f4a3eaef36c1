"""Who of a country's contacts gets a campaign, in which language, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from outreach.campaign.definition import AudienceRules, Office, PerMunicipality, SharedAddress
from outreach.model.states import ContactKind, ExclusionReason


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact of the campaign's country."""

    contact_id: int
    municipality_id: int
    email_key: str  # what makes two addresses the same: the whole address in lower case
    kind: ContactKind
    role: str | None = None  # as the list gives it, in any language
    contact_language: str | None = None
    municipality_languages: tuple[str, ...] = ()  # in the order mail should try them; empty: the country's
    suppressed: bool = False
    in_doubt: bool = False  # which municipality it belongs to
    gone: bool = False  # from its list


@dataclass(frozen=True, slots=True)
class Included:
    """``also``: further languages that the municipality holds equal. Its mail is one, with all of them."""

    contact_id: int
    municipality_id: int
    language: str
    also: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """In the order they stand in the mail."""
        return (self.language, *self.also)


@dataclass(frozen=True, slots=True)
class Excluded:
    contact_id: int
    municipality_id: int
    reason: ExclusionReason
    stands: int | None = None  # the contact that gets the mail instead, where there is one


#: Beginnings of words by which the languages' lists name an office, after lower-casing. The office's general
#: box comes first, then the head of the municipality, then who looks after digital matters, then anyone else.
_GENERAL = (
    *(
        "general",
        "primary",
        "info",
        "secretar",
        "segreteria",
        "secretaría",
        "secretariat",
        "sekretar",
        "zentrale",
    ),
    *(
        "poststelle",
        "accueil",
        "mairie",
        "gemeente",
        "kanzlei",
        "protocol",
        "protokol",
        "registry",
        "kirjaamo",
    ),
    *("registrator", "podate", "iktató", "kancelaria", "registru", "registratur", "πρωτόκολλ", "γραμματεία"),
    *("деловодств", "raštinė", "lietved", "kantselei", "pisarn"),
)
_MAYOR = (
    *(
        "mayor",
        "bürgermeister",
        "oberbürgermeister",
        "maire",
        "burgemeester",
        "bourgmestre",
        "sindac",
        "sindk",
    ),
    *("alcald", "president", "burmistrz", "wójt", "starost", "primar", "primár", "župan", "načelnik"),
    *("gradonačelnik", "polgármester", "δήμαρχ", "кмет", "borgmästare", "kommundirektör", "borgmester"),
    *(
        "pormestari",
        "kunnanjohtaja",
        "kaupunginjohtaja",
        "vallavanem",
        "linnapea",
        "mērs",
        "priekšsēd",
        "mera",
    ),
    *("cathaoirleach", "méara"),
)
_DIGITAL = (
    *("digital", "digitál", "digitaal", "numérique", "it", "ict", "ikt", "edv", "informati", "informátic"),
    *("cyfry", "cyfro", "skaitmen", "diġital", "ψηφιακ", "πληροφορικ", "дигит", "smart", "tic", "cio", "cdo"),
)
_OTHER = 3


def languages_of(candidate: Candidate, country_languages: Sequence[str]) -> tuple[str, ...]:
    """The languages a contact is written to in: its own, else all of the municipality's, which are equal and
    stand in one mail, else the country's first (which has to have one). ISO 639-1, in lower case; whether a text
    exists is for the launch check."""
    own = (candidate.contact_language,) if candidate.contact_language else ()
    for languages in (own, candidate.municipality_languages, country_languages[:1]):
        primary = (one.replace("_", "-").partition("-")[0].strip().lower() for one in languages)
        if found := tuple(dict.fromkeys(filter(None, primary))):
            return found
    raise ValueError("a country needs a language")


def language_of(candidate: Candidate, country_languages: Sequence[str]) -> str:
    """The first of :func:`languages_of`."""
    return languages_of(candidate, country_languages)[0]


def select(
    candidates: Iterable[Candidate],
    rules: AudienceRules,
    country_languages: Sequence[str],
    *,
    bilingual: bool = True,
) -> list[Included | Excluded]:
    """One decision a candidate, by municipality and contact id, whatever the order they come in.

    Municipalities choose in the order of their ids, so of several with one address the first gets the mail, unless
    each gets its own. A municipality whose best address already went to another falls back on its next one.
    """
    decisions: list[Included | Excluded] = []
    taken: dict[str, int] = {}  # address -> the contact that stands for it
    for municipality in _by_municipality(candidates):
        chosen: int | None = None
        refused: list[tuple[Candidate, ExclusionReason, int | None]] = []
        for candidate in sorted(municipality, key=lambda one: _preference(one, rules)):
            if candidate.suppressed:
                refused.append((candidate, ExclusionReason.SUPPRESSED, None))
            elif candidate.in_doubt:
                refused.append((candidate, ExclusionReason.PLACE_IN_DOUBT, None))
            elif candidate.gone and not rules.gone:
                refused.append((candidate, ExclusionReason.GONE, None))
            elif candidate.kind not in rules.kinds:
                refused.append((candidate, ExclusionReason.KIND_NOT_WANTED, None))
            elif candidate.email_key in taken and rules.shared is not SharedAddress.EACH:
                refused.append((candidate, ExclusionReason.SHARED_ADDRESS, taken[candidate.email_key]))
            elif chosen is not None and rules.per_municipality is PerMunicipality.FIRST:
                refused.append((candidate, ExclusionReason.NOT_FIRST_CHOICE, chosen))
            else:
                taken[candidate.email_key] = candidate.contact_id
                chosen = candidate.contact_id if chosen is None else chosen
                language, *also = languages_of(candidate, country_languages)
                if bilingual and also:
                    language = f"{language}+{also.pop(0)}"
                decisions.append(
                    Included(candidate.contact_id, candidate.municipality_id, language, tuple(also))
                )
        for candidate, reason, stands in refused:
            decisions.append(Excluded(candidate.contact_id, candidate.municipality_id, reason, stands))
    decisions.sort(key=lambda decision: (decision.municipality_id, decision.contact_id))
    return decisions


def _by_municipality(candidates: Iterable[Candidate]) -> Iterable[list[Candidate]]:
    groups: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.municipality_id, []).append(candidate)
    return (groups[key] for key in sorted(groups))


def _preference(candidate: Candidate, rules: AudienceRules) -> tuple[bool, int, int]:
    rank = rules.rank(_OFFICES[role_rank(candidate)])
    # An office's address comes before a person's, unless the campaign says whose it wants.
    return candidate.kind is ContactKind.NAMED and not rules.prefer, rank, candidate.contact_id


_OFFICES = tuple(Office)


def role_rank(candidate: Candidate) -> int:
    """0 general box, 1 mayor, 2 digital officer, 3 anyone else. An institutional address without a role is
    the general box; a person without one is anyone."""
    if not candidate.role:
        return 0 if candidate.kind is ContactKind.INSTITUTIONAL else _OTHER
    return _rank(candidate.role)


@lru_cache(maxsize=4096)  # a list has few roles, in many rows
def _rank(role: str) -> int:
    words = role.casefold().replace("/", " ").replace("-", " ").split()
    for rank, beginnings in enumerate((_GENERAL, _MAYOR, _DIGITAL)):
        if any(_begins(word.strip("().,;:"), beginnings) for word in words):
            return rank
    return _OTHER


def _begins(word: str, beginnings: tuple[str, ...]) -> bool:
    # Of two or three letters only the whole word counts: "it", not "italiano".
    return any(word == one if len(one) <= 3 else word.startswith(one) for one in beginnings)
