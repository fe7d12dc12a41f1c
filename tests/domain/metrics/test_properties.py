"""What holds for all inputs, not only for the vectors."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.figure import Status, arithmetic, rounded
from app.domain.metrics import evaluate
from app.domain.metrics.comparisons import pooled

KPI = st.decimals(min_value=-10_000, max_value=10_000, places=3)
AMOUNT = st.decimals(min_value=-1_000_000, max_value=1_000_000, places=2)
COST = st.decimals(min_value=Decimal("0.01"), max_value=1_000_000, places=2)
PARTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), min_size=1, max_size=8)


def value(slug: str, inputs: dict[str, Any], **parameters: Any) -> Decimal:
    figure = evaluate(slug, inputs, parameters)
    assert isinstance(figure.value, Decimal), figure.reason
    return figure.value


def eur(amount: Decimal) -> dict[str, str]:
    return {"amount": str(amount), "currency": "EUR"}


@given(KPI, KPI, KPI)
def test_progress_is_the_same_for_a_kpi_and_its_mirror_image(baseline: Decimal, target: Decimal, current: Decimal):
    assume(baseline != target)

    upright = value("progress", {"baseline": baseline, "target": target, "current": current})
    mirrored = value("progress", {"baseline": -baseline, "target": -target, "current": -current})

    assert upright == mirrored


@given(KPI, KPI)
def test_improvement_mirrors_with_direction(baseline: Decimal, current: Decimal):
    higher = {"direction": "higher_is_better", "baseline": baseline, "current": current}
    lower = {"direction": "lower_is_better", "baseline": -baseline, "current": -current}

    assert value("improvement_abs", higher) == value("improvement_abs", lower)
    assert value("improvement_abs", higher) == -value("improvement_abs", {**higher, "direction": "lower_is_better"})


@given(KPI, KPI, st.decimals(min_value=-5, max_value=5, places=3))
def test_progress_is_never_clamped(baseline: Decimal, target: Decimal, share: Decimal):
    assume(baseline != target)
    current = baseline + share * (target - baseline)

    assert value("progress", {"baseline": baseline, "target": target, "current": current}) == share


@given(AMOUNT, COST)
def test_roi_is_bcr_minus_one_in_percent(benefit: Decimal, cost: Decimal):
    case = {"benefit": eur(benefit), "cost": eur(cost), "cost_basis": "direct"}
    with arithmetic():
        bcr = benefit / cost

        expected = rounded((bcr - 1) * 100)

    assert value("roi", case) == expected
    assert value("bcr", case) == rounded(bcr)
    assert value("net_benefit", case) == benefit - cost


@given(PARTS)
def test_counts_add_up_over_segments_and_the_ratio_is_that_of_the_sums(parts: list[list[int]]):
    segments = [evaluate("participation_rate", {"audience": n, "started_in_audience": k}) for k, n in parts]
    whole = evaluate(
        "participation_rate",
        {"audience": sum(n for _, n in parts), "started_in_audience": sum(k for k, _ in parts)},
    )

    together = pooled(segments)

    assert (together.status, together.value) == (whole.status, whole.value)
    assert (together.numerator, together.denominator) == (whole.numerator, whole.denominator)
    assert (together.n_people, together.interval) == (whole.n_people, whole.interval)


@given(st.integers(0, 500), st.integers(0, 500))
def test_no_rate_of_a_part_leaves_zero_to_one(part: int, whole: int):
    figure = evaluate("completion_rate", {"audience": whole, "completed_in_audience": part})

    if whole == 0:
        assert figure.status is (Status.INCONSISTENT if part else Status.NOT_APPLICABLE)
    elif part > whole:
        assert figure.status is Status.INCONSISTENT
    else:
        assert isinstance(figure.value, Decimal)
        assert 0 <= figure.value <= 1
        assert figure.interval is not None
        assert figure.interval.low <= figure.value <= figure.interval.high


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60))
def test_the_net_promoter_score_mirrors_and_stays_within_its_interval(scores: list[int]):
    figure = evaluate("learning_nps", {"scores": [{"score": score} for score in scores]})

    promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
    assert figure.value == rounded(Decimal(100 * (promoters - detractors)) / len(scores))
    if figure.interval:
        assert -100 <= figure.interval.low <= figure.value <= figure.interval.high <= 100


@given(st.permutations(range(6)))
def test_the_order_of_records_does_not_matter(order: list[int]):
    spells = [{"days": str(10 + index), "outcome": "open" if index == 3 else "completed"} for index in range(6)]
    points = [{"on": f"2026-0{index + 1}-01", "value": str(60 - index * index)} for index in range(6)]
    window = {"start_on": "2026-01-01", "due_on": "2026-12-31"}

    shuffled_spells = {"durations": [spells[index] for index in order]}
    shuffled_points = {"points": [points[index] for index in order], **window}

    assert evaluate("time_to_complete", shuffled_spells) == evaluate("time_to_complete", {"durations": spells})
    assert evaluate("forecast_at_due", shuffled_points) == evaluate("forecast_at_due", {"points": points, **window})


@given(st.lists(st.tuples(KPI, st.decimals(min_value=0, max_value=9, places=2)), min_size=1, max_size=6))
def test_a_roll_up_lies_between_its_clamped_worst_and_best_child(children: list[tuple[Decimal, Decimal]]):
    rows = [{"name": f"c{i}", "progress": p, "weight": w} for i, (p, w) in enumerate(children)]

    figure = evaluate("objective_progress", {"children": rows})

    if sum(weight for _, weight in children) == 0:
        assert figure.status is Status.NOT_APPLICABLE
    else:
        clamped = [min(max(p, Decimal(0)), Decimal(1)) for p, w in children if w > 0]
        assert isinstance(figure.value, Decimal)
        assert min(clamped) <= figure.value <= max(clamped)
