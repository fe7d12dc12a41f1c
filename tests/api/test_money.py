"""Cost items and unit values: money is one exact object with its currency."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from app.db import Database
from app.models.money import CostItem
from tests.builders import make
from tests.engines import Organisation


async def test_money_comes_back_exact_in_its_currency(client: httpx.AsyncClient) -> None:
    item = await make(client, "cost-items", cost={"amount": "0.1", "currency": "EUR"})
    large = await make(client, "cost-items", 2, cost={"amount": "9199999999999.999999", "currency": "KRW"})

    assert item["cost"] == {"amount": "0.10", "currency": "EUR"}
    assert (await client.get(f"/v1/cost-items/{large['id']}")).json()["cost"]["amount"] == "9199999999999.999999"
    assert "amount" not in item


async def test_sums_in_the_database_are_exact(acme: Organisation, database: Database) -> None:
    for n, amount in enumerate(["0.1", "0.2", "0.000001"]):
        await make(acme.client, "cost-items", n, cost={"amount": amount, "currency": "EUR"})

    async with database.reading(acme.scope) as session:
        total = await session.scalar(select(func.sum(col(CostItem.amount))))

    assert str(total) == "0.300001"


async def test_a_patch_reaches_into_money(client: httpx.AsyncClient) -> None:
    item = await make(client, "cost-items")
    path = f"/v1/cost-items/{item['id']}"

    amount = await client.patch(path, json={"cost": {"amount": "99.95"}})
    currency = await client.patch(path, json={"cost": {"currency": "CHF"}})
    same = await client.patch(path, json={"cost": {"amount": "99.950"}})

    assert amount.json()["cost"] == {"amount": "99.95", "currency": "EUR"}
    assert currency.json()["cost"] == {"amount": "99.95", "currency": "CHF"}
    assert same.json()["version"] == 3
    for wrong in (
        {"cost": None},
        {"cost": {"amount": None}},
        {"cost": {"amount": "1e30"}},
        {"cost": {"colour": "red"}},
    ):
        assert (await client.patch(path, json=wrong)).status_code == 422, wrong


@pytest.mark.parametrize(
    ("cost", "pointer"),
    [
        ("1234.50", "/cost"),
        ({"amount": "1"}, "/cost/currency"),
        ({"amount": "1", "currency": "eur"}, "/cost/currency"),
        ({"amount": "0.0000001", "currency": "EUR"}, "/cost/amount"),
        ({"amount": "NaN", "currency": "EUR"}, "/cost/amount"),
    ],
)
async def test_what_is_no_money_is_refused_where_it_stands(client: httpx.AsyncClient, cost: Any, pointer: str) -> None:
    initiative = await make(client, "initiatives")
    body = {"initiative_id": initiative["id"], "title": "T", "category": "delivery", "incurred_on": "2026-02-01"}

    refused = await client.post("/v1/cost-items", json=body | {"cost": cost})

    assert (refused.status_code, [fault["pointer"] for fault in refused.json()["errors"]]) == (422, [pointer])


async def test_costs_are_filtered_by_currency_and_sorted_by_amount(client: httpx.AsyncClient) -> None:
    for n, (amount, currency) in enumerate([("9", "EUR"), ("10", "EUR"), ("-1", "EUR"), ("5", "CHF")]):
        await make(client, "cost-items", n, cost={"amount": amount, "currency": currency})

    found = await client.get("/v1/cost-items", params={"currency": "EUR", "sort": "amount"})

    assert [row["cost"]["amount"] for row in found.json()["items"]] == ["-1.00", "9.00", "10.00"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"value": {"amount": "0", "currency": "EUR"}}, "above zero"),
        ({"value": {"amount": "-310", "currency": "EUR"}}, "which way is a gain"),
        ({"valid_to": "2026-01-01"}, "must come after valid_from"),
    ],
)
async def test_a_unit_value_is_above_zero_and_valid_for_a_while(
    client: httpx.AsyncClient, fields: dict[str, Any], says: str
) -> None:
    kpi = await make(client, "kpis")
    body = {
        "kpi_id": kpi["id"],
        "value": {"amount": "310", "currency": "EUR"},
        "basis": "Controlling",
        "valid_from": "2026-01-01",
    }

    refused = await client.post("/v1/unit-values", json=body | fields)

    assert refused.status_code == 422
    assert says in refused.json()["errors"][0]["detail"]


async def test_revenue_is_worth_its_margin_and_says_which(client: httpx.AsyncClient) -> None:
    row = await make(client, "unit-values")
    path = f"/v1/unit-values/{row['id']}"

    unsaid = await client.patch(path, json={"kind": "revenue"})
    said = await client.patch(path, json={"kind": "revenue", "margin_rate": "0.2"})
    both = await client.patch(path, json={"kind": "saving"})

    assert (row["kind"], row["margin_rate"]) == ("margin", None)
    assert (unsaid.status_code, said.status_code, both.status_code) == (422, 200, 422)


async def test_only_development_is_spread_over_a_lifetime(client: httpx.AsyncClient) -> None:
    row = await make(client, "cost-items")
    path = f"/v1/cost-items/{row['id']}"

    wrong = await client.patch(path, json={"used": "1", "lifetime": "3"})
    right = await client.patch(path, json={"category": "development", "used": "1", "lifetime": "3"})
    over = await client.patch(path, json={"used": "4"})

    assert (wrong.status_code, right.status_code, over.status_code) == (422, 200, 422)
