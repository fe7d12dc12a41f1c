"""Measurements: one value for a KPI, subject and period; written again it is restated, and nothing is lost."""

from typing import Any

import httpx
import pytest

from tests.builders import make
from tests.engines import Organisation

JANUARY = {"period_start": "2026-01-01", "period_end": "2026-02-01"}


async def _record(client: httpx.AsyncClient, kpi_id: str, **fields: Any) -> httpx.Response:
    return await client.post("/v1/measurements", json={"kpi_id": kpi_id, **JANUARY, **fields})


async def test_the_same_key_again_is_a_restatement(client: httpx.AsyncClient) -> None:
    kpi_id = (await make(client, "kpis"))["id"]

    first = await _record(client, kpi_id, value="4.6")
    same = await _record(client, kpi_id, value="4.60")
    other = await _record(client, kpi_id, value="4.7")
    again = await _record(client, kpi_id, value=4.7)

    assert (first.status_code, first.json()["status"], first.json()["version"]) == (201, "confirmed", 1)
    assert (same.status_code, same.json()) == (200, first.json())
    assert (other.status_code, other.json()["status"], other.json()["version"]) == (200, "restated", 2)
    assert other.headers["etag"] == '"2"'
    assert (again.status_code, again.json()) == (200, other.json())
    then = await client.get(first.headers["location"], params={"as_of": first.json()["recorded_at"]})
    assert then.json() == first.json()
    assert len((await client.get("/v1/measurements")).json()["items"]) == 1


async def test_a_provisional_value_is_confirmed_then_restated(client: httpx.AsyncClient) -> None:
    kpi_id = (await make(client, "kpis"))["id"]

    story = [
        (await _record(client, kpi_id, value="4.6", provisional=True)).json()["status"],
        (await _record(client, kpi_id, value="4.7", provisional=True)).json()["status"],
        (await _record(client, kpi_id, value="4.7")).json()["status"],
        (await _record(client, kpi_id, value="4.8")).json()["status"],
    ]

    assert story == ["provisional", "provisional", "confirmed", "restated"]
    listed = (await client.get("/v1/measurements", params={"status": "restated"})).json()["items"]
    assert [row["version"] for row in listed] == [4]


async def test_a_provisional_value_can_be_confirmed_as_it_is(client: httpx.AsyncClient) -> None:
    kpi_id = (await make(client, "kpis"))["id"]
    path = (await _record(client, kpi_id, value="4.6", provisional=True)).headers["location"]

    assert (await client.post(f"{path}/confirm")).json()["status"] == "confirmed"


async def test_a_voided_value_comes_back_only_by_being_recorded_again(client: httpx.AsyncClient) -> None:
    kpi_id = (await make(client, "kpis"))["id"]
    path = (await _record(client, kpi_id, value="4.6")).headers["location"]

    assert (await client.post(f"{path}/void")).json()["status"] == "voided"
    assert (await client.post(f"{path}/confirm")).json()["code"] == "wrong_state"
    assert (await _record(client, kpi_id, value="4.6")).json()["status"] == "restated"
    await client.delete(path)
    gone = (await client.get(path)).json()
    assert (gone["status"], gone["archived_at"]) == ("voided", gone["recorded_at"])


async def test_a_period_that_overlaps_another_one_is_refused_until_that_one_is_voided(
    client: httpx.AsyncClient,
) -> None:
    kpi_id = (await make(client, "kpis"))["id"]
    person = (await make(client, "people"))["id"]
    january = await _record(client, kpi_id, value="4.6")

    def over(start: str, end: str, **fields: Any) -> dict[str, Any]:
        return {"kpi_id": kpi_id, "value": "3", "period_start": start, "period_end": end} | fields

    wide = over("2026-01-10", "2026-02-20")
    refused = await client.post("/v1/measurements", json=wide)
    items = [
        wide,
        over("2026-02-01", "2026-03-01"),
        over("2026-02-20", "2026-03-10"),
        over("2026-03-01", "2026-04-01"),
        over("2025-01-01", "2027-01-01"),
        over("2026-01-01", "2026-02-01"),
        over("2025-06-01", "2025-12-01", subject_kind="person", subject_id=person),
        over("2025-07-01", "2025-07-02", subject_kind="person", subject_id=person),
    ]
    batch = (await client.post("/v1/measurements/batch", json={"items": items})).json()["items"]
    await client.post(f"{january.headers['location']}/void")
    instead = await client.post("/v1/measurements", json=over("2026-01-10", "2026-02-01"))
    back = await _record(client, kpi_id, value="4.6")

    [fault] = refused.json()["errors"]
    assert (refused.status_code, fault["code"], fault["pointer"]) == (422, "overlapping_period", "/period_start")
    assert "2026-01-01 to 2026-02-01" in fault["detail"]
    assert [each["result"] for each in batch] == [
        *("refused", "created", "refused", "created", "refused", "updated"),
        *("created", "refused"),
    ]
    assert [each["errors"][0]["code"] for each in batch if each["errors"]] == ["overlapping_period"] * 4
    assert (instead.status_code, back.status_code) == (201, 422)


async def test_a_patch_restates_the_value_and_cannot_move_it(client: httpx.AsyncClient) -> None:
    unit = await make(client, "org-units")
    kpi_id = (await make(client, "kpis"))["id"]
    row = (await _record(client, kpi_id, value="4.6", subject_kind="org_unit", subject_id=unit["id"])).json()
    path = f"/v1/measurements/{row['id']}"

    changed = await client.patch(path, json={"value": "4.7"}, headers={"If-Match": '"1"'})
    moved = await client.patch(path, json={"period_end": "2026-03-01", "subject_kind": "tenant", "subject_id": None})
    same = await client.patch(path, json={"subject_id": unit["id"], "kpi_id": kpi_id})
    stale = await client.patch(path, json={"value": "4.8"}, headers={"If-Match": '"1"'})

    assert (changed.json()["value"], changed.json()["status"]) == ("4.7", "restated")
    assert moved.status_code == 422
    assert [fault["pointer"] for fault in moved.json()["errors"]] == ["/subject_kind", "/subject_id", "/period_end"]
    assert same.json() == changed.json()
    assert stale.status_code == 412


async def test_a_subject_is_the_tenant_an_org_unit_or_a_person(acme: Organisation, rival: Organisation) -> None:
    client = acme.client
    kpi_id = (await make(client, "kpis"))["id"]
    unit, person = await make(client, "org-units"), await make(client, "people")
    theirs = await make(rival.client, "org-units")
    tenant = (await client.get("/v1/tenant")).json()

    whole = await _record(client, kpi_id, value="1")
    of_unit = await _record(client, kpi_id, value="1", subject_kind="org_unit", subject_id=unit["id"])
    of_person = await _record(client, kpi_id, value="1", subject_kind="person", subject_id=person["id"])

    assert whole.json()["subject_id"] == tenant["id"]
    assert of_unit.json()["subject_id"] == unit["id"]
    assert of_person.json()["subject_id"] == person["id"]
    found = await client.get("/v1/measurements", params={"subject_id": unit["id"]})
    assert [row["id"] for row in found.json()["items"]] == [of_unit.json()["id"]]
    for kind, subject_id in (
        ("org_unit", theirs["id"]),
        ("org_unit", "org_01h455vb4pex5vsknk084sn02q"),
        ("org_unit", person["id"]),
        ("person", unit["id"]),
    ):
        refused = await _record(client, kpi_id, value="1", subject_kind=kind, subject_id=subject_id)
        assert refused.status_code == 422
        assert [(fault["code"], fault["pointer"]) for fault in refused.json()["errors"]] == [
            ("unknown_reference", "/subject_id")
        ]
    for fields in ({"subject_id": unit["id"]}, {"subject_kind": "person"}, {"subject_id": "nonsense"}):
        assert (await _record(client, kpi_id, value="1", **fields)).status_code == 422


async def test_a_ratio_kpi_takes_its_parts_and_any_other_its_value(client: httpx.AsyncClient) -> None:
    ratio = (await make(client, "kpis", 1, aggregation="ratio"))["id"]
    mean = (await make(client, "kpis", 2))["id"]

    parts = await _record(client, ratio, numerator="1", denominator="3")
    refused = await _record(client, ratio, value="0.333333")
    other = await _record(client, mean, numerator="1", denominator="3")

    assert (parts.json()["numerator"], parts.json()["denominator"], parts.json()["value"]) == ("1", "3", None)
    assert [(fault["code"], fault["pointer"]) for fault in refused.json()["errors"]] == [
        ("ratio_needs_parts", "/value")
    ]
    assert [(fault["code"], fault["pointer"]) for fault in other.json()["errors"]] == [("value_needed", "/value")]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"value": "1", "numerator": "1", "denominator": "1"},
        {"numerator": "1"},
        {"denominator": "1"},
        {"numerator": "1", "denominator": "0"},
        {"numerator": "1", "denominator": "-1"},
        {"value": "1", "period_end": "2026-01-01"},
        {"value": "1", "period_start": "2026-01-01T00:00:00"},
        {"value": "1", "period_start": 20260101},
        {"value": "1e30"},
        {"value": "0.0000001"},
        {"value": "NaN"},
        {"value": None},
        {"value": "1", "status": "confirmed"},
    ],
)
async def test_what_is_no_value_over_a_period_is_refused(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    kpi_id = (await make(client, "kpis"))["id"]

    assert (await _record(client, kpi_id, **fields)).status_code == 422
    assert (await client.get("/v1/measurements")).json()["items"] == []


async def test_a_batch_gives_each_item_its_own_result(client: httpx.AsyncClient) -> None:
    kpi_id = (await make(client, "kpis"))["id"]
    items: list[dict[str, Any]] = [
        {"kpi_id": kpi_id, "period_start": f"2026-0{month}-01", "period_end": f"2026-0{month + 1}-01", "value": "1"}
        for month in range(1, 5)
    ]
    bad = items[0] | {"period_start": "2025-01-01", "kpi_id": "kpi_01h455vb4pex5vsknk084sn02q"}

    first = (await client.post("/v1/measurements/batch", json={"items": [*items[:3], bad, items[0]]})).json()
    second = (
        await client.post("/v1/measurements/batch", json={"items": [items[0], items[1] | {"value": "2"}, items[3]]})
    ).json()

    assert [item["result"] for item in first["items"]] == ["created", "created", "created", "refused", "refused"]
    assert [fault["code"] for item in first["items"] for fault in item["errors"]] == [
        "unknown_reference",
        "given_twice",
    ]
    assert [item["result"] for item in second["items"]] == ["unchanged", "updated", "created"]
    assert (second["created"], second["updated"], second["unchanged"], second["refused"]) == (1, 1, 1, 0)
    assert second["items"][0]["id"] == first["items"][0]["id"]
    stored = {row["id"]: row for row in (await client.get("/v1/measurements")).json()["items"]}
    assert stored[second["items"][1]["id"]]["status"] == "restated"
    whole = await client.post("/v1/measurements/batch", json={"items": [items[0], {"value": "1"}]})
    assert (whole.status_code, whole.json()["errors"][0]["pointer"]) == (422, "/items/1/kpi_id")
    too_many = await client.post("/v1/measurements/batch", json={"items": items * 251})
    assert too_many.status_code == 422
