"""Is an address an office's or a person's?"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from outreach.contacts.country import package_table
from outreach.contacts.folding import fold
from outreach.model.states import ContactKind

_PARTS = re.compile(r"[._+\d-]+")
_NO_WORDS = {code: None for code in range(128) if not chr(code).isalnum()}


@cache
def _roles() -> tuple[frozenset[str], re.Pattern[str]]:
    words = package_table("role_addresses.toml")
    return frozenset(words["whole"]), re.compile("|".join(sorted(words["within"], key=len, reverse=True)))


@lru_cache(maxsize=65536)
def _is_role(local: str) -> bool:
    whole, within = _roles()
    local = local.lower() if local.isascii() else fold(local)
    return within.search(local) is not None or any(part in whole for part in _PARTS.split(local))


@lru_cache(maxsize=1024)
def _run_together(name: str) -> str:
    """Folded, in one word. A list names a place in several rows, one after the other."""
    return fold(name).replace(" ", "")


def kind_of(address: str, place_name: str, person: str | None) -> ContactKind:
    """Institutional only where the local part says so: the word of an office, or the name of the place or of
    the domain. In doubt a person, for treating a person's address as an office's would deny them their rights
    (GDPR), and the other way round costs nothing but a notice.
    """
    local, _, domain = address.partition("@")
    if _is_role(local):
        return ContactKind.INSTITUTIONAL
    name = local.lower().translate(_NO_WORDS) if local.isascii() else _run_together(local)
    is_place = len(name) > 2 and (name in domain.replace("-", "") or name == _run_together(place_name))
    if is_place and not (person and name in fold(person).split()):
        return ContactKind.INSTITUTIONAL
    return ContactKind.NAMED
