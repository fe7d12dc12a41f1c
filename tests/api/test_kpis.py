"""KPIs: defined once, and kept from meaning something else later."""

import httpx
import pytest

from tests.builders import make


async def test_a_kpi_is_active_until_retired(client: httpx.AsyncClient) -> None:
    kpi = await make(client, "kpis")
    path = f"/v1/kpis/{kpi['id']}"

    assert kpi["status"] == "active"
    assert (kpi["aggregation"], kpi["cadence"], kpi["zone"]) == ("mean", "month", "UTC")
    assert (await client.post(f"{path}/retire")).json()["status"] == "retired"
    assert (await client.post(f"{path}/retire")).json()["version"] == 2
    assert (await client.post(f"{path}/activate")).json()["status"] == "active"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", "better"),
        ("direction", None),
        ("aggregation", "median"),
        ("cadence", "hour"),
        ("zone", "Mars/Base"),
        ("name", "  "),
        ("name", "x" * 201),
        ("unit", ""),
        ("owner_id", "kpi_01h455vb4pex5vsknk084sn02q"),
    ],
)
async def test_a_wrong_definition_is_refused_where_it_stands(
    client: httpx.AsyncClient, field: str, value: str | None
) -> None:
    body = {"name": "Scrap rate", "unit": "%", "direction": "lower_is_better", field: value}

    refused = await client.post("/v1/kpis", json=body)

    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json()["errors"]} == {f"/{field}"}


async def test_what_measurements_were_made_under_cannot_change(client: httpx.AsyncClient) -> None:
    kpi = await make(client, "kpis")
    path = f"/v1/kpis/{kpi['id']}"
    assert (await client.patch(path, json={"aggregation": "sum"})).status_code == 200
    await make(client, "measurements", kpi_id=kpi["id"])

    refused = await client.patch(path, json={"aggregation": "ratio", "zone": "Europe/Vienna"})

    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/aggregation", "/zone"]
    assert (await client.patch(path, json={"name": "Scrap", "unit": "per cent"})).status_code == 200


async def test_a_direction_that_outcomes_contradict_is_refused_and_named(client: httpx.AsyncClient) -> None:
    kpi = await make(client, "kpis", direction="lower_is_better")
    outcome = await make(client, "outcomes", kpi_id=kpi["id"], baseline="4.6", target="3.45")
    path = f"/v1/kpis/{kpi['id']}"

    refused = await client.patch(path, json={"direction": "higher_is_better"})

    assert (refused.status_code, refused.json()["code"]) == (422, "contradictory_target")
    (fault,) = refused.json()["errors"]
    assert (fault["code"], fault["pointer"]) == ("target_against_direction", "/direction")
    assert outcome["id"] in fault["detail"]
    assert (await client.get(path)).json() == kpi
    await client.delete(f"/v1/outcomes/{outcome['id']}")
    assert (await client.patch(path, json={"direction": "higher_is_better"})).status_code == 200
