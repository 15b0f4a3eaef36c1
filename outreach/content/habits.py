"""What filters take for spam or for a trap, in the mail of somebody who means well. Vendors do not publish their
rules; these are the signs that SpamAssassin's rule descriptions and the providers' advice to bulk senders have in
common (spamassassin.apache.org, "Tests performed"; support.google.com/mail/answer/81126).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from outreach.content.render import Rendered

_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL | re.IGNORECASE)
_ELEMENT = re.compile(r"<[^>]*>")
_ADDRESS = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:/\S*)?", re.IGNORECASE)
_NUMBERS = re.compile(r"[\d.]+|\[.*\]|.*:.*:.*")
#: Beginnings by which the languages' mail programs mark an answer or a forwarded mail.
_ANSWER = re.compile(
    r"(?:re|fwd?|aw|wg|tr|rv|sv|vs|vb|antw|doorst|odp|pd|ynt|i|r|ref|enc|res|vl|na|πρθ|απ|ha|fs|továbbítás|nuo|ats"
    r"|înaintare|răsp)(?:\[\d+\])?\s*:\s",
    re.IGNORECASE,
)
#: Services that hide where a link goes; abused so often that filters do not like the honest ones either.
_SHORTENERS = frozenset(
    {
        "bit.ly",
        "tinyurl.com",
        "t.co",
        "goo.gl",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "rebrand.ly",
        "cutt.ly",
        "lnkd.in",
    }
    | {"rb.gy", "shorturl.at", "t.ly", "tiny.cc", "bl.ink", "v.gd", "s.id", "kutt.it", "urlz.fr"}
)
#: Words in capitals one after the other: more than names and abbreviations come to.
_SHOUTED = 5
#: Words of a mail below which a link is most of it.
_FEW_WORDS = 25


def of_subject(subject: str) -> Iterator[str]:
    """What is wrong with it, each as the rest of a sentence that begins with "The subject"."""
    if found := _ANSWER.match(subject):
        yield f"begins with {found.group().strip()!r}, though it answers nothing"


def of_mail(rendered: Rendered) -> Iterator[tuple[str, str]]:
    """What is wrong with text and links, and what to do: two sentences."""
    own = rendered.text.partition("\n-- \n")[0]
    if "!!" in own:
        yield "The text has exclamation marks in a row.", "One at most, and few in all."
    if _longest_shout(own) >= _SHOUTED:
        yield "The text has a row of words in capitals.", "Write them as in a letter."
    words = sum(len(word) > 1 for word in re.sub(r"\S*(?:://|mailto:)\S*", "", own).split())
    if words < _FEW_WORDS and "://" in own:
        yield f"The text has {words} words and a link.", "Say in a few sentences what it is about."
    for address, inner in _LINK.findall(rendered.html):
        yield from _of_link(unescape(address), unescape(_ELEMENT.sub("", inner)).strip())


def _longest_shout(text: str) -> int:
    longest = run = 0
    for word in re.findall(r"[^\W\d_]+", text):
        if len(word) > 1:  # "A" and "I" tell nothing
            run = run + 1 if word.isupper() else 0
            longest = max(longest, run)
    return longest


def _of_link(address: str, words: str) -> Iterator[tuple[str, str]]:
    host = (urlsplit(address).hostname or "").removeprefix("www.")
    if not host:
        return
    if host in _SHORTENERS:
        yield (
            f"The link {address} goes through {host}, which hides where it leads.",
            "Write the real address.",
        )
    if _NUMBERS.fullmatch(host):
        yield f"The link {address} has a number for a host.", "Write the host's name."
    shown = _ADDRESS.fullmatch(words)
    if shown and shown.group(1).lower().removeprefix("www.") != host.lower():
        yield (
            f"The link shows {words} and leads to {host}.",
            "Let it show where it leads, or say it in words.",
        )
