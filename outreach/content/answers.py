"""Prefilled answers: mailto: links (RFC 6068) that open a mail already written and already addressed, or, where
the sender has answer pages, https links to these.

A mail comes in two lengths. The whole one stands behind the words of a link. In plain text a reader sees the
address itself, and a percent-encoded Greek sentence is no sight: there the brief one stands, which prefills
the subject only.
"""

from __future__ import annotations

from urllib.parse import quote

from outreach.content.catalog import Strings

#: What the names of the brief links end with.
BRIEF = "_brief"

_LINE_BREAK = "%0D%0A"  # RFC 6068, section 5


class AnswerLinks:
    """The answers of one language to one address. All but the token is encoded once."""

    def __init__(self, strings: Strings, reply_to: str, pages: str = "") -> None:
        """``pages``: the https address of the answer pages, without a slash at its end; empty: mail is all."""
        # RFC 6068, section 2: what an address may hold and a URL may not
        address = quote(reply_to, safe="@!$'*+-._~")
        #: The links, each with gaps that the token fills.
        self.around_token: dict[str, tuple[str, ...]] = {}
        for name, answer in strings.answers.items():
            if pages:
                page = (f"{pages}/a/", f"/{strings.code}/{name}")
                self.around_token[name + BRIEF] = self.around_token[name] = page
                continue
            head = f"mailto:{address}?subject={_encode(answer.subject)}%20%5B"
            body = f"&body={_encode(answer.body)}{_LINE_BREAK}{_LINE_BREAK}"
            self.around_token[name + BRIEF] = (head, "%5D")
            self.around_token[name] = (head, f"%5D{body}", "")

    def for_token(self, token: str) -> dict[str, str]:
        """``{"yes": "mailto:...", "yes_brief": "mailto:...", ...}`` for the names in
        :data:`~outreach.content.catalog.ANSWERS`, or https: links. The subject of a mail ends with the token in
        square brackets, its body with the token on a line of its own; the brief ones have no body."""
        token = quote(token, safe="")
        return {name: token.join(parts) for name, parts in self.around_token.items()}


def answer_links(strings: Strings, reply_to: str, token: str) -> dict[str, str]:
    """The links of a single message, as for a preview; for many use :class:`AnswerLinks`."""
    return AnswerLinks(strings, reply_to).for_token(token)


def _encode(text: str) -> str:
    return _LINE_BREAK.join(quote(line, safe="") for line in text.splitlines())
