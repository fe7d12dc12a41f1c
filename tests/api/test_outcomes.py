"""Outcomes: contradictions are refused with the sentence that mends them; active needs all that judging needs."""

from typing import Any

import httpx
import pytest

from tests.builders import make


async def _kpi(client: httpx.AsyncClient, direction: str = "lower_is_better", **more: Any) -> str:
    kpi: str = (await make(client, "kpis", direction=direction, **more))["id"]
    return kpi


@pytest.mark.parametrize(
    ("direction", "fields", "code", "pointer", "mends"),
    [
        ("lower_is_better", {"target": "5"}, "target_against_direction", "/target", "choose a target below it"),
        ("higher_is_better", {"target": "4"}, "target_against_direction", "/target", "choose a target above it"),
        ("lower_is_better", {"target": "4.6"}, "target_equals_baseline", "/target", "set target_kind to maintain"),
        (
            "lower_is_better",
            {"target_kind": "relative", "target": "-25"},
            "target_change_not_positive",
            "/target",
            "a number above 0",
        ),
        (
            "lower_is_better",
            {"target_kind": "relative", "target": "25", "baseline": "0"},
            "baseline_zero",
            "/target_kind",
            "points or absolute",
        ),
        (
            "higher_is_better",
            {"target_kind": "points", "target": "0"},
            "target_change_not_positive",
            "/target",
            "a number above 0",
        ),
        (
            "lower_is_better",
            {"target_kind": "maintain", "target": None, "target_low": "5", "target_high": "4"},
            "band_inverted",
            "/target_low",
            "swap its ends",
        ),
        (
            "lower_is_better",
            {"target_kind": "maintain", "target": "4", "target_low": "3"},
            "target_value_unexpected",
            "/target",
            "give target_low, target_high or both",
        ),
        ("lower_is_better", {"target_high": "9"}, "band_unexpected", "/target_high", "set target_kind to maintain"),
        ("lower_is_better", {"due_on": "2026-01-01"}, "window_empty", "/due_on", "move one of them"),
        ("lower_is_better", {"lag_days": 364}, "lag_fills_window", "/lag_days", "shorten the lag below 364 days"),
    ],
)
async def test_a_contradiction_is_refused_with_the_sentence_that_mends_it(
    client: httpx.AsyncClient, direction: str, fields: dict[str, Any], code: str, pointer: str, mends: str
) -> None:
    kpi_id = await _kpi(client, direction)
    objective_id = (await make(client, "objectives"))["id"]
    whole = {"baseline": "4.6", "target": "3.45", "starts_on": "2026-01-01", "due_on": "2026-12-31"}
    body = {"title": "T", "kpi_id": kpi_id, "objective_id": objective_id} | whole | fields

    refused = await client.post("/v1/outcomes", json=body)

    assert (refused.status_code, refused.json()["code"]) == (422, "contradictory_target"), refused.text
    faults = {(fault["code"], fault["pointer"]): fault["detail"] for fault in refused.json()["errors"]}
    assert mends in faults[code, pointer]
    assert "target_value" not in refused.text.replace("target_value_unexpected", "")
    assert refused.json()["type"] == "/v1/problems/contradictory_target"


@pytest.mark.parametrize(
    ("direction", "fields"),
    [
        ("lower_is_better", {"baseline": "60", "target": "45"}),
        ("higher_is_better", {"baseline": "45", "target": "60"}),
        ("lower_is_better", {"target_kind": "relative", "target": "25"}),
        ("higher_is_better", {"target_kind": "points", "target": "5"}),
        ("higher_is_better", {"target_kind": "reach", "baseline": None, "target": "500"}),
        ("lower_is_better", {"target_kind": "maintain", "target": None, "target_high": "4"}),
        ("lower_is_better", {"target_kind": "maintain", "target": None, "baseline": "90", "target_low": "90"}),
        ("lower_is_better", {"lag_days": 363}),
        ("lower_is_better", {"target": None, "baseline": None, "due_on": None}),
    ],
)
async def test_every_kind_of_target_is_taken_in_either_direction(
    client: httpx.AsyncClient, direction: str, fields: dict[str, Any]
) -> None:
    outcome = await make(client, "outcomes", kpi_id=await _kpi(client, direction), **fields)

    assert outcome["status"] == "draft"
    assert {name: outcome[name] for name in fields} == fields


async def test_a_patch_cannot_bring_a_contradiction_in(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes")

    refused = await client.patch(f"/v1/outcomes/{outcome['id']}", json={"baseline": "3"})

    assert refused.status_code == 422
    assert (await client.get(f"/v1/outcomes/{outcome['id']}")).json() == outcome


async def test_a_baseline_is_settled_only_when_there_is_one(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes", baseline=None)
    path = f"/v1/outcomes/{outcome['id']}"

    refused = await client.post(f"{path}/baseline")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_ready")
    assert [fault["code"] for fault in refused.json()["errors"]] == ["baseline_missing"]

    await client.patch(path, json={"baseline": "4.6"})
    assert (await client.post(f"{path}/baseline")).json()["status"] == "baselined"


async def test_active_needs_everything_and_says_all_that_is_missing_at_once(client: httpx.AsyncClient) -> None:
    outcome = await make(client, "outcomes", baseline=None, target=None, due_on=None)
    path = f"/v1/outcomes/{outcome['id']}"

    refused = await client.post(f"{path}/activate")

    assert [fault["code"] for fault in refused.json()["errors"]] == [
        "data_source_missing",
        "baseline_missing",
        "target_missing",
        "date_missing",
        "owner_missing",
    ]
    owner = await make(client, "people")
    await client.patch(path, json={"baseline": "4.6", "target": "3", "due_on": "2026-12-31", "owner_id": owner["id"]})
    await client.patch(f"/v1/kpis/{outcome['kpi_id']}", json={"data_source": "Shift log"})
    activated = await client.post(f"{path}/activate")
    assert (activated.status_code, activated.json()["status"]) == (200, "active")


async def test_an_active_outcome_keeps_what_judging_it_needs(client: httpx.AsyncClient) -> None:
    owner = await make(client, "people")
    outcome = await make(client, "outcomes", owner_id=owner["id"], kpi_id=await _kpi(client, data_source="Log"))
    path = f"/v1/outcomes/{outcome['id']}"
    await client.post(f"{path}/activate")

    for field in ("target", "baseline", "due_on"):
        refused = await client.patch(path, json={field: None})
        assert refused.status_code == 422, field
        assert [fault["pointer"] for fault in refused.json()["errors"]] == [f"/{field}"]


async def test_verdicts_follow_work_and_can_be_reopened(client: httpx.AsyncClient) -> None:
    owner = await make(client, "people")
    outcome = await make(client, "outcomes", owner_id=owner["id"], kpi_id=await _kpi(client, data_source="Log"))
    path = f"/v1/outcomes/{outcome['id']}"

    early = await client.post(f"{path}/meet")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    steps = [("activate", "active"), ("meet", "met"), ("reopen", "active"), ("miss", "not_met"), ("reopen", "active")]
    for verb, status in [*steps, ("set-aside", "not_evaluable")]:
        assert (await client.post(f"{path}/{verb}")).json()["status"] == status, verb
    versions = (await client.get("/v1/changes", params={"limit": 200})).json()["items"]
    assert [entry["type"] for entry in versions if entry["resource_id"] == outcome["id"]][-2:] == [
        "outcome.active",
        "outcome.not_evaluable",
    ]


async def test_an_owner_who_has_left_is_no_owner(client: httpx.AsyncClient) -> None:
    owner = await make(client, "people")
    outcome = await make(client, "outcomes", owner_id=owner["id"], kpi_id=await _kpi(client, data_source="Log"))
    await client.post(f"/v1/people/{owner['id']}/leave")

    refused = await client.post(f"/v1/outcomes/{outcome['id']}/activate")

    assert [fault["code"] for fault in refused.json()["errors"]] == ["owner_left"]
