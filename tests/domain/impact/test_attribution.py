"""Two initiatives, one outcome: nothing is claimed twice."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.attribution import contaminated, joint_effect, ledger, overlaps, shapley

NEVER = np.nan


def taken_together(seed=1, n=20_000, *, noise=1.0):
    """A brings .3 and B .2, together .1 less than both; who takes A rather takes B too."""
    rng = np.random.default_rng(seed)
    keen = rng.normal(size=n)
    a, b = (((keen + rng.normal(size=n)) > 0.8).astype(float) for _ in range(2))
    outcome = 0.3 * a + 0.2 * b - 0.1 * a * b + noise * rng.normal(size=n)
    truth = float((0.3 * a + 0.2 * b - 0.1 * a * b).sum())
    return outcome, np.column_stack([a, b]), truth


def test_overlapping_starts_within_the_window_are_counted_for_each_side():
    starts = np.array([[3, 4], [3, 9], [5, NEVER], [NEVER, 5], [4, 4], [6, NEVER]])

    found = overlaps(starts, ("a", "b"), window=2)

    assert [(one.initiative, one.other, one.treated, one.both) for one in found] == [("a", "b", 5, 2), ("b", "a", 4, 2)]
    assert [one.share for one in found] == [0.4, 0.5]
    assert all(one.flagged for one in found)


def test_an_overlap_of_a_tenth_is_told_and_not_flagged():
    starts = np.array([[1.0, 1.0]] + [[1.0, NEVER]] * 9)

    [from_a, from_b] = overlaps(starts, ("a", "b"), window=0)

    assert (from_a.share, from_a.flagged) == (0.1, False)
    assert from_b.flagged


def test_initiatives_that_share_nobody_do_not_overlap():
    assert overlaps(np.array([[1.0, NEVER], [NEVER, 1.0]]), ("a", "b"), window=10) == ()


def test_units_leave_the_control_pool_once_another_initiative_reaches_them():
    found = contaminated(np.array([[2.0, NEVER], [NEVER, NEVER], [3.0, 1.0]]), 4)

    assert found.astype(int).tolist() == [[0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]]


def test_separate_analyses_claim_too_much_and_the_joint_model_does_not():
    outcome, exposures, truth = taken_together(noise=0.2)

    found = joint_effect(outcome, exposures, ("a", "b"))

    assert found.overclaimed > 1.15
    assert found.value == pytest.approx(truth, rel=0.03)
    assert found.interval.low <= truth <= found.interval.high
    assert found.interactions == (("a", "b"),)


def test_claims_add_up_to_the_joint_effect():
    outcome, exposures, _ = taken_together(2)

    found = joint_effect(outcome, exposures, ("a", "b"))

    assert sum(claim.value for claim in found.claims) == pytest.approx(found.value, rel=1e-12)
    assert sum(claim.share for claim in found.claims) == pytest.approx(1.0)


def test_each_claim_is_its_own_effect_and_half_of_what_both_did_together():
    outcome, exposures, _ = taken_together(3)
    a, b = exposures.T
    columns = np.column_stack([a, b, a * b, np.ones(len(a))])
    beta = np.linalg.lstsq(columns, outcome, rcond=None)[0]

    first, second = joint_effect(outcome, exposures, ("a", "b")).claims

    assert first.value == pytest.approx(beta[0] * a.sum() + beta[2] * (a * b).sum() / 2)
    assert second.value == pytest.approx(beta[1] * b.sum() + beta[2] * (a * b).sum() / 2)
    assert first.exclusive == pytest.approx(beta[0])


def test_fewer_than_thirty_with_both_get_no_interaction():
    rng = np.random.default_rng(4)
    exposures = np.zeros((300, 2))
    exposures[:100, 0] = exposures[71:171, 1] = 1.0

    assert joint_effect(rng.normal(size=300), exposures, ("a", "b")).interactions == ()

    exposures[70, 1] = 1.0
    assert joint_effect(rng.normal(size=300), exposures, ("a", "b")).interactions == (("a", "b"),)


def test_teams_make_the_claims_less_certain():
    rng = np.random.default_rng(5)
    team = np.repeat(np.arange(100), 10)
    exposures = (rng.random((100, 2)) < 0.4)[team].astype(float)
    outcome = rng.normal(size=100)[team] + rng.normal(size=1000)

    alone, teams = (joint_effect(outcome, exposures, ("a", "b"), clusters=one) for one in (None, team))

    assert teams.value == pytest.approx(alone.value)
    assert teams.standard_error > 2 * alone.standard_error


def test_shapleys_value_of_the_glove_game():
    # one left glove (player 0), two right gloves: a pair is worth 1; Shapley gives 2/3, 1/6, 1/6
    def worth(coalition):
        return np.array([float(0 in coalition and len(coalition) > 1)])

    shares = shapley(worth, 3)

    assert [float(share[0]) for share in shares] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_three_initiatives_split_symmetrically_what_all_bring_alike():
    rng = np.random.default_rng(6)
    exposures = (rng.random((6000, 3)) < 0.5).astype(float)
    outcome = exposures.sum(axis=1) + 0.1 * rng.normal(size=6000)

    found = joint_effect(outcome, exposures, ("a", "b", "c"))

    assert [claim.share for claim in found.claims] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert len(found.interactions) == 3


@pytest.mark.parametrize(
    ("claims", "observed", "share", "over"),
    [
        ({"a": 3.0, "b": 5.0}, 10.0, 0.8, False),
        ({"a": 6.0, "b": 6.0}, 10.0, 1.2, True),
        ({"a": -6.0, "b": -2.0}, -10.0, 0.8, False),
        ({"a": 3.0}, -1.0, -3.0, True),
        ({"a": 3.0}, 0.0, None, True),
        ({"a": 0.0}, 0.0, None, False),
    ],
)
def test_a_ledger_never_adds_up_to_more_than_what_changed(claims, observed, share, over):
    found = ledger(claims, observed)

    assert found.share == (None if share is None else pytest.approx(share))
    assert found.over is over
    assert abs(sum(found.most.values())) <= abs(observed) + 1e-12


@pytest.mark.parametrize(
    ("exposures", "code"),
    [
        (np.zeros((50, 2)), "none_treated"),
        (np.ones((50, 2)), "all_treated"),
        (np.ones((50, 3)), "length_differs"),
        (np.full((50, 2), 0.5), "not_finite"),
        (np.tile([[1.0, 1.0], [0.0, 0.0]], (25, 1)), "collinear_columns"),
    ],
)
def test_initiatives_that_cannot_be_told_apart_are_refused(exposures, code):
    with pytest.raises(Invalid) as refused:
        joint_effect(np.arange(50.0), exposures, ("a", "b"))
    assert refused.value.errors[0].code == code


def test_more_than_twelve_initiatives_and_claims_without_a_number_are_refused():
    rng = np.random.default_rng(7)
    with pytest.raises(Invalid) as many:
        joint_effect(rng.normal(size=90), (rng.random((90, 13)) < 0.5).astype(float), tuple("abcdefghijklm"))
    with pytest.raises(Invalid):
        ledger({"a": float("nan")}, 1.0)

    assert many.value.errors[0].code == "too_many_initiatives"
