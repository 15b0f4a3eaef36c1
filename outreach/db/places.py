"""The official list of a country's municipalities as it is stored, what lists leave in doubt, and who can be
reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.contacts.register import Unit, names_as_text, names_from_text
from outreach.db import outcomes, schema, scope
from outreach.db.dialect import insert_ignoring, insert_rows
from outreach.model.states import ContactKind, MessageState
from outreach.model.values import Place

_PLACE = schema.municipality
_QUESTION = schema.place_question
_OF_LIST = (
    *("key", "name", "code", "region", "population", "languages", "time_zone"),
    *("names", "nuts", "degurba"),
)


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """A municipality with its row."""

    id: int
    unit: Unit
    official_list: str | None


def stored(connection: sa.Connection, country: str, *, only_official: bool = False) -> list[StoredPlace]:
    """Every municipality of ``country``, official or not, by id."""
    columns = [_PLACE.c[name] for name in ("id", "official_list", *_OF_LIST)]
    statement = sa.select(*columns).where(_PLACE.c.country == country).order_by(_PLACE.c.id)
    if only_official:
        statement = statement.where(_PLACE.c.official_list.is_not(None))
    statement = statement.where(scope.within(connection, _PLACE.c.country))
    found = []
    for row in connection.execute(statement):
        id_, official_list, key, name, code, region, population, languages, time_zone, *rest = row
        names, nuts, degurba = rest
        place = Place(country, name, code, region, population, _split(languages), time_zone)
        others = names_from_text(names) if names else ()
        found.append(StoredPlace(id_, Unit(key, place, others, nuts, degurba), official_list))
    return found


def official(connection: sa.Connection, country: str) -> list[Unit]:
    """The municipalities of the official list; empty where none was imported."""
    return [one.unit for one in stored(connection, country, only_official=True)]


def decided(connection: sa.Connection, country: str) -> dict[str, str]:
    """What persons said: the key of a place as lists name it -> the key of the municipality it is."""
    statement = sa.select(_QUESTION.c.key, _QUESTION.c.target).where(
        _QUESTION.c.country == country, _QUESTION.c.target.is_not(None)
    )
    return {row.key: row.target for row in connection.execute(statement)}


def write(
    connection: sa.Connection,
    country: str,
    *,
    new: Sequence[Unit],
    changed: Mapping[int, Unit],
    same: Sequence[int],
    left: Sequence[int],
    official_list: str,
    now: datetime,
) -> None:
    """Add ``new`` municipalities, make the rows ``changed`` what the list says, date those that are the ``same``,
    and mark those that have ``left`` it: they are no longer official."""
    insert_rows(
        connection,
        sa.insert(_PLACE),
        _OF_LIST,
        (tuple(_values(unit).values()) for unit in new),
        {"country": country, "created_at": now, "official_list": official_list, "official_at": now},
    )
    for id_, unit in changed.items():
        connection.execute(
            sa.update(_PLACE)
            .where(_PLACE.c.id == id_)
            .values(**_values(unit), official_list=official_list, official_at=now)
        )
    for ids, values in ((same, {"official_list": official_list, "official_at": now}), (left, _NOT_OFFICIAL)):
        if ids:
            rows = sa.update(_PLACE).where(_PLACE.c.id == sa.bindparam("b_id")).values(**values)
            connection.execute(rows, [{"b_id": id_} for id_ in ids])


_NOT_OFFICIAL: dict[str, Any] = {"official_list": None}


def _values(unit: Unit) -> dict[str, Any]:
    place = unit.place
    return {
        "key": unit.key,
        "name": place.name,
        "code": place.code,
        "region": place.region,
        "population": place.population,
        "languages": ",".join(place.languages),
        "time_zone": place.time_zone,
        "names": names_as_text(unit.names),
        "nuts": unit.nuts,
        "degurba": unit.degurba,
    }


def ask(connection: sa.Connection, places: Sequence[Place], keys: Sequence[str], now: datetime) -> None:
    """Put what was decided or not yet asked to a person; an open question stays as it is."""
    for place, key in zip(places, keys, strict=True):
        known = connection.execute(
            sa.select(_QUESTION.c.id).where(_QUESTION.c.country == place.country, _QUESTION.c.key == key)
        ).scalar()
        if known is None:
            connection.execute(
                sa.insert(_QUESTION).values(
                    country=place.country,
                    key=key,
                    name=place.name,
                    code=place.code,
                    region=place.region,
                    asked_at=now,
                )
            )


def has_contacts(connection: sa.Connection, id_: int) -> bool:
    found = sa.select(schema.contact.c.id).where(schema.contact.c.municipality_id == id_).limit(1)
    return connection.execute(found).first() is not None


def questions(connection: sa.Connection, country: str | None = None) -> list[Mapping[str, Any]]:
    """The open questions, each with how many contacts wait for its answer."""
    contact = schema.contact
    waiting = (
        sa.select(sa.func.count(contact.c.id))
        .join(_PLACE, _PLACE.c.id == contact.c.municipality_id)
        .where(_PLACE.c.country == _QUESTION.c.country, _PLACE.c.key == _QUESTION.c.key)
        .correlate(_QUESTION)
        .scalar_subquery()
    )
    columns = [_QUESTION.c[name] for name in ("id", "country", "key", "name", "code", "region", "asked_at")]
    statement = sa.select(*columns, waiting.label("contacts")).where(_QUESTION.c.decided_at.is_(None))
    statement = statement.where(scope.within(connection, _QUESTION.c.country))
    if country:
        statement = statement.where(_QUESTION.c.country == country)
    return [
        dict(row)
        for row in connection.execute(statement.order_by(_QUESTION.c.country, _QUESTION.c.id)).mappings()
    ]


def question(connection: sa.Connection, id_: int) -> Mapping[str, Any] | None:
    mine = scope.within(connection, _QUESTION.c.country)
    row = connection.execute(sa.select(_QUESTION).where(_QUESTION.c.id == id_, mine)).mappings().one_or_none()
    return dict(row) if row else None


def answer(connection: sa.Connection, id_: int, target: str, by: str, now: datetime) -> None:
    connection.execute(
        sa.update(_QUESTION).where(_QUESTION.c.id == id_).values(target=target, decided_at=now, decided_by=by)
    )


def settle(connection: sa.Connection, country: str, keys: Sequence[str]) -> None:
    """Questions that a newer official list answers: asked no more."""
    connection.execute(
        sa.delete(_QUESTION).where(
            _QUESTION.c.country == country, _QUESTION.c.key.in_(list(keys)), _QUESTION.c.target.is_(None)
        )
    )


def move(connection: sa.Connection, old: int, new: int) -> None:
    """All that is told of the municipality ``old`` is told of ``new``, and ``old`` is no more. An address that
    both have, and a place at a session that both have, are those of ``new``."""
    contact, recipient, registration = schema.contact, schema.recipient, schema.registration
    have = sa.select(contact.c.email_key).where(contact.c.municipality_id == new)
    twice = sa.select(contact.c.id).where(contact.c.municipality_id == old, contact.c.email_key.in_(have))
    for id_, email_key in connection.execute(
        sa.select(contact.c.id, contact.c.email_key).where(contact.c.id.in_(twice))
    ).all():
        kept = connection.execute(
            sa.select(contact.c.id).where(contact.c.municipality_id == new, contact.c.email_key == email_key)
        ).scalar_one()
        for recipient_id, campaign_id in connection.execute(
            sa.select(recipient.c.id, recipient.c.campaign_id).where(recipient.c.contact_id == id_)
        ).all():
            other = connection.execute(
                sa.select(recipient.c.id).where(
                    recipient.c.contact_id == kept, recipient.c.campaign_id == campaign_id
                )
            ).scalar()
            if other is None:
                mine = sa.update(recipient).where(recipient.c.id == recipient_id)
                connection.execute(mine.values(contact_id=kept))
                continue
            _cancel_second_mails(connection, recipient_id, other)
            named = sa.update(recipient).where(recipient.c.named_by == recipient_id)
            by = sa.case((recipient.c.id != other, other))
            connection.execute(named.values(named_by=by))
            for table in (schema.message, schema.engagement):
                told = sa.update(table).where(table.c.recipient_id == recipient_id)
                connection.execute(told.values(recipient_id=other))
            connection.execute(sa.delete(recipient).where(recipient.c.id == recipient_id))
        connection.execute(sa.delete(schema.contact_change).where(schema.contact_change.c.contact_id == id_))
        connection.execute(sa.delete(contact).where(contact.c.id == id_))
    connection.execute(sa.update(contact).where(contact.c.municipality_id == old).values(municipality_id=new))
    places_of_new = sa.select(registration.c.campaign_id).where(registration.c.municipality_id == new)
    connection.execute(
        sa.delete(registration).where(
            registration.c.municipality_id == old, registration.c.campaign_id.in_(places_of_new)
        )
    )
    for table in (recipient, registration, schema.engagement, schema.proposal):
        connection.execute(sa.update(table).where(table.c.municipality_id == old).values(municipality_id=new))
    effect = schema.effect
    for id_, subject in connection.execute(
        sa.select(effect.c.id, effect.c.subject).where(effect.c.subject.like(f"%:{old}"))
    ).all():
        campaign_id, _, municipality_id = subject.partition(":")
        if campaign_id.isdigit() and municipality_id == str(old):
            told = sa.update(effect).where(effect.c.id == id_)
            connection.execute(told.values(subject=f"{campaign_id}:{new}"))
    connection.execute(sa.delete(schema.contact_change).where(schema.contact_change.c.municipality_id == old))
    connection.execute(sa.delete(_PLACE).where(_PLACE.c.id == old))


def _cancel_second_mails(connection: sa.Connection, recipient_id: int, other: int) -> None:
    """Where each of two municipalities was to get a mail at one address, and they are one: it gets one."""
    message, same = schema.message, schema.message.alias("same")
    its = sa.exists().where(same.c.recipient_id == other, same.c.step == message.c.step)
    outcomes.cancel(
        connection,
        message.c.recipient_id == recipient_id,
        its,
        why="its municipality is one with another that gets this mail",
    )


def keep_opt_outs(connection: sa.Connection, keys: Mapping[str, str]) -> None:
    """A municipality that said stop as a whole has said so under its new key, too: old -> new suppression key."""
    suppression = schema.suppression
    rows = connection.execute(sa.select(suppression).where(suppression.c.key.in_(list(keys)))).mappings()
    for row in list(rows):
        values = {name: value for name, value in row.items() if name != "id"}
        connection.execute(
            insert_ignoring(connection, suppression).values(**{**values, "key": keys[row["key"]]})
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of the official list of a country: how many municipalities, and of how many inhabitants, have an address
    that may be written to. ``population`` counts only those whose population the list says."""

    country: str
    municipalities: int
    reachable: int
    population: int
    reachable_population: int
    without_population: int
    personal_only: int  # reachable, but only at persons' addresses
    in_doubt: int  # contacts that wait for `places review`


def coverage(
    connection: sa.Connection, country: str, reachable: Mapping[int, set[ContactKind]]
) -> tuple[Coverage, list[Unit]]:
    """The figures and the municipalities that cannot be reached, the largest first. ``reachable``: the kinds of
    addresses that may be written to, by the id of the municipality."""
    rows = [one for one in stored(connection, country) if one.official_list is not None]
    there = [one for one in rows if one.id in reachable]
    missing = [one.unit for one in rows if one.id not in reachable]
    missing.sort(key=lambda unit: (-(unit.place.population or 0), unit.place.name))
    return (
        Coverage(
            country=country,
            municipalities=len(rows),
            reachable=len(there),
            population=sum(one.unit.place.population or 0 for one in rows),
            reachable_population=sum(one.unit.place.population or 0 for one in there),
            without_population=sum(one.unit.place.population is None for one in rows),
            personal_only=sum(reachable[one.id] == {ContactKind.NAMED} for one in there),
            in_doubt=sum(int(one["contacts"]) for one in questions(connection, country)),
        ),
        missing,
    )


def addresses(connection: sa.Connection, country: str) -> list[tuple[int, str, ContactKind]]:
    """Municipality, address in lower case and kind of every contact that is not gone from its list."""
    contact = schema.contact
    statement = (
        sa.select(contact.c.municipality_id, contact.c.email_key, contact.c.kind)
        .join(_PLACE, _PLACE.c.id == contact.c.municipality_id)
        .where(
            _PLACE.c.country == country,
            contact.c.gone_at.is_(None),
            contact.c.email_key.not_like(f"{schema.ERASED}%"),
        )
    )
    return [(place, email_key, kind) for place, email_key, kind in connection.execute(statement)]


def bounced(connection: sa.Connection, country: str) -> set[str]:
    """Addresses in lower case that a mail came back from for good."""
    message, recipient = schema.message, schema.recipient
    statement = (
        sa.select(message.c.email_key)
        .join(recipient, recipient.c.id == message.c.recipient_id)
        .join(_PLACE, _PLACE.c.id == recipient.c.municipality_id)
        .where(_PLACE.c.country == country, message.c.state == MessageState.BOUNCED)
    )
    return set(connection.execute(statement).scalars())


def _split(languages: str) -> tuple[str, ...]:
    return tuple(languages.split(",")) if languages else ()
