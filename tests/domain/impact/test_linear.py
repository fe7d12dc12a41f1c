"""Least squares against hand-worked and published numbers."""

import numpy as np
import pytest

from app.domain.errors import Invalid
from app.domain.impact.linear import (
    chi2_upper,
    collinear,
    f_upper,
    interval_around,
    least_squares,
    normal_quantile,
    t_quantile,
    t_two_sided,
)
from app.domain.impact.result import StandardErrorKind as Kind

Y = np.array([1.0, 3.0, 2.0, 6.0])
X = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])


def test_a_dummy_regression_is_the_difference_in_means():
    fit = least_squares(Y, X, ["constant", "treated"])

    assert fit.beta == pytest.approx([2.0, 2.0])
    assert fit.r_squared == pytest.approx(1 - 10 / 14)


def test_hc2_of_a_dummy_is_neymans_variance_and_classical_pools():
    fit = least_squares(Y, X, ["constant", "treated"])

    # sample variances 2 and 8, two observations each
    assert fit.standard_error("treated", Kind.HC2) == pytest.approx(np.sqrt(2 / 2 + 8 / 2))
    assert fit.standard_error("treated", Kind.CLASSICAL) == pytest.approx(np.sqrt(5 * (1 / 2 + 1 / 2)))
    # HC1: sums of squared residuals 2 and 8 over n squared, times n / (n - k)
    assert fit.standard_error("treated", Kind.HC1) == pytest.approx(np.sqrt((2 / 4 + 8 / 4) * 4 / 2))


def test_clusters_of_single_observations_are_hc1():
    fit = least_squares(Y, X, ["constant", "treated"])

    # G/(G-1) * (n-1)/(n-k) = n/(n-k) when every observation is its own cluster
    assert fit.covariance(Kind.CLUSTER, [1, 2, 3, 4]) == pytest.approx(fit.covariance(Kind.HC1))
    assert fit.df(Kind.CLUSTER, ["a", "a", "b", "b"]) == 1.0


def test_whole_number_weights_equal_repeated_observations():
    fit = least_squares(Y, X, ["constant", "treated"], weights=[1, 2, 1, 3])
    repeated = np.repeat(np.arange(4), [1, 2, 1, 3])

    assert fit.beta == pytest.approx(least_squares(Y[repeated], X[repeated], ["constant", "treated"]).beta)


def test_an_observation_with_full_leverage_does_not_break_hc2():
    x = np.column_stack([np.ones(4), [0.0, 0.0, 0.0, 1.0]])
    fit = least_squares(Y, x, ["constant", "alone"])

    assert np.isfinite(fit.covariance(Kind.HC2)).all()


def test_collinear_columns_are_named():
    x = np.column_stack([X, X[:, 1] * 2 + 1])

    with pytest.raises(Invalid, match="twice") as refused:
        least_squares(Y, x, ["constant", "treated", "twice"])
    assert refused.value.errors[0].code == "collinear_columns"
    assert collinear(X) == []


def test_calendar_years_beside_a_constant_are_not_taken_for_collinear():
    years = np.arange(2003.0, 2008.0)

    assert collinear(np.column_stack([np.ones(5), years, years**2])) == []


def test_no_degrees_of_freedom_is_refused():
    fit = least_squares(Y[:2], [[1.0, 0.0], [1.0, 1.0]], ["constant", "treated"])

    with pytest.raises(Invalid) as refused:
        fit.covariance(Kind.CLASSICAL)
    assert refused.value.errors[0].code == "no_degrees_of_freedom"


def test_one_cluster_is_refused():
    fit = least_squares(Y, X, ["constant", "treated"])

    with pytest.raises(Invalid) as refused:
        fit.covariance(Kind.CLUSTER, ["a"] * 4)
    assert refused.value.errors[0].code == "one_cluster"


def test_reference_distributions_match_the_tables():
    assert normal_quantile(0.975) == pytest.approx(1.959964, abs=1e-6)
    assert t_quantile(0.975, 10) == pytest.approx(2.228139, abs=1e-6)
    assert t_two_sided(2.228139, 10) == pytest.approx(0.05, abs=1e-6)
    assert chi2_upper(3.841459, 1) == pytest.approx(0.05, abs=1e-6)
    assert f_upper(3.325835, 5, 10) == pytest.approx(0.05, abs=1e-6)


def test_the_table_carries_t_p_and_interval():
    row = least_squares(Y, X, ["constant", "treated"]).table(Kind.CLASSICAL)[1]

    error = np.sqrt(5.0)
    assert (row.value, row.standard_error) == (pytest.approx(2.0), pytest.approx(error))
    assert row.p_value == pytest.approx(t_two_sided(2 / error, 2))
    assert row.interval == interval_around(row.value, row.standard_error, df=2.0, level=0.95)
