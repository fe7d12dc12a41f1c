"""Imports of events that are not to be written: dry runs, and the line that the database refuses; on both engines."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.domain.learning import LearningEvent
from app.services import telling
from app.services.inbound import Inbound
from tests import builders
from tests.api.test_imports import CSV, EVENTS, NDJSON, Desk, counted
from tests.engines import Organisation

STORED = ("deliveries", "learning-events", "people", "enrolments")


@pytest.fixture
def desk(app: FastAPI, acme: Organisation) -> Desk:
    return Desk(app, acme)


async def stored(desk: Desk) -> list[int]:
    return [await desk.total(path) for path in STORED]


async def test_a_dry_run_of_events_writes_nothing(desk: Desk) -> None:
    source = await builders.make(desk.client, "sources")
    payload = b'{"event":"course.enrollment.completed","message_id":"m1","payload":{"user_id":1,"course_id":2}}\n'
    common = {"kind": "events", "source": source["slug"]}

    before = [0, 0, 0, 0]
    for body, headers, rows in ((EVENTS, CSV, "columns"), (payload, NDJSON, "payloads")):
        tried = await desk.run(body, headers, **common, rows=rows, dry_run=True)
        assert counted(tried)["created"] == counted(tried)["lines"]
        assert await stored(desk) == before
        done = await desk.run(body, headers, **common, rows=rows)
        assert counted(done)["created"] == counted(tried)["created"]
        before = await stored(desk)


async def test_a_line_that_the_database_refuses_stands_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    source = await builders.make(desk.client, "sources")
    values_of = telling._event_values

    def unstorable(item: Inbound, event: LearningEvent) -> dict[str, Any]:
        values = values_of(item, event)
        return {**values, "source_id": uuid4()} if event.event_key == "e3" else values

    monkeypatch.setattr(telling, "_event_values", unstorable)
    lines = "".join(f"completed,{number},2,2026-03-11,e{number}\n" for number in range(1, 6))
    done = await desk.run("kind,account,activity,occurred_at,event_id\n" + lines, kind="events", source=source["slug"])

    assert counted(done) == {"lines": 5, "created": 4, "refused": 1, "faulty": 1}
    assert await desk.items(done) == [(4, "refused")]
    assert (await stored(desk))[1:] == [4, 4, 4]
