"""Public holidays and working days of a country or one of its regions.

The calendars are those of the ``holidays`` package: its public holidays, and the days it calls "de facto"
(Midsummer Eve in Sweden), on which offices are closed too.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from outreach.errors import InputError

#: Places whose ISO 3166-2 code differs from the name the ``holidays`` package has for their calendar.
_ALIASES = {
    ("BE", "VLG"): "Flemish",
    ("BE", "WAL"): "French",
    ("FR", "67"): "6AE",  # Bas-Rhin and Haut-Rhin keep the holidays of Alsace
    ("FR", "68"): "6AE",
    ("FR", "GP"): "971",
    ("FR", "MQ"): "972",
    ("FR", "GF"): "973",
    ("FR", "RE"): "974",
    ("FR", "YT"): "976",
}


@lru_cache(maxsize=1024)
def public_holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    """The public holidays of ``year``, weekends included, in ``country`` (ISO 3166-1, as "DE").

    ``region`` is an ISO 3166-2 code, as "DE-BY"; one the calendars do not know counts as the country.
    InputError for a country without a calendar.
    """
    import holidays

    name = {"EL": "GR"}.get(country, country)
    if name not in holidays.list_supported_countries():
        raise InputError(
            f"There is no calendar of public holidays for the country “{country}”.",
            "Use the two-letter code of a Member State, as in BE or GR.",
        )
    calendar = holidays.country_holidays(name, subdiv=_subdivision(name, region), years=year)
    if "de_facto" in calendar.supported_categories:
        calendar = holidays.country_holidays(
            name, subdiv=_subdivision(name, region), years=year, categories=("public", "de_facto")
        )
    return frozenset(calendar)


def _subdivision(country: str, region: str | None) -> str | None:
    import holidays

    if not region:
        return None
    own = region.upper().removeprefix(f"{country}-")
    own = _ALIASES.get((country, own), own)
    return own if own in holidays.list_supported_countries()[country] else None


def is_holiday(day: date, country: str, region: str | None) -> bool:
    """Whether ``day`` is a public holiday there."""
    return day in public_holidays(country, region, day.year)


def is_working_day(day: date, country: str, region: str | None) -> bool:
    """Monday to Friday and no public holiday. Saturdays worked to make up for a bridge day do not count."""
    return day.weekday() < 5 and not is_holiday(day, country, region)


def working_days_after(day: date, count: int, country: str, region: str | None) -> date:
    """The ``count``-th working day after ``day``."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day, country, region)
    return day


def working_days_before(day: date, count: int, country: str, region: str | None) -> date:
    """The ``count``-th working day before ``day``."""
    while count > 0:
        day -= timedelta(days=1)
        count -= is_working_day(day, country, region)
    return day
