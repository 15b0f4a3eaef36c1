"""Trains the classifier of replies: ``python -m training.train`` writes ``outreach/inbound/ngrams.bin``.

Needs scikit-learn (``pip install scikit-learn``); neither Outreach nor its tests do. Two steps, both multinomial
logistic regressions. The first learns from words and their pieces. The second learns how far to believe the
first and how far the rules (:mod:`outreach.inbound.replies`): it sees what the first says of messages it did not
learn from, in :data:`~training.sentences.FOLDS` folds. Everything is deterministic: no random number is drawn.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from outreach.inbound import concepts, ngrams, replies
from outreach.inbound.readings import CERTAIN, decide
from outreach.inbound.second_opinion import inputs, parts_of, without_closing
from training.sentences import FOLDS, Example, digest, read, wordings_of_the_rules

TARGET = Path(ngrams.__file__).with_name("ngrams.bin")
STRENGTH = 6.0  # C of the first step
WORDING = 0.7  # what a wording of the rules weighs beside a message
STACK_STRENGTH = 0.3  # C of the second
MEANINGS = [name for name in ngrams.CLASSES if name != "automatic"]


def rows(texts: list[tuple[str, Sequence[str]]]) -> Any:
    """The texts, each with the languages it may be in, as rows of a sparse matrix: a column a bucket, then one for
    each feature of concepts."""
    data: list[float] = []
    columns: list[int] = []
    ends = [0]
    for text, tongues in texts:
        words = ngrams.tokens(without_closing(text))
        counts = Counter(ngrams.bucket(piece) for word in words for piece in ngrams.pieces(word))
        counts.update(ngrams.bucket(pair) for pair in ngrams.pairs(words))
        factor = ngrams.share(words)
        columns.extend(counts)
        data.extend(factor * count for count in counts.values())
        about = Counter(concepts.seen(words, tongues))
        factor = ngrams.share_of_concepts(about.total())
        columns.extend((1 << ngrams.BITS) + feature for feature in about)
        data.extend(factor * count for count in about.values())
        ends.append(len(columns))
    return sparse.csr_matrix((data, columns, ends), shape=(len(texts), (1 << ngrams.BITS) + concepts.SIZE))


def fit(matrix: Any, wanted: Any, wordings: tuple[Any, Any]) -> LogisticRegression:
    """The first step, on letters and, at a lower weight, on the wordings of the rules."""
    weight = np.r_[np.ones(len(wanted)), np.full(len(wordings[1]), WORDING)]
    return LogisticRegression(C=STRENGTH, max_iter=150, tol=1e-3).fit(
        sparse.vstack([matrix, wordings[0]]), np.r_[wanted, wordings[1]], sample_weight=weight
    )


def encoded(fitted: LogisticRegression, temperature: float, stack: dict[str, Any], data: str) -> bytes:
    """The file of the weights: see :mod:`outreach.inbound.ngrams`."""
    order = [list(fitted.classes_).index(name) for name in ngrams.CLASSES]
    weights = fitted.coef_[order]
    scale = np.abs(weights).max(axis=1) / 127
    small = np.rint(weights / scale[:, None]).astype(np.int8)
    head = {
        "version": 1,
        "classes": list(ngrams.CLASSES),
        "bits": ngrams.BITS,
        "scale": [float(f"{each:.6g}") for each in scale],
        "bias": [float(f"{each:.5f}") for each in fitted.intercept_[order]],
        "temperature": temperature,
        "stack": stack,
        "data": data,
    }
    return json.dumps(head).encode() + b"\n" + zlib.compress(small.tobytes(), 9)


def best_temperature(logits: Any, truth: Any) -> float:
    """By what to divide the logits so that the probabilities of held-out messages are the likeliest."""

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        chances = np.exp(scaled)
        chances /= chances.sum(axis=1, keepdims=True)
        return float(-np.log(chances[np.arange(len(truth)), truth] + 1e-12).mean())

    return min((round(0.3 + 0.05 * step, 2) for step in range(40)), key=loss)


def shares(logits: Any, temperature: float) -> Any:
    """Logits as probabilities."""
    powers = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def second_step(
    examples: list[tuple[Example, str]], chances: Any, parts: list[Any]
) -> tuple[LogisticRegression, Any, Any]:
    """The weights of the second step, its inputs and what is wanted of it."""
    table = []
    wanted = []
    for (each, text), row, rows_of_parts in zip(examples, chances, parts, strict=True):
        reading, addresses = replies.rules(text, "", each.language)
        highest = row if len(rows_of_parts) < 2 else rows_of_parts.max(axis=0)
        strongest = dict(zip(ngrams.CLASSES, map(float, highest), strict=True))
        table.append(inputs(reading, bool(addresses), strongest))
        wanted.append(each.meaning)
    matrix = np.array(table)
    return LogisticRegression(C=STACK_STRENGTH, max_iter=2000).fit(matrix, wanted), matrix, np.array(wanted)


def f1(wanted: Any, got: Any, names: list[str]) -> float:
    found = []
    for name in names:
        hit = ((wanted == name) & (got == name)).sum()
        found.append(2 * hit / max(1, (wanted == name).sum() + (got == name).sum()))
    return float(np.mean(found))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="only compare with what is there")
    options = arguments.parse_args()

    examples = read()
    letters = [(each, text) for each in examples for text in (each.text, *each.dressed)]
    spoken = [replies.tongues_of(text, "", each.language) for each, text in letters]
    matrix = rows([(text, tongues) for (_, text), tongues in zip(letters, spoken, strict=True)])
    wanted = np.array([each.meaning for each, _ in letters])
    fold = np.array([each.fold for each, _ in letters])
    names = list(ngrams.CLASSES)
    phrases = wordings_of_the_rules()
    wordings = (
        rows([(text, (language,)) for language, _, text in phrases]),
        np.array([meaning for _, meaning, _ in phrases]),
    )

    sentences = [
        (number, part)
        for number, (_, text) in enumerate(letters)
        for part in parts_of(without_closing(text))
        if len(ngrams.tokens(part)) >= 3
    ]
    of_letter = np.array([number for number, _ in sentences])
    small = rows([(part, spoken[number]) for number, part in sentences])
    held_parts = np.zeros((len(sentences), len(names)))
    held = np.zeros((len(letters), len(names)))
    for part in range(FOLDS):
        fitted = fit(matrix[fold != part], wanted[fold != part], wordings)
        order = [list(fitted.classes_).index(name) for name in names]
        held[fold == part] = fitted.decision_function(matrix[fold == part])[:, order]
        own = fold[of_letter] == part
        held_parts[own] = fitted.decision_function(small[own])[:, order]
    truth = np.array([names.index(each) for each in wanted])
    temperature = best_temperature(held, truth)
    chances = shares(held, temperature)
    chances_of_parts = shares(held_parts, temperature)
    begins = np.searchsorted(of_letter, np.arange(len(letters) + 1))
    parts_by_letter = [chances_of_parts[begins[at] : begins[at + 1]] for at in range(len(letters))]
    guessed = np.array(names)[held.argmax(axis=1)]
    print(
        f"{len(examples)} messages; held out: accuracy {np.mean(guessed == wanted):.3f}, temperature {temperature}"
    )

    human = np.array([each.meaning != "automatic" for each, _ in letters])
    people = [letter for letter, keep in zip(letters, human, strict=True) if keep]
    parts_of_people = [row for row, keep in zip(parts_by_letter, human, strict=True) if keep]
    stacked, table, meant = second_step(people, chances[human], parts_of_people)
    parts = fold[human]
    second = np.empty(len(people), dtype=object)
    sure = np.zeros(len(people))
    for part in range(FOLDS):
        step = LogisticRegression(C=STACK_STRENGTH, max_iter=2000).fit(
            table[parts != part], meant[parts != part]
        )
        found = step.predict_proba(table[parts == part])
        second[parts == part] = step.classes_[found.argmax(axis=1)]
        sure[parts == part] = found.max(axis=1)
    decided = [_decided(each, text) for each, text in people]
    alone = np.array([intent for intent, _ in decided])
    certain = np.array([confidence >= CERTAIN for _, confidence in decided])
    first = np.array(MEANINGS)[chances[human][:, : len(MEANINGS)].argmax(axis=1)]
    print("macro F1 of people's messages, held out: language, rules, classifier, both")
    tongues = np.array([each.language for each, _ in people])
    for tongue in ["all", *sorted(set(tongues))]:
        own = (tongues == tongue) | (tongue == "all")
        figures = [f1(meant[own], got[own], MEANINGS) for got in (alone, first, second)]
        print(f"  {tongue:4}" + "".join(f"{figure:8.3f}" for figure in figures))
    for name in MEANINGS:
        figures = [f1(meant, got, [name]) for got in (alone, first, second)]
        print(f"  {name:12}" + "".join(f"{figure:8.3f}" for figure in figures))
    print("certain (right/said): the rules alone, and where the classifier agrees")
    for name in MEANINGS:
        line = []
        for said in ((alone == name) & certain, (alone == name) & certain & (first == name)):
            line.append(f"{(meant[said] == name).sum()}/{said.sum()}")
        print(f"  {name:12}", *line)
    print("and where both together are this sure and each by itself agrees: 0.9, 0.93, 0.95, 0.97")
    for name in MEANINGS:
        line = []
        for least in (0.9, 0.93, 0.95, 0.97):
            said = (second == name) & (sure >= least) & (first == name) & (alone == name)
            line.append(f"{(meant[said] == name).sum()}/{said.sum()}")
        print(f"  {name:12}", *line, (meant == name).sum())
    print("precision of both where they are this sure: meaning, from 0.7, 0.8, 0.9, 0.95 (right/said)")
    for name in MEANINGS:
        line = []
        for least in (0.7, 0.8, 0.9, 0.95):
            said = (second == name) & (sure >= least)
            line.append(f"{(meant[said] == name).sum()}/{said.sum()}")
        print(f"  {name:12}", *line)

    final = fit(matrix, wanted, wordings)
    order = [list(stacked.classes_).index(name) for name in MEANINGS]
    stack = {
        "weights": [[float(f"{v:.4f}") for v in row] for row in stacked.coef_[order]],
        "bias": [float(f"{v:.4f}") for v in stacked.intercept_[order]],
    }
    content = encoded(final, temperature, stack, digest(examples, phrases))
    if options.check:
        old, new = ngrams.decode(TARGET.read_bytes()), ngrams.decode(content)
        apart = max(
            abs(a * left - b * right)
            for a, b, lefts, rights in zip(old.scale, new.scale, old.weights, new.weights, strict=True)
            for left, right in zip(lefts, rights, strict=True)
        )
        print(f"the largest difference to the weights that are there: {apart:.4f}")
        return
    TARGET.write_bytes(content)
    print(f"{TARGET}: {len(content)} bytes")


def _decided(each: Example, text: str) -> tuple[str, float]:
    reading, addresses = replies.rules(text, "", each.language)
    intent, confidence = decide(reading, has_address=bool(addresses))
    return intent.value, confidence


if __name__ == "__main__":
    main()
