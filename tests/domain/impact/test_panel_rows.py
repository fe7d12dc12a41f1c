"""What would make an estimate wrong is refused, and the fault says where it stands."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.estimate import estimate, estimators
from app.domain.impact.options import Options
from app.domain.impact.panel import Shape
from app.domain.impact.panel_rows import build


def columns(**overrides):
    held = {
        "unit": ["a", "a", "b", "b", "c", "c"],
        "period": [1, 2, 1, 2, 1, 2],
        "outcome": [1.0, 2.0, 1.0, 1.5, 2.0, 2.5],
        "first_exposed": [2, 2, None, None, None, None],
    }
    return held | overrides


def fault(**overrides):
    with pytest.raises(Invalid) as refused:
        build(**columns(**overrides))
    return refused.value.errors[0].code, refused.value.errors[0].pointer


def test_a_sound_panel_keeps_labels_in_order_and_exposure_from_its_start():
    panel = build(**columns(unit=["b", "b", "a", "a", "c", "c"]))

    assert panel.unit_labels == ("a", "b", "c")
    assert panel.period_labels == (1, 2)
    assert panel.first.tolist() == [2, 1, 2]
    assert panel.exposed.tolist() == [0, 1, 0, 0, 0, 0]
    assert panel.wide().tolist() == [[1.0, 1.0, 2.0], [1.5, 2.0, 2.5]]
    assert panel.absorbing


@pytest.mark.parametrize(
    ("overrides", "code", "pointer"),
    [
        ({"outcome": [1.0, float("nan"), 1, 2, 3, 4]}, "not_a_number", "/rows/1/outcome"),
        ({"outcome": [1.0, "many", 1, 2, 3, 4]}, "not_a_number", "/columns/outcome"),
        ({"outcome": [1.0, 0.0, 1, 2, 3, 4], "transform": "log"}, "log_of_nonpositive", "/rows/1/outcome"),
        ({"outcome": [1.0, 1e200, 1, 2, 3, 4]}, "too_large", "/rows/1/outcome"),
        ({"outcome": [3.0] * 6}, "constant_outcome", "/rows"),
        ({"outcome": [None] * 6}, "no_outcome", "/rows"),
        ({"outcome": [1.0, 2.0]}, "ragged_columns", "/columns/unit"),
        ({"transform": "sqrt"}, "unknown_transform", "/transform"),
        ({"period": [1, 1, 1, 2, 1, 2]}, "duplicate_unit_period", "/rows/1/unit"),
        ({"period": [1.5, 2, 1, 2, 1, 2]}, "bad_label", "/columns/period"),
        ({"unit": ["a", "a", 1, 1, 2, 2]}, "bad_label", "/columns/unit"),
        ({"first_exposed": [2, 1, None, None, None, None]}, "first_exposed_varies", "/rows/0/first_exposed"),
        ({"first_exposed": [3, 3, None, None, None, None]}, "none_treated", "/rows"),
        ({"exposure": [0, 1, 0, 0, 0, 1]}, "exposure_contradiction", "/rows/5/exposure"),
        ({"first_exposed": None, "exposure": [0, 1, 0, 0, 0, 2]}, "exposure_not_binary", "/rows/5/exposure"),
        ({"first_exposed": None}, "no_exposure", "/exposure"),
        ({"weights": [1, 1, 1, 1, 1, 0]}, "weight_not_positive", "/rows/5/weights"),
        ({"cluster": ["x", "x", "x", "y", "y", "y"]}, "cluster_varies", "/rows/2/cluster"),
        ({"covariates": {"age": [1, 2, 3, 4, 5, None]}}, "not_a_number", "/rows/5/age"),
        ({"covariates": {"age": [1, 2]}}, "ragged_columns", "/columns/age"),
    ],
)
def test_each_fault_is_named_with_its_place(overrides, code, pointer):
    assert fault(**overrides) == (code, pointer)


def test_no_rows_are_refused():
    with pytest.raises(Invalid) as refused:
        build(outcome=[], exposure=[])
    assert refused.value.errors[0].code == "no_rows"


def test_a_missing_outcome_keeps_the_unit_and_leaves_the_row():
    panel = build(**columns(outcome=[1.0, 2.0, None, None, 2.0, 2.5]))

    assert (panel.n_units, len(panel.outcome)) == (3, 4)
    assert np.isnan(panel.wide()[:, 1]).all()


def test_a_gap_in_a_covariate_matters_only_where_the_outcome_is_known():
    gap = {"outcome": [1.0, 2.0, 1.0, None, 2.0, 2.5], "covariates": {"age": [1, 2, 3, None, 5, 6]}}

    assert build(**columns(**gap)).covariates["age"].tolist() == [1, 2, 3, 5, 6]


def test_zero_means_never_only_where_periods_are_above_zero():
    zero = [2, 2, 0, 0, 0, 0]

    assert build(**columns(first_exposed=zero)).first.tolist() == [1, 2, 2]
    assert build(**columns(first_exposed=zero, period=[-1, 2, -1, 2, -1, 2])).first.tolist() == [1, 1, 1]


def test_a_start_between_periods_counts_from_the_next_one():
    panel = build(**columns(period=[2001, 2005] * 3, first_exposed=[2003, 2003, 2009, 2009, None, None]))

    assert panel.first.tolist() == [1, 2, 2]


def test_text_periods_sort_as_dates():
    panel = build(**columns(period=["2026-02", "2026-10"] * 3, first_exposed=["2026-10", "2026-10", *[""] * 4]))

    assert panel.period_labels == ("2026-02", "2026-10")
    assert panel.first.tolist() == [1, 2, 2]


def test_sparse_labels_are_positions_all_the_same():
    panel = build(**columns(unit=[10**15, 10**15, 7, 7, -3, -3]))

    assert panel.unit_labels == (-3, 7, 10**15)
    assert panel.first.tolist() == [2, 2, 1]


def test_exposure_that_ends_is_kept_and_told():
    panel = build(**columns(first_exposed=None, period=[1, 2] * 3, exposure=[1, 0, 0, 1, 0, 0]))

    assert not panel.absorbing
    with pytest.raises(Invalid, match="first exposed period"):
        estimate(panel, ["did_2x2"])


def test_restricting_periods_moves_the_start_with_them():
    rows = {
        "unit": [1, 1, 1, 2, 2, 2, 3, 3, 3],
        "period": [1, 2, 3] * 3,
        "outcome": [1.0, 2, 3, 1, 2, 4, 2, 2, 1],
        "first_exposed": [2, 2, 2, 3, 3, 3, 0, 0, 0],
    }
    panel = build(**rows)

    assert panel.restrict((1, 2)).first.tolist() == [1, 2, 2]
    assert panel.restrict((1, 3)).first.tolist() == [1, 1, 2]
    assert panel.restrict((3,)).shape is Shape.CROSS_SECTION
    with pytest.raises(Invalid) as refused:
        panel.restrict((1, 9))
    assert refused.value.errors[0].code == "unknown_period"


def test_the_digest_sees_the_data_and_not_their_order():
    held = columns()
    shuffled = {name: [column[at] for at in (3, 0, 5, 2, 4, 1)] for name, column in held.items()}

    assert build(**shuffled).digest() == build(**held).digest()
    assert build(**columns(outcome=[1.0, 2, 1, 1.5, 2, 2.6])).digest() != build(**held).digest()


def test_everyone_exposed_at_once_has_nobody_to_be_compared_with():
    with pytest.raises(Invalid) as refused:
        estimate(build(**columns(first_exposed=[2] * 6)), ["first_difference"])
    assert refused.value.errors[0].code == "all_treated"


def test_one_unit_has_nobody_to_be_compared_with():
    panel = build(unit=[1, 1], period=[1, 2], outcome=[1.0, 2.0], first_exposed=[2, 2])

    with pytest.raises(Invalid) as refused:
        estimate(panel, ["did_2x2"])
    assert refused.value.errors[0].code == "one_unit"


def test_unknown_names_are_answered_with_the_known_ones():
    panel = build(**columns())

    with pytest.raises(Invalid, match="first_difference") as refused:
        estimate(panel, ["first_difference", "magic"])
    assert refused.value.errors[0].pointer == "/estimators/1"
    with pytest.raises(Invalid, match="no covariate 'age'"):
        estimate(panel, ["first_difference"], Options(covariates=("age",)))


def test_every_estimator_is_found_under_its_own_slug():
    assert all(slug == one.slug for slug, one in estimators().items())
    assert [slug for slug, one in estimators().items() if one.descriptive] == ["before_after", "completers_vs_others"]
