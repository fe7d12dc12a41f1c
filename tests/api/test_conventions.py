"""The conventions of api.md, on every noun alike."""

import asyncio

import httpx
import pytest

from tests.builders import BODIES, CONVENTIONS, make

NOUNS = sorted(CONVENTIONS)
CLEARED = [noun for noun in NOUNS if CONVENTIONS[noun].cleared]
UPSERTED = [noun for noun in NOUNS if CONVENTIONS[noun].external_id]


every_noun = pytest.mark.parametrize("noun", NOUNS)


@every_noun
async def test_a_row_is_created_and_read_back_the_same(client: httpx.AsyncClient, noun: str) -> None:
    body = await BODIES[noun](client, 1, {})

    created = await client.post(f"/v1/{noun}", json=body)

    assert created.status_code == 201, created.text
    assert created.headers["etag"] == '"1"'
    assert created.json()["version"] == 1
    read = await client.get(created.headers["location"])
    assert read.json() == created.json()
    assert created.headers["location"] == f"/v1/{noun}/{created.json()['id']}"
    assert {name: read.json()[name] for name in body if name not in {"cost", "value"}} == {
        name: value for name, value in body.items() if name not in {"cost", "value"}
    }


@every_noun
async def test_an_unknown_field_is_refused_where_it_stands(client: httpx.AsyncClient, noun: str) -> None:
    body = await BODIES[noun](client, 1, {})

    for name, value in {"colour": "red", "id": "x", "tenant_id": "x", "version": 7, "recorded_at": "x"}.items():
        refused = await client.post(f"/v1/{noun}", json=body | {name: value})
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert [fault["pointer"] for fault in refused.json()["errors"]] == [f"/{name}"]

    assert (await client.get(f"/v1/{noun}")).json()["items"] == []


async def test_a_patch_with_a_field_that_is_not_the_caller_s_is_refused_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    for noun, convention in CONVENTIONS.items():
        row = await make(client, noun, **convention.filled)
        address = f"/v1/{noun}/{row['id']}"
        before = (await client.get(address)).json()
        for name, value in {"id": "x", "tenant_id": "x", "version": 7, "recorded_at": "x", "colour": "red"}.items():
            refused = await client.patch(address, json=convention.change | {name: value})
            assert (noun, name, refused.status_code) == (noun, name, 422)
            assert f"/{name}" in [fault["pointer"] for fault in refused.json()["errors"]]
        assert (await client.get(address)).json() == before


@every_noun
async def test_an_unknown_parameter_is_refused(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun)

    for path in (f"/v1/{noun}", f"/v1/{noun}/{row['id']}"):
        refused = await client.get(path, params={"colour": "red"})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["parameter"] == "colour"


@every_noun
async def test_a_patch_changes_what_it_names_and_nothing_else(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun, **CONVENTIONS[noun].filled)
    change = CONVENTIONS[noun].change

    answer = await client.patch(f"/v1/{noun}/{row['id']}", json=change)

    assert answer.status_code == 200, answer.text
    moved = {"version", "recorded_at", "status"}
    assert answer.json()["version"] == 2
    assert answer.headers["etag"] == '"2"'
    assert {name: value for name, value in answer.json().items() if name not in moved} == {
        name: value for name, value in (row | change).items() if name not in moved
    }
    assert (await client.get(f"/v1/{noun}/{row['id']}")).json() == answer.json()


@pytest.mark.parametrize("noun", CLEARED)
async def test_null_clears_and_absent_keeps(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun, **CONVENTIONS[noun].filled)
    cleared = CONVENTIONS[noun].cleared

    kept = await client.patch(f"/v1/{noun}/{row['id']}", json={})
    assert kept.json() == row

    emptied = await client.patch(f"/v1/{noun}/{row['id']}", json={cleared: None})
    assert emptied.status_code == 200, emptied.text
    assert emptied.json()[cleared] is None
    assert emptied.json()["version"] == 2


@every_noun
async def test_a_patch_that_says_what_is_so_already_writes_nothing(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun)
    same = {name: row[name] for name in CONVENTIONS[noun].change}

    answer = await client.patch(f"/v1/{noun}/{row['id']}", json=same)

    assert answer.json() == row


@every_noun
async def test_a_stale_version_is_refused_and_the_present_one_not_sent_again(
    client: httpx.AsyncClient, noun: str
) -> None:
    row = await make(client, noun)
    path, change = f"/v1/{noun}/{row['id']}", CONVENTIONS[noun].change

    assert (await client.get(path, headers={"If-None-Match": '"1"'})).status_code == 304
    assert (await client.get(path, headers={"If-None-Match": '"7"'})).status_code == 200
    assert (await client.patch(path, json=change, headers={"If-Match": '"1"'})).status_code == 200
    stale = await client.patch(path, json=change, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await client.delete(path, headers={"If-Match": 'W/"2"'})).status_code == 412
    assert (await client.delete(path, headers={"If-Match": "2"})).status_code == 422
    assert (await client.delete(path, headers={"If-Match": '"1", "2"'})).status_code == 204


@every_noun
async def test_one_idempotency_key_has_one_effect(client: httpx.AsyncClient, noun: str) -> None:
    body = await BODIES[noun](client, 1, {})
    headers = {"Idempotency-Key": f"key of {noun}"}

    first = await client.post(f"/v1/{noun}", json=body, headers=headers)
    again = await client.post(f"/v1/{noun}", json=body, headers=headers)
    other = await client.post(f"/v1/{noun}", json=body | CONVENTIONS[noun].change, headers=headers)

    assert again.content == first.content
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await client.get(f"/v1/{noun}")).json()["items"]) == 1


@every_noun
async def test_of_twenty_twins_at_once_one_has_an_effect(client: httpx.AsyncClient, noun: str) -> None:
    body = await BODIES[noun](client, 1, {})
    headers = {"Idempotency-Key": "twins"}

    answers = await asyncio.gather(*(client.post(f"/v1/{noun}", json=body, headers=headers) for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_progress"}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len((await client.get(f"/v1/{noun}")).json()["items"]) == 1


@every_noun
async def test_an_archived_row_leaves_the_lists_and_can_come_back(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun)
    path = f"/v1/{noun}/{row['id']}"

    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 204

    archived = (await client.get(path)).json()
    assert (archived["version"], archived["archived_at"]) == (2, archived["recorded_at"])
    assert (await client.get(f"/v1/{noun}")).json()["items"] == []
    listed = await client.get(f"/v1/{noun}", params={"include_archived": True})
    assert listed.json()["items"] == [archived]
    if noun == "measurements":
        back = await client.post(
            f"/v1/{noun}", json={name: row[name] for name in ("kpi_id", "period_start", "period_end", "value")}
        )
    else:
        back = await client.post(f"{path}/restore")
    assert (back.status_code, back.json()["version"], back.json()["archived_at"]) == (200, 3, None)
    assert [item["id"] for item in (await client.get(f"/v1/{noun}")).json()["items"]] == [row["id"]]


@every_noun
async def test_a_row_can_be_asked_for_as_it_stood(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun)
    path = f"/v1/{noun}/{row['id']}"
    changed = (await client.patch(path, json=CONVENTIONS[noun].change)).json()

    then = await client.get(path, params={"as_of": row["recorded_at"]})
    now = await client.get(path, params={"as_of": changed["recorded_at"]})
    before = await client.get(path, params={"as_of": "2020-01-01T00:00:00+02:00"})

    assert then.json() == row
    assert now.json() == changed
    assert before.status_code == 404
    naive = await client.get(path, params={"as_of": "2026-01-01T00:00:00"})
    assert (naive.status_code, naive.json()["errors"][0]["parameter"]) == (422, "as_of")
    assert (await client.get(path, params={"as_of": "1767225600"})).status_code == 422


@every_noun
async def test_every_write_stands_in_the_change_feed(client: httpx.AsyncClient, noun: str) -> None:
    row = await make(client, noun)
    path = f"/v1/{noun}/{row['id']}"
    await client.patch(path, json=CONVENTIONS[noun].change)
    await client.delete(path)

    entries = (await client.get("/v1/changes", params={"limit": 200})).json()["items"]

    found = [
        (entry["type"].partition(".")[2], entry["version"]) for entry in entries if entry["resource_id"] == row["id"]
    ]
    assert found == [("created", 1), ("updated", 2), ("archived", 3)]
    assert {entry["type"].partition(".")[0] for entry in entries if entry["resource_id"] == row["id"]} == {
        _singular(noun)
    }


@pytest.mark.parametrize("noun", UPSERTED)
async def test_put_by_external_id_creates_then_replaces(client: httpx.AsyncClient, noun: str) -> None:
    body = await BODIES[noun](client, 1, {})
    path = f"/v1/{noun}/by-external-id/ERP%2F7 é"

    created = await client.put(path, json=body)
    again = await client.put(path, json=body)
    changed = await client.put(path, json=body | CONVENTIONS[noun].change)
    stale = await client.put(path, json=body, headers={"If-Match": '"1"'})

    assert (created.status_code, created.json()["external_id"]) == (201, "ERP/7 é")
    assert (again.status_code, again.json()) == (200, created.json())
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert stale.status_code == 412
    assert len((await client.get(f"/v1/{noun}")).json()["items"]) == 1
    missing = await client.put(f"/v1/{noun}/by-external-id/none", json=body, headers={"If-Match": '"1"'})
    assert missing.status_code == 412
    anything = await client.put(f"/v1/{noun}/by-external-id/none", json=body, headers={"If-Match": "*"})
    assert anything.status_code == 412
    only_new = await client.put(path, json=body, headers={"If-None-Match": "*"})
    assert (only_new.status_code, only_new.json()["code"]) == (412, "precondition_failed")
    nul = await client.put(f"/v1/{noun}/by-external-id/a%00b", json=body)
    assert nul.status_code == 422


@pytest.mark.parametrize("noun", UPSERTED)
async def test_an_external_id_is_taken_once(client: httpx.AsyncClient, noun: str) -> None:
    await make(client, noun, 1, external_id="7")

    body = await BODIES[noun](client, 2, {})
    refused = await client.post(f"/v1/{noun}", json=body | {"external_id": "7"})

    assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    assert refused.json()["errors"] == [{"code": "taken", "detail": "is taken", "pointer": "/external_id"}]


async def test_a_merge_patch_has_a_type_of_its_own(client: httpx.AsyncClient) -> None:
    path = f"/v1/kpis/{(await make(client, 'kpis'))['id']}"

    for media_type, status in {
        "application/merge-patch+json": 200,
        "application/json; charset=utf-8": 200,
        "application/json; charset=utf-16": 415,
        "text/plain": 415,
        "application/json-patch+json": 415,
    }.items():
        answer = await client.patch(path, content=b'{"name":"Scrap"}', headers={"Content-Type": media_type})
        assert answer.status_code == status, media_type


async def test_a_lost_update_is_impossible(client: httpx.AsyncClient) -> None:
    path = f"/v1/initiatives/{(await make(client, 'initiatives'))['id']}"

    answers = await asyncio.gather(
        *(client.patch(path, json={"title": f"T {n}"}, headers={"If-Match": '"1"'}) for n in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert (await client.get(path)).json()["version"] == 2


def _singular(noun: str) -> str:
    special = {"people": "person", "activities": "activity"}
    return special.get(noun, noun.removesuffix("s")).replace("-", "_")
