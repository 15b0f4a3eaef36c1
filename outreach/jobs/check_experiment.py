"""What a check says of the campaign's experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from outreach.campaign.definition import VARIANTS
from outreach.campaign.experiment import clock
from outreach.content.lint import Finding, Severity
from outreach.jobs.prepare_campaign import Prepared, second_of

#: Of a variant: with fewer municipalities a rate of 30 % cannot be told from one of 40 % (5 % level, 80 % power;
#: Fleiss, "Statistical Methods for Rates and Proportions", 2003, without correction for continuity).
ENOUGH = 356


def of_experiment(prepared: Prepared) -> Iterable[Finding]:
    """What each variant is, and how many get it."""
    experiment = prepared.definition.experiment
    if experiment is None:
        return
    where = f"campaigns/{prepared.slug}.toml"
    variants = Counter(prepared.variants.values())
    if experiment.windows:
        texts = [f"goes out from {clock(window)}" for window in experiment.windows]
    else:
        language = prepared.languages[0] if prepared.languages else ""
        mails = (prepared.compiled.get((experiment.step, one)) for one in (language, second_of(language)))
        texts = [f"has the subject “{mail.subject}”" if mail else "has no text yet" for mail in mails]
    shown = "; ".join(
        f"{variant.upper()} {text}: {variants[variant]:,} municipalities"
        for variant, text in zip(VARIANTS, texts, strict=True)
    )
    yield Finding(
        Severity.NOTICE,
        "experiment",
        where,
        f"An experiment with {experiment.step}. {shown}. Chance decides who gets which, and nobody gets both.",
        "The preview shows both; `outreach report --campaign` says what came of it.",
    )
    if min(variants[one] for one in VARIANTS) < ENOUGH:
        yield Finding(
            Severity.WARNING,
            "experiment-small",
            where,
            f"The experiment will hardly tell anything: {len(prepared.variants):,} municipalities are few.",
            f"From about {2 * ENOUGH:,} on, a difference of ten points between two rates shows.",
        )
