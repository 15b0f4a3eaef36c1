"""A second opinion on what people write: a linear classifier over words, pairs of words and pieces of words.

``ngrams.bin`` holds its weights; ``python -m training.train`` makes it from the sentences in ``training/``
(not shipped). Everything a weight belongs to is hashed: a word, two words in a row, and the pieces of 3 to 5
letters of a word with its borders. The pieces of a word depend on the word alone, so what a word speaks for is
computed once and kept; a text is then a sum over its words, divided by the root of the number of pieces.
Beside that stands a second such sum, over what the words are about (:mod:`outreach.inbound.concepts`), which is
the same in all languages.

The file, all little-endian: a line of JSON (``version``, ``classes``, ``bits``, ``scale`` of each class,
``bias``, ``temperature``, ``data``: the digest of the training sentences), then a zlib stream of
2^bits signed bytes for each class, followed by those of the concepts.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources

from outreach.inbound import concepts
from outreach.inbound.language import scores
from outreach.inbound.wordings import fold

#: What each class of the classifier is called, in the order of the file; ``automatic`` is mail by machines.
CLASSES = ("register", "decline", "question", "refer", "unsubscribe", "other", "automatic")
#: The number of buckets is 2 to this.
BITS = 17
_MAX_CHARACTERS = 3000
_MAX_WORDS = 150
_SHORTEST, _LONGEST = 3, 5
_ADDRESS = re.compile(r"[\w.+-]{1,64}@\w[\w.-]{0,100}")
_TOKEN = re.compile(r"[^\W_]+|\?")
_GREEK = re.compile(r"(?<=[α-ω)»])\s?;")  # ends a question in Greek
_LEAST_WORDS = 3  # a sentence of fewer says little by itself


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the classifier makes of a text."""

    probabilities: dict[str, float]  # of each class; they sum to 1
    words: int  # how many words it saw
    tongues: tuple[str, ...] = field(default=(), compare=False)  # in which languages it looked them up

    @property
    def best(self) -> str:
        """The likeliest class."""
        return max(self.probabilities, key=lambda each: self.probabilities[each])


@dataclass(frozen=True, slots=True)
class Model:
    """The weights, as :func:`decode` reads them."""

    classes: tuple[str, ...]
    bits: int
    scale: tuple[float, ...]  # of a class: what a weight of 1 in the file stands for
    bias: tuple[float, ...]
    temperature: float
    data: str  # digest of the sentences it was trained on
    weights: tuple[memoryview, ...]  # of each class, signed bytes


@lru_cache(maxsize=32)  # what a text means, and what in it tells, is asked one after the other
def tokens(text: str) -> tuple[str, ...]:
    """The words of ``text`` as the classifier sees them: folded, numbers as ``0``, addresses as ``@``."""
    text = _GREEK.sub(" ?", fold(_ADDRESS.sub(" atsign ", text[:_MAX_CHARACTERS])))
    return tuple("0" if token.isdigit() else token for token in _TOKEN.findall(text)[:_MAX_WORDS])


def pieces(word: str) -> Iterator[str]:
    """What is looked up of one word: the word itself (marked ``=``) and its pieces, with ``_`` for its borders."""
    yield "=" + word
    bordered = f"_{word[:40]}_"
    for length in range(_SHORTEST, _LONGEST + 1):
        for start in range(len(bordered) - length + 1):
            yield bordered[start : start + length]


def pairs(words: Sequence[str]) -> Iterator[str]:
    """The pairs of neighbouring words, with the borders of the text as ``^`` and ``$``."""
    before = "^"
    for word in words:
        yield f"{before} {word}"
        before = word
    yield f"{before} $"


def bucket(piece: str, bits: int = BITS) -> int:
    """The bucket of a piece: the same on every machine."""
    return zlib.crc32(piece.encode("utf-8", "surrogatepass")) & ((1 << bits) - 1)


def share(words: Sequence[str]) -> float:
    """By what the sum over ``words`` is multiplied: a long letter counts no more than a short one."""
    return 1.0 / math.sqrt(1 + len(words) + sum(_pieces_of(min(len(word), 40)) for word in words))


def share_of_concepts(count: int) -> float:
    """The same for the sum over ``count`` features of concepts."""
    return 1.0 / math.sqrt(1 + count)


@cache
def _pieces_of(length: int) -> int:
    """How many pieces a word of ``length`` letters (at most 40) has."""
    bordered = length + 2
    return 1 + sum(max(0, bordered - size + 1) for size in range(_SHORTEST, _LONGEST + 1))


def decode(content: bytes) -> Model:
    """The weights in ``content``. Raises :class:`ValueError` when they are not of this version."""
    head, _, body = content.partition(b"\n")
    described = json.loads(head)
    if described.get("version") != 1:
        raise ValueError("the weights of the classifier are not of version 1: run python -m training.train")
    size = (1 << described["bits"]) + concepts.SIZE
    view = memoryview(zlib.decompress(body)).cast("b")
    classes = tuple(described["classes"])
    return Model(
        classes=classes,
        bits=described["bits"],
        scale=tuple(described["scale"]),
        bias=tuple(described["bias"]),
        temperature=described["temperature"],
        data=described["data"],
        weights=tuple(view[at * size : (at + 1) * size] for at in range(len(classes))),
    )


@cache
def model() -> Model:
    """The weights that are shipped."""
    return decode((resources.files(__package__) / "ngrams.bin").read_bytes())


def _sum(buckets: list[int]) -> tuple[float, ...]:
    """What ``buckets`` speak for, class by class, less the mean of all: it says nothing, and without it a
    figure is the lead of its class."""
    shipped = model()
    found = [
        scale * sum(map(weights.__getitem__, buckets))
        for scale, weights in zip(shipped.scale, shipped.weights, strict=True)
    ]
    mean = sum(found) / len(found)
    return tuple(each - mean for each in found)


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> tuple[float, ...]:
    """What a word speaks for, and last the number of its pieces."""
    return (*_sum([bucket(piece) for piece in pieces(word)]), float(_pieces_of(min(len(word), 40))))


@lru_cache(maxsize=20_000)
def _of_pair(pair: str) -> tuple[float, ...]:
    return (*_sum([bucket(pair)]), 0.0)


@lru_cache(maxsize=20_000)
def _of_concepts(feature: int) -> tuple[float, ...]:
    return _sum([(1 << model().bits) + feature])


def opinion(text: str, tongues: Sequence[str] = ()) -> Opinion:
    """What the classifier makes of ``text``: calibrated probabilities. No word, no opinion: all the same.
    ``tongues`` are the languages that it may be in, the likeliest first; without them they are guessed."""
    return _opinion_of(tokens(text), tuple(tongues) or tuple(scores(fold(text)))[:2])


def strongest(parts: Sequence[str], whole: Opinion) -> dict[str, float]:
    """For each class the highest probability that one of the sentences ``parts`` has: what is said once and
    plainly is not drowned by what stands around it. ``whole`` is the opinion on all of the text."""
    told = [words for words in map(tokens, parts) if len(words) >= _LEAST_WORDS]
    if len(told) < 2:
        return whole.probabilities
    found = [_opinion_of(words, whole.tongues) for words in told]
    return {name: max(each.probabilities[name] for each in found) for name in whole.probabilities}


def _opinion_of(words: Sequence[str], tongues: tuple[str, ...]) -> Opinion:
    shipped = model()
    if not words:
        even = 1.0 / len(shipped.classes)
        return Opinion(dict.fromkeys(shipped.classes, even), 0)
    rows = [_of_word(word) for word in words]
    rows += [_of_pair(pair) for pair in pairs(words)]
    totals = tuple(map(sum, zip(*rows, strict=True)))
    factor = 1.0 / math.sqrt(1 + len(words) + totals[-1])  # as share() has it
    about = [_of_concepts(feature) for feature in concepts.seen(words, tongues)]
    second = tuple(map(sum, zip(*about, strict=True))) if about else (0.0,) * len(shipped.classes)
    other = share_of_concepts(len(about))
    logits = [
        (factor * total + other * more + bias) / shipped.temperature
        for total, more, bias in zip(totals[:-1], second, shipped.bias, strict=True)
    ]
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = sum(powers)
    return Opinion(
        {name: power / total for name, power in zip(shipped.classes, powers, strict=True)},
        len(words),
        tongues,
    )


def telling(text: str, name: str, most: int = 3) -> tuple[str, ...]:
    """The words and pairs of words of ``text`` that speak most for the class ``name``, the strongest first."""
    shipped = model()
    at = shipped.classes.index(name)
    words = tokens(text)
    found: dict[str, float] = {}
    for word in words:
        lead = _of_word(word)[at]
        if lead > 0 and word != "0":
            found[word] = lead
    for pair in pairs(words):
        lead = _of_pair(pair)[at]
        if lead > 0:
            label = pair.strip("^$ ")
            if lead > found.get(label, 0.0) and label != "0":
                found[label] = lead
    return tuple(sorted(found, key=lambda label: -found[label])[:most])
