"""What the estimators of one cross-section refuse, and how they read a panel."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.cross_section import CrossSection, checked, from_panel
from app.domain.impact.design import Assignment, Design
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build

GOOD = CrossSection(
    outcome=np.array([1.0, 2.0, 3.0, 5.0, 4.0, 6.0]),
    exposed=np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
    covariates=np.array([[1.0], [2.0], [2.5], [1.5], [2.0], [3.0]]),
    names=("before",),
)
SLUGS = (
    "difference_in_means",
    "ancova",
    "lin",
    "cuped",
    "ols_adjusted",
    "regression_adjustment",
    "ipw",
    "aipw",
    "entropy_balancing",
)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"outcome": np.array([1.0, np.nan, 3.0, 5.0, 4.0, 6.0])}, "not_finite"),
        ({"outcome": np.array([1.0, np.inf, 3.0, 5.0, 4.0, 6.0])}, "not_finite"),
        ({"outcome": np.ones(6)}, "constant_outcome"),
        ({"exposed": np.ones(6)}, "all_treated"),
        ({"exposed": np.zeros(6)}, "none_treated"),
        ({"exposed": np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])}, "too_few_units"),
        ({"exposed": np.array([0.0, 0.0, 0.0, 0.5, 1.0, 1.0])}, "not_binary"),
        ({"covariates": np.array([[1.0], [2.0], [np.nan], [1.5], [2.0], [3.0]])}, "not_finite"),
        ({"weights": np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])}, "weights_not_positive"),
        ({"clusters": np.arange(5)}, "length_differs"),
        ({"covariates": np.ones((5, 1))}, "length_differs"),
    ],
)
def test_data_that_allow_no_comparison_are_refused_with_a_code(changed, code):
    with pytest.raises(Invalid) as refused:
        checked(replace(GOOD, **changed))

    assert code in [fault.code for fault in refused.value.errors]


def test_one_unit_is_refused():
    one = CrossSection(outcome=np.ones(1), exposed=np.ones(1))

    with pytest.raises(Invalid, match="nobody to compare with"):
        checked(one)


def test_good_data_pass_unchanged():
    assert checked(GOOD) is GOOD


@pytest.mark.parametrize("slug", SLUGS)
def test_every_estimator_refuses_when_everybody_is_exposed(slug):
    panel = build(outcome=[1.0, 2.0, 3.0], exposure=[1, 1, 1], covariates={"x": [1.0, 2.0, 4.0]})

    with pytest.raises(Invalid) as refused:
        estimate(panel, [slug], Options(covariates=("x",)))
    assert refused.value.errors[0].code == "all_treated"


def test_an_unknown_covariate_is_named():
    with pytest.raises(Invalid) as refused:
        GOOD.without("height")

    assert refused.value.errors[0].detail == "height"


def test_a_panel_is_collapsed_to_the_mean_since_exposure_with_the_mean_before_as_baseline():
    panel = build(
        unit=["a", "a", "a", "b", "b", "b", "c", "c", "c"],
        period=[1, 2, 3] * 3,
        outcome=[1.0, 4.0, 6.0, 2.0, 3.0, 3.0, 5.0, 5.0, 7.0],
        exposure=[0, 1, 1, 0, 0, 0, 0, 0, 0],
        design=Design(assignment=Assignment.RANDOM),
    )

    data, used = from_panel(panel, Options())

    assert data.outcome.tolist() == [5.0, 3.0, 6.0]
    assert data.covariate("outcome_before").tolist() == [1.0, 2.0, 5.0]
    assert data.exposed.tolist() == [1.0, 0.0, 0.0]
    assert data.baseline == "outcome_before"
    assert data.randomised
    assert used.all()


def test_a_unit_without_an_outcome_since_exposure_is_left_out():
    panel = build(
        unit=["a", "a", "b", "b", "c", "c", "d", "d"],
        period=[1, 2] * 4,
        outcome=[1.0, 4.0, 2.0, 3.0, 5.0, None, 6.0, 6.5],
        first_exposed=[2, 2, None, None, None, None, None, None],
    )

    data, used = from_panel(panel, Options())

    assert data.outcome.tolist() == [4.0, 3.0, 6.5]
    assert used.tolist() == [True, True, False, True]


def test_a_staggered_start_is_sent_to_the_estimator_that_can():
    panel = build(
        unit=["a", "a", "a", "b", "b", "b", "c", "c", "c"],
        period=[1, 2, 3] * 3,
        outcome=[float(value) for value in range(9)],
        exposure=[0, 1, 1, 0, 0, 1, 0, 0, 0],
    )

    with pytest.raises(Invalid, match="callaway_santanna"):
        estimate(panel, ["ancova"])


def test_the_baseline_named_in_the_options_becomes_a_covariate():
    panel = build(
        outcome=GOOD.outcome.tolist(),
        exposure=GOOD.exposed.tolist(),
        covariates={"before": GOOD.covariates[:, 0].tolist()},
    )

    data, _ = from_panel(panel, Options(baseline="before"))

    assert data.names == ("before",)
    assert data.baseline == "before"
