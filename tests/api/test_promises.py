"""Promises of the contract that are easily broken: as of, validators, addresses, errors that are bugs."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import aiosqlite
import httpx
import pytest

from app.db import Database
from app.models.objectives import ObjectiveWrite
from app.services import nouns
from app.services.objectives import OBJECTIVES
from tests.engines import Organisation

SOURCE = {"name": "LMS", "slug": "lms", "adapter": "docebo"}


def delivery(number: int) -> dict[str, object]:
    payload = {"user_id": number, "course_id": 1, "status": "completed", "completion_date": "2026-03-11 09:44:58"}
    return {"event": "course.enrollment.completed", "message_id": f"m-{number}", "payload": payload}


async def post(acme: Organisation, number: int, secret: str) -> httpx.Response:
    user, _, password = secret.partition(":")
    address = f"/v1/webhooks/{acme.scope.slug}/lms"
    return await acme.client.post(address, json=delivery(number), auth=(user, password))


@pytest.mark.anyio
async def test_an_answer_as_of_a_past_instant_never_changes_while_a_writer_is_under_way(
    acme: Organisation, database: Database
) -> None:
    async with database.transaction(acme.scope) as session:
        row = await nouns.create(session, OBJECTIVES, ObjectiveWrite(title="before"))
    async with database.transaction(acme.scope) as session:
        await asyncio.sleep(0.05)
        as_of = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        await asyncio.sleep(0.05)
        address = f"/v1/objectives/{OBJECTIVES.public(row.id)}"
        reading = asyncio.create_task(acme.client.get(address, params={"as_of": as_of}))
        await asyncio.sleep(0.3)  # a reader may wait for the writer, or be refused; it must not answer otherwise later
        await nouns.patch(session, OBJECTIVES, row.id, {"title": "after"}, versions=None)

    first = await reading
    second = await acme.client.get(address, params={"as_of": as_of})

    assert first.status_code != 200 or first.json()["title"] == second.json()["title"]


@pytest.mark.anyio
async def test_an_instant_in_the_future_is_no_as_of(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/objectives", json={"title": "Cut scrap"})).json()

    answer = await client.get(f"/v1/objectives/{made['id']}", params={"as_of": "2999-01-01T00:00:00Z"})

    assert answer.status_code == 422


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_an_etag_of_thousands_of_digits_is_no_fault_of_the_service(
    client: httpx.AsyncClient, method: str
) -> None:
    made = (await client.post("/v1/objectives", json={"title": "Cut scrap"})).json()
    headers = {"If-Match" if method == "PATCH" else "If-None-Match": f'"{"9" * 5000}"'}
    body = {"title": "x"} if method == "PATCH" else None

    answer = await client.request(method, f"/v1/objectives/{made['id']}", json=body, headers=headers)

    assert answer.status_code < 500


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["/v1/webhooks/%00/lms", "/v1/webhooks/acme/%00"])
async def test_nul_in_a_receivers_address_is_answered_alike_on_every_engine(acme: Organisation, address: str) -> None:
    answer = await acme.client.post(address.replace("acme", acme.scope.slug), json={})

    assert answer.status_code in {404, 422}


@pytest.mark.anyio
async def test_a_silence_longer_than_the_database_can_hold_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sources", json={**SOURCE, "silence_after_seconds": 2**70})

    assert answer.status_code == 422


@pytest.mark.anyio
async def test_a_delivery_signed_with_the_new_secret_is_taken_right_after_the_rotation(acme: Organisation) -> None:
    made = (await acme.client.post("/v1/sources", json=SOURCE)).json()
    assert (await post(acme, 1, made["secret"])).status_code == 200

    changed = (await acme.client.post(f"/v1/sources/{made['id']}/rotate-secret", json={})).json()

    assert (await post(acme, 2, changed["secret"])).status_code == 200


@pytest.mark.anyio
async def test_the_etag_of_a_source_changes_when_its_answer_does(acme: Organisation) -> None:
    made = (await acme.client.post("/v1/sources", json=SOURCE)).json()
    address = f"/v1/sources/{made['id']}"
    await post(acme, 1, made["secret"])
    before = await acme.client.get(address)
    await post(acme, 2, made["secret"])

    after = await acme.client.get(address, headers={"If-None-Match": before.headers["etag"]})

    current = await acme.client.get(address)
    assert before.json() == current.json() or after.status_code == 200


@pytest.mark.anyio
async def test_an_address_that_takes_several_methods_names_all_of_them(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/objectives", json={})

    assert {"GET", "POST"} <= {each.strip() for each in answer.headers["allow"].split(",")}


@pytest.mark.anyio
async def test_head_is_answered_as_get_without_its_body(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/objectives", json={"title": "Cut scrap"})).json()

    answer = await client.head(f"/v1/objectives/{made['id']}")

    assert (answer.status_code, answer.headers.get("etag")) == (200, '"1"')


@pytest.mark.anyio
async def test_a_delivery_never_scans_all_events_of_its_tenant_on_sqlite(
    acme: Organisation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not database.embedded:
        return
    made = (await acme.client.post("/v1/sources", json=SOURCE)).json()
    asked: list[str] = []
    turn = aiosqlite.Connection._execute

    async def traced(self: aiosqlite.Connection, act: Callable[..., object], *args: object, **named: object) -> object:
        def noted(*args: object, **named: object) -> object:
            self._conn.set_trace_callback(asked.append)
            try:
                return act(*args, **named)
            finally:
                self._conn.set_trace_callback(None)

        return await turn(self, noted, *args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(aiosqlite.Connection, "_execute", traced)
        await post(acme, 1, made["secret"])

    scans = []
    async with database.reading(acme.scope) as session:
        connection = await session.connection()
        # Whether anything was ever voided ends at the first row of an index that holds voidings only.
        reading = [each for each in asked if each.startswith("SELECT") and "learning_event" in each]
        reading = [each for each in reading if not each.startswith("SELECT EXISTS")]
        for statement in reading:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
            steps = [row[3] for row in plan]
            scans += [step for step in steps if step.endswith(("(tenant_id=?)", "source_id=?)")) and "learning" in step]
    assert reading
    assert scans == []
