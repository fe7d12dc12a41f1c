"""What was passed and what was kept (metrics.md, section 3, level 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, not_applicable, quotient, share
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, by_variant

COUNT = InputType.COUNT
DECIMAL = InputType.DECIMAL
NEVER = "{n} people were never graded; they have neither passed nor failed."


@dataclass(frozen=True, slots=True)
class Recall:
    """Scores of one person right after learning and later; None where there is none."""

    immediate: Decimal | None
    delayed: Decimal | None


def pass_rate_first(*, attempted: int, passed_first: int, never_graded: int) -> Answer:
    """Return the share that passed on the first graded attempt."""
    return _pass_rate(passed_first, attempted, never_graded)


def pass_rate_ever(*, attempted: int, passed_ever: int, never_graded: int) -> Answer:
    """Return the share that passed on any graded attempt."""
    return _pass_rate(passed_ever, attempted, never_graded)


def _pass_rate(passed: int, attempted: int, never_graded: int) -> Answer:
    note = caveat("never_graded", NEVER.format(n=never_graded), when=never_graded)
    if attempted == passed == 0 and never_graded:
        return no_data("nobody has been graded yet").noting(note)
    return share(passed, attempted, people=True).noting(note)


def scaled_score(*, raw: Decimal, minimum: Decimal, maximum: Decimal) -> Answer:
    """Return a raw score as a share of its range."""
    if maximum == minimum:
        return not_applicable("the range of the score has no width")
    if maximum < minimum or not minimum <= raw <= maximum:
        return inconsistent("the raw score lies outside its range; the event belongs into quarantine")
    return quotient(raw - minimum, maximum - minimum)


def retention_of_learning(*, scores: Sequence[Recall]) -> Answer:
    """Return the delayed over the immediate score, as ratio of sums over people with both."""
    pairs = [(each.immediate, each.delayed) for each in scores if each.immediate is not None]
    matched = [(immediate, delayed) for immediate, delayed in pairs if delayed is not None]
    unmatched = len(scores) - len(matched)
    note = caveat("unmatched", f"{unmatched} people have only one of the two scores.", when=unmatched)
    if not matched:
        return no_data("nobody has both scores").noting(note)
    later = sum((delayed for _, delayed in matched), Decimal(0))
    return quotient(later, sum((first for first, _ in matched), Decimal(0)), n_people=len(matched)).noting(note)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="pass_rate",
        definition_version=2,
        title="Pass rate",
        unit="ratio",
        description="How many of those graded passed, on the first attempt or ever.",
        formula="first: |passed on the first graded attempt| / |graded|; ever: |passed on any| / |graded|",
        edge_rules=(
            "Who was never graded has not failed and is not in the denominator.",
            "If nobody has been graded, the figure is no_data.",
            "Completed is not passed.",
            "Distinct people: who is graded in several activities has passed when all of them are passed.",
        ),
        source="Standard",
        standing=Standing.STANDARD,
        variant_parameter="attempt",
        parameters=(
            Parameter("attempt", InputType.CHOICE, "Which attempts count.", default="first", allowed=("first", "ever")),
        ),
        inputs=(
            Input("attempted", COUNT, "People with at least one graded attempt."),
            Input("passed_first", COUNT, "Of these, passed on the first graded attempt.", variant="first"),
            Input("passed_ever", COUNT, "Of these, passed on any graded attempt.", variant="ever"),
            Input("never_graded", COUNT, "People enrolled and never graded.", required=False, default=0),
        ),
        compute=by_variant("attempt", {"first": pass_rate_first, "ever": pass_rate_ever}),
        vectors=(
            Vector(
                "GV-K",
                "a learner who was never graded has not failed",
                {"attempted": 0, "passed_first": 0, "never_graded": 1},
                {"status": "no_data", "value": None, "caveats": ["never_graded"]},
            ),
            Vector(
                "pass-first",
                "12 of 16 graded at once, four never graded",
                {"attempted": 16, "passed_first": 12, "passed_ever": 14, "never_graded": 4},
                {"status": "ok", "value": "0.75", "denominator": "16", "n_people": 16},
            ),
            Vector(
                "pass-ever",
                "14 of 16 in the end",
                {"attempted": 16, "passed_first": 12, "passed_ever": 14},
                {"status": "ok", "value": "0.875"},
                {"attempt": "ever"},
            ),
        ),
    ),
    Metric(
        slug="scaled_score",
        title="Scaled score",
        unit="ratio",
        description="A raw score as a share of its range.",
        formula="(raw - min) / (max - min)",
        edge_rules=("max = min is not_applicable.", "Outside the range is inconsistent and belongs into quarantine."),
        source="xAPI 1.0.3, 4.1.5.1 Score",
        standing=Standing.STANDARD,
        inputs=(
            Input("raw", DECIMAL, "The raw score."),
            Input("minimum", DECIMAL, "Lowest possible score."),
            Input("maximum", DECIMAL, "Highest possible score."),
        ),
        compute=scaled_score,
        vectors=(
            Vector(
                "scaled-ordinary",
                "35 on a scale from 20 to 80",
                {"raw": "35", "minimum": "20", "maximum": "80"},
                {"status": "ok", "value": "0.25"},
            ),
            Vector(
                "scaled-no-range",
                "a scale without width",
                {"raw": "5", "minimum": "5", "maximum": "5"},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "scaled-outside",
                "81 of 80",
                {"raw": "81", "minimum": "0", "maximum": "80"},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="retention_of_learning",
        title="Retention of learning",
        unit="ratio",
        description="How much of the score right after learning is left later.",
        formula="Σ delayed score / Σ immediate score, people with both",
        edge_rules=("Matched people only; the unmatched are counted.", "Immediate scores of 0 in sum: not_applicable."),
        source="Thalheimer, Learning-Transfer Evaluation Model (remembering tiers)",
        standing=Standing.COMMON,
        inputs=(
            Input(
                "scores",
                InputType.RECORDS,
                "One record per person.",
                fields=(
                    Input("immediate", DECIMAL, "Score right after learning.", required=False, low=Decimal(0)),
                    Input("delayed", DECIMAL, "Score later, same scale.", required=False, low=Decimal(0)),
                ),
                make=Recall,
            ),
        ),
        compute=retention_of_learning,
        vectors=(
            Vector(
                "retention-ordinary",
                "80 and 60 become 70 and 42; a third person was not asked again",
                {
                    "scores": [
                        {"immediate": "80", "delayed": "70"},
                        {"immediate": "60", "delayed": "42"},
                        {"immediate": "90"},
                    ]
                },
                {"status": "ok", "value": "0.8", "n_people": 2, "caveats": ["unmatched"]},
            ),
            Vector(
                "retention-unmatched",
                "nobody was asked again",
                {"scores": [{"immediate": "80"}]},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
