from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.metrics import evaluate
from app.domain.metrics.costs import CostItem
from app.domain.money import CurrencyMismatch, Money, total

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=6)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_amounts_of_one_currency_are_added_exactly():
    assert eur("0.1") + eur("0.2") == eur("0.3")
    assert eur("0.3") - eur("0.1") == eur("0.2")
    assert eur("2.50").times(3) == eur("7.50")


def test_amounts_of_two_currencies_are_never_added():
    dollars = Money(Decimal(1), "USD")

    for add in (lambda: eur("1") + dollars, lambda: eur("1") - dollars, lambda: total([eur("1"), dollars])):
        with pytest.raises(CurrencyMismatch, match="convert to one currency first"):
            add()


@pytest.mark.parametrize("code", ["eur", "EURO", "E1R", "", "€"])
def test_a_currency_is_an_iso_code(code: str):
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), code)


def test_an_amount_is_finite():
    with pytest.raises(ValueError, match="finite"):
        Money(Decimal("NaN"), "EUR")


def test_the_sum_of_nothing_has_no_currency():
    assert total([]) is None


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_a_total_does_not_depend_on_the_order(amounts: list[Decimal]):
    parts = [Money(amount, "EUR") for amount in amounts]

    assert total(parts) == total(reversed(parts))


def test_development_is_charged_by_participants_when_its_life_is_counted_in_them():
    item = CostItem("development", eur("30000"), used=Decimal(25), lifetime=Decimal(100))

    assert item.charged() == eur("7500")
    assert CostItem("delivery", eur("30000"), used=Decimal(25), lifetime=Decimal(100)).charged() == eur("30000")


def test_the_fully_loaded_cost_is_never_below_the_direct_one_without_proration():
    items = [CostItem("staff", eur("100")), CostItem("travel", eur("40")), CostItem("learner_time", eur("60"))]

    direct, loaded = (evaluate("cost", {"items": items}, {"basis": basis}) for basis in ("direct", "fully_loaded"))

    assert (direct.value, loaded.value) == (Decimal(100), Decimal(200))
    assert [caveat.detail for caveat in direct.caveats] == ["Not in the direct basis: 100 EUR."]


def test_fully_loaded_without_learner_time_says_so():
    figure = evaluate("cost", {"items": [CostItem("staff", eur("100"))]})

    assert [caveat.code for caveat in figure.caveats] == ["no_learner_time"]


@pytest.mark.parametrize("slug", ["bcr", "roi", "net_benefit", "payback"])
@pytest.mark.parametrize("basis", ["direct", "fully_loaded"])
def test_the_cost_basis_is_printed_on_every_ratio(slug: str, basis: str):
    figure = evaluate(slug, {"benefit": eur("200"), "cost": eur("100"), "cost_basis": basis})

    assert figure.basis == basis


def test_a_loss_has_a_negative_return_and_never_pays_back():
    case = {"benefit": eur("-50"), "cost": eur("100"), "cost_basis": "direct"}

    assert evaluate("roi", case).value == -150
    assert evaluate("payback", case).reason == "never: there is no benefit to pay the cost back"


def test_dated_flows_pay_back_when_the_sum_stays_up():
    flows = [
        {"on": date(2026, 1, 1), "amount": eur("-100")},
        {"on": date(2026, 2, 1), "amount": eur("150")},
        {"on": date(2026, 3, 1), "amount": eur("-80")},
        {"on": date(2026, 7, 1), "amount": eur("40")},
    ]

    figure = evaluate("payback", {"flows": flows, "cost_basis": "direct"}, {"method": "dated"})

    assert [caveat.detail for caveat in figure.caveats] == ["Paid back on 2026-07-01."]


def test_a_negative_cost_is_inconsistent():
    figure = evaluate("bcr", {"benefit": eur("5"), "cost": eur("-1"), "cost_basis": "direct"})

    assert (figure.status.value, figure.value) == ("inconsistent", None)


def test_the_better_of_two_initiatives_dominates():
    figure = evaluate(
        "icer",
        {
            "cost_new": eur("90"),
            "cost_old": eur("100"),
            "effect_new": "5",
            "effect_old": "4",
            "cost_basis": "direct",
        },
    )

    assert (figure.value, [caveat.code for caveat in figure.caveats]) == (Decimal(-10), ["dominant"])
