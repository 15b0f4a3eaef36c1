"""Cells of an address column as people fill them in, each with the addresses that are truly in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

Written = tuple[str, tuple[str, ...]]

_AND = {
    "AT": "und", "BE": "en", "BG": "и", "CY": "και", "CZ": "a", "DE": "und", "DK": "og", "EE": "ja", "ES": "y",
    "FI": "ja", "FR": "et", "GR": "και", "HR": "i", "HU": "és", "IE": "and", "IT": "e", "LT": "ir", "LU": "et",
    "LV": "un", "MT": "and", "NL": "en", "PL": "i", "PT": "e", "RO": "și", "SE": "och", "SI": "in", "SK": "a",
}  # fmt: skip
_AT = {
    "BG": "(кльомба)", "CZ": "(zavináč)", "DK": "(snabel-a)", "EE": "(ät)", "ES": "(arroba)", "FI": "(at)",
    "FR": " (arobase) ", "HU": "(kukac)", "IT": "(chiocciola)", "LT": "(eta)", "LV": "(et)", "NL": "(apenstaartje)",
    "PL": "(małpa)", "PT": "(arroba)", "RO": "(arond)", "SE": "(snabel-a)", "SI": "(afna)", "SK": "(zavináč)",
}  # fmt: skip
_DOT = {
    "AT": "(punkt)", "BG": "(точка)", "CZ": "(tečka)", "DE": "(punkt)", "ES": "(punto)", "FI": "(piste)",
    "FR": "(point)", "HU": "(pont)", "IT": "(punto)", "NL": "(punt)", "PL": "(kropka)", "PT": "(ponto)",
    "SE": "(punkt)", "SK": "(bodka)",
}  # fmt: skip


def _at(a: str, sign: str, dot: str = ".") -> str:
    local, _, host = a.partition("@")
    return f"{local}{sign}{host.replace('.', dot)}"


def _good(a: str, country: str) -> list[Callable[[], str]]:
    """Ways to write one address that a reader understands without guessing."""
    at, dot = _AT.get(country, "(at)"), _DOT.get(country, "[dot]")
    return [
        lambda: f" {a} ",
        lambda: f"{a}.",
        lambda: f"{a};",
        lambda: f"mailto:{a}",
        lambda: f"mailto:{a}?subject=Info",
        a.upper,
        lambda: f"<{a}>",
        lambda: f"„{a}“",
        lambda: f"'{a}'",
        lambda: f"\u200b{a}\u00a0",
        lambda: f"\ufeff{a}",
        lambda: a.replace("@", "＠"),
        lambda: a.replace("@", "\ufe6b"),
        lambda: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in a).replace("@", "＠"),
        lambda: a.replace("-", "\u2011"),
        lambda: a.replace("@", "\u00ad@"),
        lambda: a.replace("@", " @ "),
        lambda: a.replace("@", "&#64;"),
        lambda: a.replace("@", "&#x40;"),
        lambda: a.replace("@", "&commat;"),
        lambda: _at(a, "(at)"),
        lambda: _at(a, " (at) "),
        lambda: _at(a, "[at]"),
        lambda: _at(a, " [at] ", " [dot] "),
        lambda: _at(a, "{at}"),
        lambda: _at(a, " at ", " dot "),
        lambda: _at(a, " AT ", " DOT "),
        lambda: _at(a, at),
        lambda: _at(a, at, dot),
        lambda: _at(a, f" {at} "),
        lambda: _at(a, "(a)"),
        lambda: _at(a, "(@)"),
        lambda: f"E-Mail: {a}",
        lambda: f"email:{a}",
        lambda: f"{a} (Office)",
        lambda: f"Tel. 012 345 678, {a}",
        lambda: f"{a} / +32 2 555 12 34",
        lambda: f"{a}, www.{a.partition('@')[2]}",
        lambda: f"http://www.{a.partition('@')[2]} {a}",
        lambda: f'<a href="mailto:{a}">{a}</a>',
        lambda: f"{a} <{a}>",
        lambda: f"{a}\n",
        lambda: f"{a},",
    ]  # fmt: skip


def _bad(a: str) -> list[Callable[[], str]]:
    """What stands in address columns and is no address, or half of one."""
    local, _, host = a.partition("@")
    return [
        lambda: "",
        lambda: "-",
        lambda: "n/a",
        lambda: f"www.{host}",
        lambda: f"https://{host}/contact",
        lambda: host,
        lambda: "+49 (0) 30 123456-78",
        lambda: f"{local}@{host.partition('.')[0]}",
        lambda: f"{local}{host}",
        lambda: f"@{host}",
        lambda: f"{local}@@{host}",
        lambda: f"{local}@{host.replace('.', '..')}",
        lambda: f".{local}@{host}",
        lambda: f"{local}.@{host}",
        lambda: f"{local},{local}@{host}",
        lambda: f"{local}@{host.replace('.', ',')}",
        lambda: f"{local}@-{host}",
        lambda: f"https://{host}/@{local}",
        lambda: f"{local}@",
        lambda: "abcd2ef",  # a data box
    ]


def cell(addresses: tuple[str, ...], country: str, chance: Random, *, as_json: bool = False) -> Written:
    """A cell that holds ``addresses``, or, now and then, something else instead."""
    kind = chance.random()
    first = addresses[0]
    if as_json and kind < 0.7:
        if kind < 0.25:
            return json.dumps(list(addresses)), addresses
        if kind < 0.4:
            return json.dumps([{"libelle": "Accueil, mairie", "valeur": one} for one in addresses]), addresses
        return (";".join(addresses), addresses)
    if kind < 0.55:
        return first, (first,)
    if kind < 0.65 and len(addresses) > 1:
        word = f" {_AND[country]} "
        apart = chance.choice(
            (";", "; ", ",", ", ", "/", " / ", "\n", " ", word, " & ", " | ", ";\n", " - ", " + ")
        )
        return apart.join(addresses), addresses
    if kind < 0.7 and len(addresses) > 1:
        names = ("Town hall", "Rathaus", "Anna-Maria Šimková", "O'Neill, John", '"Dr. K. Berg"')
        return "; ".join(f"{chance.choice(names)} <{one}>" for one in addresses), addresses
    if kind < 0.88:
        return chance.choice(_good(first, country))(), (first,)
    return chance.choice(_bad(first))(), ()


def internationalised(address: str, chance: Random) -> tuple[str, str]:
    """An address with a letter outside ASCII in its domain or local part -> as written, as it is sent to."""
    local, _, host = address.partition("@")
    if chance.random() < 0.5:
        written = f"büro-{host}"
        return f"{local}@{written}", f"{local}@{written.encode('idna').decode()}"
    return f"bürgerbüro@{host}", f"bürgerbüro@{host}"
