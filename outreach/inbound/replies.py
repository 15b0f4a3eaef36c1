"""Replies that a person wrote: the new text, and what it says about the invitation.

The wordings of each language are data (``phrases/<language>.toml``); here is what all languages share: what a
negation, a condition or a question does to a wording, and which reading wins when several are found.

Order: a wish not to be written to again wins over everything; a registration, a refusal and a referral
are weighed against each other; questions come next; thanks, "we shall see" and whatever is not understood
are ``other``. A wording inside a condition ("if it is free we would join") or a question is no decision.
Quoted text counts for nothing; of the subject only what the person wrote there, not a subject of ours
that came back.

**Confidence** is the share of such readings that we expect a person to agree with, rounded down. From
:data:`CERTAIN` on, the program may act by itself. ``register`` and ``unsubscribe`` reach it only when a plain
wording stands in a statement and nothing in the message speaks against it (no refusal, no open question, no
condition, no second wish), or when rules and classifier say the same and both together leave next to
no doubt and no "but" is in it. Everything below goes to a person; a reading without any evidence has 0.3.
"""

from __future__ import annotations

import re

from outreach.inbound import coming
from outreach.inbound.language import scores as language_scores
from outreach.inbound.parse import Parsed
from outreach.inbound.quotes import Stripped, strip
from outreach.inbound.readings import Reading, combine
from outreach.inbound.second_opinion import join
from outreach.inbound.tokens import without_tokens
from outreach.inbound.wordings import LANGUAGES, Hit, Lexicon, Sentence, fold, has_word, lexicon, sentences
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Verdict

_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}", re.UNICODE)
_REPLY_PREFIX = re.compile(
    r"\s*(?:re|aw|sv|vs|odp|rif|ref|ynt|va|r|απ|απαντ|σχετ|отг|на|ha|res|enc|fw|fwd|wg|tr|vb|pd|rv|vl|doorst|antw|antwort|"
    r"ats|atb|vast|odg|odpoved)\s?(?:\[\d+\]|\(\d+\))?\s?:",
    re.IGNORECASE,
)
_MAX_CHARACTERS = 20_000  # of a letter, more are not read
_MAX_WORDS = 1500
_TELLS = 1.2  # points from which a language is told
_NEAR = 3  # words between a negation and what it negates
_GROUPS = {
    "register": Intent.REGISTER,
    "decline": Intent.DECLINE,
    "unsubscribe": Intent.UNSUBSCRIBE,
    "refer": Intent.REFER,
    "question": Intent.QUESTION,
    "other": Intent.OTHER,
}


def detect(parsed: Parsed, language: str | None = None, stripped: Stripped | None = None) -> Verdict:
    """The verdict on a message that a person wrote. ``language`` is the campaign's, where it is known;
    ``stripped`` what :func:`~outreach.inbound.quotes.strip` gave, where the caller has it already.

    ``refer_to`` holds the addresses named in the new text, without the sender's and the recipients' own, only
    when the intent is ``refer``.
    """
    stripped = stripped or strip(parsed)
    text = stripped.text
    subject = own_subject(parsed.subject)
    tongues = tongues_of(text or subject, parsed.text or parsed.html or "", language)
    reading = combine((score(text, each, subject) for each in tongues), second=0.7)
    addresses = addresses_in(text, parsed)
    found = join(reading, f"{subject}\n{text}".strip(), has_address=bool(addresses), tongues=tongues)
    intent = found.intent
    return Verdict(
        kind=InboundKind.REPLY,
        detector="replies",
        confidence=found.confidence if text or subject else 0.3,
        evidence=found.evidence,
        intent=intent,
        language=tongues[0],
        text=text,
        refer_to=addresses if intent is Intent.REFER else (),
        coming=coming.read(text, tongues[0]) if intent is Intent.REGISTER else None,
    )


def rules(text: str, subject: str, language: str | None) -> tuple[Reading, tuple[str, ...]]:
    """What the rules alone find in ``text``, and the addresses in it: what the trainer learns from."""
    tongues = tongues_of(text or subject, "", language)
    reading = combine((score(text, each, subject) for each in tongues), second=0.7)
    return reading, tuple(match.group() for match in _ADDRESS.finditer(text))


def own_subject(subject: str) -> str:
    """``subject`` where the person wrote it (a prefilled answer, a new mail), empty where it is ours come
    back."""
    return "" if _REPLY_PREFIX.match(fold(subject)) else without_tokens(subject).strip()


def tongues_of(text: str, context: str, language: str | None) -> tuple[str, ...]:
    """In which languages to read ``text``, the likeliest first: two, or four when little tells."""
    found = language_scores(text, context)
    if language in LANGUAGES:
        found[language] = found.get(language, 0.0) + 1.0
    ranked = sorted(found.items(), key=lambda item: -item[1])
    if not ranked:
        return (language if language in LANGUAGES else "en",)
    best = ranked[0][1]
    if best < _TELLS:
        return tuple(each for each, _ in ranked[:4])
    return tuple(each for each, points in ranked[:2] if points >= 0.55 * best)


def score(text: str, language: str, subject: str = "") -> Reading:
    """What the wordings of ``language`` find in ``text`` and in the sender's own ``subject``."""
    words = lexicon(language)
    reading = Reading()
    parts = sentences(text[:_MAX_CHARACTERS], language)
    total = sum(len(each.words) for each in parts)
    begun = False
    seen = 0
    for number, sentence in enumerate(parts):
        seen += len(sentence.words)
        if seen > _MAX_WORDS:
            break
        _read(sentence, words, reading, number, f"sentence {number + 1}")
        if not begun and (len(sentence.words) > 3 or number > 0 or len(parts) == 1):
            begun = True
            _read_short(sentence, language, reading, total)
        elif not begun:
            _read_short(sentence, language, reading, total)
    if total <= 40 and not reading.asks:
        _read_numbers(parts, language, reading)
    if subject:
        for sentence in sentences(subject, language)[:2]:
            _read(sentence, words, reading, -1, "subject", weight=1.0 if total <= 40 else 0.5)
    return reading


def _read(
    sentence: Sentence, words: Lexicon, reading: Reading, number: int, place: str, weight: float = 1.0
) -> None:
    found = list(words.hits(sentence))
    hits = _uncovered(found)
    if any(hit.phrase.group == "guard" for hit in found):
        reading.conditional = True
    if any(has_word(words.language, "contrast", word) for word in sentence.words):
        reading.contrast = True
    reading.negations += sum(has_word(words.language, "negation", word) for word in sentence.words)
    asks = sentence.asks
    if asks:
        reading.asks += 1
        reading.add(Intent.QUESTION, weight, f"question mark, {place}: {_short(sentence.text)}", number)
    conditional = _conditional(sentence, words.language)
    counted: set[str] = set()
    for hit in hits:
        group = hit.phrase.group
        points = hit.phrase.weight * weight
        strong = hit.phrase.weight >= 2
        evidence = f'{group}: "{hit.phrase.source.lstrip("!~^ ")}", {place}: {_short(sentence.text)}'
        negated = _negated(hit, sentence, words.language)
        doubtful = asks or conditional
        if group == "attend":
            if group in counted:
                continue
            counted.add(group)
            if asks:
                reading.conditional = True
            elif negated:
                reading.add(Intent.DECLINE, points * (0.5 if conditional else 1.0), "not " + evidence, number)
            else:
                reading.add(Intent.REGISTER, points * (0.1 if conditional else 0.4), evidence, number)
                reading.conditional = reading.conditional or conditional
            continue
        intent = _GROUPS.get(group)
        if intent is None:
            continue
        if group in counted:
            points *= 0.3
        if intent is Intent.REGISTER:
            if negated and not _holds_negation(hit, words.language):
                reading.add(Intent.DECLINE, min(points, 1.5), "not " + evidence, number)
                continue
            if asks:
                reading.conditional = True
                points *= 0.3 if strong else 0.0
            elif conditional:
                reading.conditional = True
                points *= _under_condition(hit, sentence, words.language, strong)
            elif _clause_negates(hit, sentence, words.language):
                reading.conditional = True
        elif intent is Intent.UNSUBSCRIBE:
            if negated and not _holds_negation(hit, words.language):
                continue
            if any(has_word(words.language, "attendance", word) for word in sentence.words):
                intent = Intent.DECLINE  # off the list of participants, not off the mailing list
                reading.conditional = True
            if asks:
                points *= 0.5
                reading.conditional = True
            elif _clause_negates(hit, sentence, words.language) and not _holds_negation(hit, words.language):
                reading.conditional = True  # "do not take us off the list", with many words between
        elif intent is Intent.DECLINE and doubtful:
            points *= 0.4
        elif intent is Intent.REFER and asks and not strong:
            points *= 0.5
        if points > 0:
            counted.add(group)
            reading.add(intent, points, evidence, number)


def _conditional(sentence: Sentence, language: str) -> bool:
    """Whether the sentence has a condition; a word alone in its clause ("Si, ...") is none."""
    clauses = sentence.clauses
    for index, word in enumerate(sentence.words):
        if has_word(language, "condition", word):
            before = index > 0 and clauses[index - 1] == clauses[index]
            behind = index + 1 < len(clauses) and clauses[index + 1] == clauses[index]
            if before or behind:
                return True
    return False


def _uncovered(hits: list[Hit]) -> list[Hit]:
    """``hits`` without those that a longer wording of another group covers, or that a guard touches."""
    guards = [hit for hit in hits if hit.phrase.group == "guard"]
    kept = []
    for hit in hits:
        if hit.phrase.group == "guard":
            continue
        if any(guard.first <= hit.last and hit.first <= guard.last for guard in guards):
            continue
        length = len(hit.phrase.parts)
        if not any(
            other.first <= hit.first
            and hit.last <= other.last
            and len(other.phrase.parts) > length
            and other.phrase.group != hit.phrase.group
            for other in hits
        ):
            kept.append(hit)
    return kept


def _negated(hit: Hit, sentence: Sentence, language: str) -> bool:
    """Whether a negation stands in the wording's clause, close before, inside or close behind it."""
    for index in range(hit.first):
        if sentence.clauses[index] == sentence.clauses[hit.first] and has_word(
            language, "nobody", sentence.words[index]
        ):
            return True
    first = max(0, hit.first - _NEAR)
    last = min(len(sentence.words) - 1, hit.last + _NEAR)
    for index in range(first, last + 1):
        clause = sentence.clauses[index]
        if index < hit.first and clause != sentence.clauses[hit.first]:
            continue
        if index > hit.last and (clause != sentence.clauses[hit.last] or index > hit.last + 2):
            continue
        if has_word(language, "negation", sentence.words[index]):
            return True
    return False


def _under_condition(hit: Hit, sentence: Sentence, language: str, strong: bool) -> float:
    """What is left of a wording in a sentence with a condition: nothing much in the very clause ("whether we
    take part"), more beside it ("if it is not too late, sign us up")."""
    clause = sentence.clauses[hit.first]
    for index in range(hit.first):
        if sentence.clauses[index] == clause and has_word(language, "condition", sentence.words[index]):
            return 0.15
    return 0.5 if strong else 0.3


def _clause_negates(hit: Hit, sentence: Sentence, language: str) -> bool:
    """Whether any word outside the wording, but in its clause, is a negation: reason for doubt."""
    clause = sentence.clauses[hit.first]
    return any(
        sentence.clauses[index] == clause and has_word(language, "negation", word)
        for index, word in enumerate(sentence.words)
        if not hit.first <= index <= hit.last
    )


def _holds_negation(hit: Hit, language: str) -> bool:
    """Whether the wording itself speaks of a negation, as "no objections"."""
    return any(has_word(language, "negation", word) for part in hit.phrase.parts for word in part)


def _read_short(sentence: Sentence, language: str, reading: Reading, total: int) -> None:
    """A yes or no at the head of a short letter."""
    if not sentence.words or sentence.asks or total > 40:
        return
    first = sentence.words[0]
    if has_word(language, "yes", first):
        reading.add(Intent.REGISTER, 1.0 if total <= 15 else 0.5, f'begins with "{first}"', 0)
    elif has_word(language, "no", first) and (len(sentence.words) < 8 or sentence.clauses[-1] > 0):
        reading.add(Intent.DECLINE, 1.0 if total <= 25 else 0.5, f'begins with "{first}"', 0)


def _read_numbers(parts: tuple[Sentence, ...], language: str, reading: Reading) -> None:
    """So many people, in a short letter that asks nothing: they come."""
    for number, sentence in enumerate(parts):
        for index, word in enumerate(sentence.words[:-1]):
            if word.isdigit() and len(word) <= 2 and has_word(language, "people", sentence.words[index + 1]):
                reading.add(
                    Intent.REGISTER,
                    1.0,
                    f"a number of people, sentence {number + 1}: {_short(sentence.text)}",
                    number,
                )
                return


def addresses_in(text: str, parsed: Parsed) -> tuple[str, ...]:
    """The mail addresses named in ``text``, in lower case, without the sender's and the recipients' own."""
    own = {parsed.from_address, *parsed.to}
    found = dict.fromkeys(match.group().rstrip(".-").lower() for match in _ADDRESS.finditer(text))
    return tuple(address for address in found if address not in own)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "..."
