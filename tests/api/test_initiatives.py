"""Initiatives, alignments and agreements: nothing runs that could never be judged."""

from typing import Any

import httpx
import pytest

from tests.builders import make


async def _judged(client: httpx.AsyncClient, **overrides: Any) -> dict[str, Any]:
    """An outcome with all that judging needs, but for `overrides`."""
    kpi = await make(client, "kpis", data_source="Shift log")
    owner = await make(client, "people")
    return await make(client, "outcomes", **({"kpi_id": kpi["id"], "owner_id": owner["id"]} | overrides))


async def test_an_initiative_starts_only_when_tied_to_an_outcome_that_can_be_judged(client: httpx.AsyncClient) -> None:
    initiative = await make(client, "initiatives")
    path = f"/v1/initiatives/{initiative['id']}"

    alone = await client.post(f"{path}/start")
    assert (alone.status_code, alone.json()["code"]) == (409, "not_ready")
    assert [fault["code"] for fault in alone.json()["errors"]] == ["alignment_missing"]

    bare = await make(client, "outcomes", baseline=None, target=None, due_on=None)
    await make(client, "alignments", initiative_id=initiative["id"], outcome_id=bare["id"])
    vague = await client.post(f"{path}/start")
    assert vague.status_code == 409
    assert [fault["code"] for fault in vague.json()["errors"]] == [
        "data_source_missing",
        "baseline_missing",
        "target_missing",
        "date_missing",
        "owner_missing",
    ]
    assert all(bare["id"] in fault["detail"] or bare["kpi_id"] in fault["detail"] for fault in vague.json()["errors"])
    assert (await client.get(path)).json() == initiative

    whole = await _judged(client)
    await make(client, "alignments", initiative_id=initiative["id"], outcome_id=whole["id"])
    started = await client.post(f"{path}/start")
    assert (started.status_code, started.json()["status"]) == (200, "running")


async def test_a_measured_kpi_has_a_source_of_data(client: httpx.AsyncClient) -> None:
    kpi = await make(client, "kpis")
    outcome = await _judged(client, kpi_id=kpi["id"])
    alignment = await make(client, "alignments", outcome_id=outcome["id"])
    path = f"/v1/initiatives/{alignment['initiative_id']}/start"

    assert [fault["code"] for fault in (await client.post(path)).json()["errors"]] == ["data_source_missing"]
    await make(client, "measurements", kpi_id=kpi["id"])
    assert (await client.post(path)).status_code == 200


@pytest.mark.parametrize("way", ["ended", "archived", "outcome archived", "outcome set aside"])
async def test_a_dead_link_ties_to_nothing(client: httpx.AsyncClient, way: str) -> None:
    outcome = await _judged(client)
    alignment = await make(client, "alignments", outcome_id=outcome["id"])
    if way == "ended":
        await client.post(f"/v1/alignments/{alignment['id']}/end")
    elif way == "archived":
        await client.delete(f"/v1/alignments/{alignment['id']}")
    elif way == "outcome archived":
        await client.delete(f"/v1/outcomes/{outcome['id']}")
    else:
        await client.post(f"/v1/outcomes/{outcome['id']}/set-aside")

    refused = await client.post(f"/v1/initiatives/{alignment['initiative_id']}/start")

    assert [fault["code"] for fault in refused.json()["errors"]] == ["alignment_missing"]


async def test_a_retired_kpi_ties_to_nothing(client: httpx.AsyncClient) -> None:
    outcome = await _judged(client)
    alignment = await make(client, "alignments", outcome_id=outcome["id"])
    await client.post(f"/v1/kpis/{outcome['kpi_id']}/retire")

    refused = await client.post(f"/v1/initiatives/{alignment['initiative_id']}/start")

    assert [fault["code"] for fault in refused.json()["errors"]] == ["kpi_not_in_use"]


async def test_an_initiative_goes_through_its_states(client: httpx.AsyncClient) -> None:
    outcome = await _judged(client)
    alignment = await make(client, "alignments", outcome_id=outcome["id"])
    path = f"/v1/initiatives/{alignment['initiative_id']}"

    assert (await client.post(f"{path}/close")).json()["code"] == "wrong_state"
    for verb, status in (
        ("align", "aligned"),
        ("prepare", "ready"),
        ("start", "running"),
        ("close", "closed"),
        ("evaluate", "evaluated"),
        ("sustain", "sustained"),
        ("revise", "revised"),
        ("start", "running"),
        ("retire", "retired"),
    ):
        answer = await client.post(f"{path}/{verb}")
        assert answer.json()["status"] == status, answer.text
    assert (await client.post(f"{path}/start")).status_code == 409


async def test_dates_that_run_backward_are_refused(client: httpx.AsyncClient) -> None:
    for noun, body in (
        ("initiatives", {"title": "T", "starts_on": "2026-02-01", "ends_on": "2026-01-31"}),
        ("objectives", {"title": "T", "period_start": "2026-02-01", "period_end": "2026-02-01"}),
        ("people", {"joined_on": "2026-02-01", "left_on": "2026-02-01"}),
    ):
        assert (await client.post(f"/v1/{noun}", json=body)).status_code == 422
    alignment = await make(client, "alignments")
    path = f"/v1/alignments/{alignment['id']}"
    assert (await client.patch(path, json={"valid_from": "2026-02-01"})).status_code == 200
    assert (await client.patch(path, json={"valid_to": "2026-02-01"})).status_code == 422


async def test_an_initiative_is_aligned_to_an_outcome_once(client: httpx.AsyncClient) -> None:
    alignment = await make(client, "alignments")
    pair = {name: alignment[name] for name in ("initiative_id", "outcome_id")}

    again = await client.post("/v1/alignments", json=pair)

    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    other = await make(client, "outcomes", 7)
    moved = await client.patch(f"/v1/alignments/{alignment['id']}", json={"outcome_id": other["id"]})
    assert [fault["code"] for fault in moved.json()["errors"]] == ["fixed"]


async def test_an_alignment_is_agreed_lapses_and_ends(client: httpx.AsyncClient) -> None:
    path = f"/v1/alignments/{(await make(client, 'alignments'))['id']}"

    for verb, status in (("agree", "agreed"), ("lapse", "lapsed"), ("agree", "agreed"), ("end", "ended")):
        assert (await client.post(f"{path}/{verb}")).json()["status"] == status
    assert (await client.post(f"{path}/agree")).status_code == 409


@pytest.mark.parametrize("weight", ["-1", "1001", "0.0000001"])
async def test_a_weight_is_a_number_from_0_to_1000(client: httpx.AsyncClient, weight: str) -> None:
    alignment = await make(client, "alignments")

    refused = await client.patch(f"/v1/alignments/{alignment['id']}", json={"weight": weight})

    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/weight"]


async def test_an_agreement_is_signed_until_it_expires_or_is_withdrawn(client: httpx.AsyncClient) -> None:
    first = await make(client, "agreements", 1)
    second = await make(client, "agreements", 2)

    assert first["status"] == "signed"
    assert (await client.post(f"/v1/agreements/{first['id']}/expire")).json()["status"] == "expired"
    assert (await client.post(f"/v1/agreements/{second['id']}/withdraw")).json()["status"] == "withdrawn"
    assert (await client.post(f"/v1/agreements/{second['id']}/expire")).json()["code"] == "wrong_state"
    late = await client.patch(f"/v1/agreements/{first['id']}", json={"expires_on": "2026-02-01"})
    assert late.status_code == 422
