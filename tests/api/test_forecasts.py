"""What people say about outcomes besides their target: forecasts and estimates."""

from typing import Any

import httpx
import pytest

from tests.builders import make


async def test_what_was_forecast_cannot_be_changed_afterwards(client: httpx.AsyncClient) -> None:
    row = await make(client, "forecasts")
    path = f"/v1/forecasts/{row['id']}"

    refused = await client.patch(path, json={"high": "9"})
    told = await client.patch(path, json={"actual": "3.7"})

    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/high"]
    assert told.json()["actual"] == "3.7"


@pytest.mark.parametrize("fields", [{"point": "9"}, {"low": "3.7"}, {"for_on": "2026-01-01"}, {"level": "1"}])
async def test_a_forecast_lies_in_its_interval_and_in_the_future(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    outcome = await make(client, "outcomes")
    body = {
        "outcome_id": outcome["id"],
        "made_on": "2026-04-02",
        "for_on": "2026-12-31",
        "point": "3.6",
        "low": "3.2",
        "high": "4.1",
    }

    assert (await client.post("/v1/forecasts", json=body | fields)).status_code == 422


async def test_a_share_is_part_of_all_shares(client: httpx.AsyncClient) -> None:
    row = await make(client, "personal-estimates")

    refused = await client.patch(f"/v1/personal-estimates/{row['id']}", json={"all_shares_rate": "0.3"})
    kept = await client.patch(f"/v1/personal-estimates/{row['id']}", json={"all_shares_rate": "1.2"})

    assert (refused.status_code, kept.status_code) == (422, 200)
