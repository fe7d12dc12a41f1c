"""From before to after a course, matched people (metrics.md, section 3). Same data, different names: see GV-I."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat
from app.domain.metrics.answers import Answer, caveat, inconsistent, insufficient, no_data, not_applicable, quotient
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, by_variant
from app.domain.metrics.intervals import mean_interval

DECIMAL = InputType.DECIMAL
ZERO = Decimal(0)
SMALLEST_GROUP = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Scores of one person before and after; None where there is none."""

    pre: Decimal | None
    post: Decimal | None


Matched = list[tuple[Decimal, Decimal]]


def _matched(pairs: Sequence[Pair]) -> tuple[Matched, Caveat | None]:
    matched = [(pair.pre, pair.post) for pair in pairs if pair.pre is not None and pair.post is not None]
    left = len(pairs) - len(matched)
    return matched, caveat("unmatched", f"{left} people have only one of the two scores; they are left out.", when=left)


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, ZERO) / len(values)


def _mean_of_people(values: Sequence[Decimal], *notes: Caveat | None) -> Answer:
    return Answer(value=_mean(values), n_people=len(values), interval=mean_interval(values)).noting(*notes)


def score_gain(*, pairs: Sequence[Pair]) -> Answer:
    """Return the mean difference of post and pre score in points."""
    matched, note = _matched(pairs)
    if not matched:
        return no_data("nobody has both scores").noting(note)
    return _mean_of_people([post - pre for pre, post in matched], note)


def gain_of_class(*, max_score: Decimal, pairs: Sequence[Pair]) -> Answer:
    """Return Hake's gain: the gain of the means over what the mean could still gain."""
    matched, note = _matched(pairs)
    if problem := _outside(matched, max_score):
        return problem.noting(note)
    pre, post = _mean([pre for pre, _ in matched]), _mean([post for _, post in matched])
    if pre == max_score:
        return not_applicable("everybody began with the highest score: nothing could be gained").noting(note)
    return quotient(post - pre, max_score - pre, n_people=len(matched)).noting(note)


def gain_of_individuals(*, max_score: Decimal, pairs: Sequence[Pair]) -> Answer:
    """Return the mean of everyone's own gain; it explodes near the highest score."""
    matched, note = _matched(pairs)
    if problem := _outside(matched, max_score):
        return problem.noting(note)
    gains = [(post - pre) / (max_score - pre) for pre, post in matched if pre != max_score]
    dropped = len(matched) - len(gains)
    top = caveat("began_at_top", f"{dropped} people began with the highest score; they are dropped.", when=dropped)
    if not gains:
        return not_applicable("everybody began with the highest score: nothing could be gained").noting(note, top)
    unstable = Caveat("unstable_near_top", "One person near the highest score can outweigh all others.")
    return _mean_of_people(gains, unstable, note, top)


def normalised_change(*, max_score: Decimal, pairs: Sequence[Pair]) -> Answer:
    """Return the mean normalised change of Marx and Cummings."""
    matched, note = _matched(pairs)
    if problem := _outside(matched, max_score):
        return problem.noting(note)
    changes = [_change(pre, post, max_score) for pre, post in matched if pre != post or ZERO < pre < max_score]
    dropped = len(matched) - len(changes)
    stuck = caveat("at_the_ends", f"{dropped} people stayed at an end of the scale; they are dropped.", when=dropped)
    if not changes:
        return not_applicable("everybody stayed at an end of the scale").noting(note, stuck)
    return _mean_of_people(changes, note, stuck)


def _change(pre: Decimal, post: Decimal, top: Decimal) -> Decimal:
    if post == pre:
        return ZERO
    return (post - pre) / (top - pre if post > pre else pre)


def _outside(matched: Matched, top: Decimal) -> Answer | None:
    if not matched:
        return no_data("nobody has both scores")
    if any(not ZERO <= score <= top for pair in matched for score in pair):
        return inconsistent(f"a score lies outside 0 to {top}; set max_score or quarantine it")
    return None


def effect_size(*, correction: str, pre: Sequence[Decimal], post: Sequence[Decimal]) -> Answer:
    """Return the difference of means in pooled standard deviations."""
    if min(len(pre), len(post)) < SMALLEST_GROUP:
        return insufficient("each group needs two scores or more to have a spread")
    freedom = len(pre) + len(post) - 2
    squares = sum(((score - _mean(group)) ** 2 for group in (pre, post) for score in group), ZERO)
    if squares == 0:
        return not_applicable("the scores do not vary: there is no standard deviation to measure by")
    size = (_mean(post) - _mean(pre)) / (squares / freedom).sqrt()
    if correction == "hedges":
        size *= 1 - Decimal(3) / (4 * freedom - 1)
    return Answer(value=size, basis="hedges_g" if correction == "hedges" else "cohens_d")


PAIRS = Input(
    "pairs",
    InputType.RECORDS,
    "One record per person.",
    fields=(
        Input("pre", DECIMAL, "Score before.", required=False),
        Input("post", DECIMAL, "Score after, same scale.", required=False),
    ),
    make=Pair,
)
MAX_SCORE = Parameter("max_score", DECIMAL, "Highest score of the scale; the lowest is 0.", default=Decimal(100))
GV_I = {"pairs": [{"pre": "20", "post": "60"}, {"pre": "95", "post": "90"}]}
HALF_A_PAIR = {"pairs": [{"pre": "20"}]}
NO_DATA = {"status": "no_data", "value": None}

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="score_gain",
        title="Score gain",
        unit="points",
        description="Mean difference between the scores after and before.",
        formula="mean(post - pre), matched people",
        edge_rules=("Matched people only; the unmatched are counted.", "Equal gains of all give no interval."),
        source="Standard",
        standing=Standing.STANDARD,
        inputs=(PAIRS,),
        compute=score_gain,
        vectors=(
            Vector(
                "gain-ordinary",
                "gains of 10, 20 and 30: 20, give or take 24.8",
                {
                    "pairs": [
                        {"pre": "50", "post": "60"},
                        {"pre": "50", "post": "70"},
                        {"pre": "40", "post": "70"},
                        {"post": "99"},
                    ]
                },
                {
                    "status": "ok",
                    "value": "20",
                    "unit": "points",
                    "n_people": 3,
                    "interval": {"low": "-4.841377", "high": "44.841377", "level": "0.95", "method": "student_t"},
                    "caveats": ["unmatched"],
                },
            ),
            Vector(
                "gain-no-variance",
                "two equal gains: a mean without an interval",
                {"pairs": [{"pre": "50", "post": "60"}, {"pre": "60", "post": "70"}]},
                {"status": "ok", "value": "10", "interval": None},
            ),
            Vector("gain-unmatched", "nobody has both", HALF_A_PAIR, NO_DATA),
        ),
    ),
    Metric(
        slug="normalised_gain",
        title="Normalised gain",
        unit="ratio",
        description="How much of what could still be gained was gained, by the class or as mean of individuals.",
        formula="class: (⟨post⟩ - ⟨pre⟩) / (max - ⟨pre⟩); individual: mean of (post - pre) / (max - pre)",
        edge_rules=(
            "Matched people only.",
            "A mean before of max is not_applicable (class); people beginning at max are dropped (individual).",
            "The individual mean explodes near the top; normalised_change is its repair.",
        ),
        source="Hake 1998, American Journal of Physics 66",
        standing=Standing.STANDARD,
        variant_parameter="level",
        parameters=(
            Parameter("level", InputType.CHOICE, "Whose gain.", default="class", allowed=("class", "individual")),
            MAX_SCORE,
        ),
        inputs=(PAIRS,),
        compute=by_variant("level", {"class": gain_of_class, "individual": gain_of_individuals}),
        vectors=(
            Vector("GV-I-class", "two learners, 20/60 and 95/90", GV_I, {"status": "ok", "value": "0.411765"}),
            Vector(
                "GV-I-individual",
                "the same data with the opposite sign",
                GV_I,
                {"status": "ok", "value": "-0.25", "caveats": ["unstable_near_top"]},
                {"level": "individual"},
            ),
            Vector(
                "hake-top",
                "everybody began with 100",
                {"pairs": [{"pre": "100", "post": "100"}]},
                {"status": "not_applicable", "value": None},
            ),
            Vector("hake-unmatched", "nobody has both", HALF_A_PAIR, NO_DATA),
        ),
    ),
    Metric(
        slug="normalised_change",
        title="Normalised change",
        unit="ratio",
        description="Mean over individuals of the gain over what could be gained, or the loss over what could be lost.",
        formula="mean of (post - pre)/(max - pre) if a gain, (post - pre)/pre if a loss, 0 if equal between the ends",
        edge_rules=("Matched people only.", "Who stayed at 0 or at max is dropped and counted."),
        source="Marx and Cummings 2007, American Journal of Physics 75",
        standing=Standing.STANDARD,
        parameters=(MAX_SCORE,),
        inputs=(PAIRS,),
        compute=normalised_change,
        vectors=(
            Vector(
                "change-ordinary",
                "20 to 60 gains a half, 95 to 90 loses a nineteenth",
                GV_I,
                {"status": "ok", "value": "0.223684", "n_people": 2},
            ),
            Vector(
                "change-ends",
                "one stays at 100, one at 70",
                {"pairs": [{"pre": "100", "post": "100"}, {"pre": "70", "post": "70"}]},
                {"status": "ok", "value": "0", "n_people": 1, "caveats": ["at_the_ends"]},
            ),
        ),
    ),
    Metric(
        slug="effect_size",
        title="Effect size",
        unit="standard_deviations",
        description="Difference of the means after and before, in pooled standard deviations.",
        formula="(mean post - mean pre) / s, s² = squares in groups / f, f = n₁ + n₂ - 2; hedges: · (1 - 3/(4f - 1))",
        edge_rules=(
            "Scores without variance are not_applicable.",
            "Fewer than two scores in a group are insufficient.",
            "Hedges' correction for small samples by default.",
        ),
        source="Cohen 1988; Hedges 1981",
        standing=Standing.STANDARD,
        parameters=(
            Parameter(
                "correction", InputType.CHOICE, "For small samples.", default="hedges", allowed=("hedges", "none")
            ),
        ),
        inputs=(
            Input("pre", InputType.DECIMALS, "Scores before."),
            Input("post", InputType.DECIMALS, "Scores after."),
        ),
        compute=effect_size,
        vectors=(
            Vector(
                "effect-size-d",
                "means 2 and 4, standard deviation 1",
                {"pre": ["1", "2", "3"], "post": ["3", "4", "5"]},
                {"status": "ok", "value": "2", "basis": "cohens_d"},
                {"correction": "none"},
            ),
            Vector(
                "effect-size-g",
                "the same, corrected for six scores: · 4/5",
                {"pre": ["1", "2", "3"], "post": ["3", "4", "5"]},
                {"status": "ok", "value": "1.6", "basis": "hedges_g"},
            ),
            Vector(
                "effect-size-no-variance",
                "zero-variance scores",
                {"pre": ["2", "2"], "post": ["4", "4"]},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
)
