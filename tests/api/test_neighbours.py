"""A delivery that cannot be kept as it is fails nobody who shares its commit, and keeps no other tenant waiting."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import readings
from app.grouping import Group
from app.models.unit import TenantScope
from app.services.ingest import Inbound, Receipt
from tests.api.senders import MAPPING, connect
from tests.engines import Organisation

GOOD = 200
UNSTORABLE = "refused"
PATIENCE_SECONDS = 25


def told(**fields: Any) -> bytes:
    return json.dumps({"id": "bad", "who": "ana", "course": "fire", **fields}).encode()


BAD = {
    "NUL in a text": told(who="a\0b"),
    "a lone surrogate": told(course="\ud800"),
    "an id of 3 kB": told(id="x" * 3_000),
    "a learner of 3 kB": told(who="x" * 3_000),
    "a score of 1e200000": told().replace(b'"bad"', b'"bad", "points": 1e200000'),
    "a year beyond calendars": told(done="99999-01-01T00:00:00Z"),
    "a time that is no time": told(done=["noon"]),
    "what passes the reader and not the database": told(id=UNSTORABLE),
}
"""Kept in quarantine."""

ODD = {"text as score": told(id="odd-1", points="1e200000"), "long": told(id="odd-2", spent="P99999Y")}
"""Kept without the one number that nothing can hold."""

UNDECODABLE = {"garbage": ({"content-encoding": "gzip"}, 400), "forged": ({"x-signature": "sha256=AAAA"}, 401)}


class Commits:
    """The group commits of the service: the first is held until all have arrived; then `during` comes in between."""

    def __init__(self, group: Group[Inbound, Receipt], monkeypatch: pytest.MonkeyPatch, *, embedded: bool) -> None:
        self.embedded = embedded
        self.sizes: list[int] = []
        self.begun, self.held = asyncio.Event(), asyncio.Event()
        self.during: Callable[[], Any] = lambda: None
        self._awaited, self._all = 0, asyncio.Event()
        self._enqueue, self._handler, self._commit = group.submit, group._handler, group._commit
        monkeypatch.setattr(group, "submit", self._submit)
        monkeypatch.setattr(group, "_handler", self._record)
        monkeypatch.setattr(group, "_commit", self._halves)

    async def arrived(self, count: int) -> None:
        """Wait until so many deliveries wait for a commit; then go on with what is held."""
        self._awaited = count
        try:
            await self._all.wait()
        finally:
            self.held.set()

    async def _submit(self, tenant: TenantScope, item: Inbound) -> Receipt:
        self._awaited -= 1
        if self._awaited == 0:
            self._all.set()
        return await self._enqueue(tenant, item)

    async def _record(self, session: AsyncSession, items: list[Inbound], asked: Any) -> Any:
        if not self.sizes:
            self.begun.set()
            await self.held.wait()
        self.sizes.append(len(items))
        if len(items) > GOOD and not self.embedded:  # on SQLite there is one writer, and this is it
            await self.during()
        return await self._handler(session, items, asked)

    async def _halves(self, tenant: Any, batch: list[Any]) -> None:
        if self.sizes and GOOD // 2 <= len(batch) < GOOD:
            await self.during()
        await self._commit(tenant, batch)


async def test_two_hundred_good_deliveries_share_a_commit_with_bad_ones_and_each_is_kept_once(
    app: FastAPI, acme: Organisation, rival: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = MAPPING | {"time": "done", "score": {"path": "points"}, "duration": "spent"}
    sender, other = await connect(acme, "hmac_sha256", mapping=mapping), await connect(rival, "hmac_sha256")
    pass_the_reader(monkeypatch, "\ud800" if app.state.database.embedded else "\0")
    commits = Commits(app.state.ingest, monkeypatch, embedded=app.state.database.embedded)
    good = [told(id=f"good-{number}", who=f"p{number % 7}", points=number) for number in range(GOOD)]
    bad, odd = list(BAD.values()), list(ODD.values())
    elsewhere: list[httpx.Response] = []

    async def post_elsewhere() -> None:
        """Another tenant's delivery is answered while the group is open, and before each half of it is tried."""
        elsewhere.append(await other.post(rival.client, told(id=f"elsewhere-{len(elsewhere)}")))

    commits.during = post_elsewhere
    async with asyncio.timeout(PATIENCE_SECONDS):
        opener = asyncio.create_task(sender.post(acme.client, told(id="opener")))
        await commits.begun.wait()
        crowd = [*good[: GOOD // 2], *bad, *odd, *good[GOOD // 2 :]]
        together = asyncio.gather(*(sender.post(acme.client, body) for body in crowd))
        await commits.arrived(len(crowd))
        refused = [await sender.post(acme.client, told(), **headers) for headers, _ in UNDECODABLE.values()]
        answers = dict(zip(crowd, await together, strict=True))
        assert (await opener).json()["recorded"] == 1

    assert max(commits.sizes) == len(crowd)
    assert Counter(answers[body].json()["recorded"] for body in [*good, *odd]) == {1: GOOD + len(odd)}
    verdicts = {name: (answers[body].status_code, answers[body].json()["status"]) for name, body in BAD.items()}
    assert verdicts == dict.fromkeys(BAD, (200, "quarantined"))
    assert [answer.status_code for answer in refused] == [status for _, status in UNDECODABLE.values()]
    assert [answer.json()["recorded"] for answer in elsewhere] == [1] * len(elsewhere)
    assert len(elsewhere) == (2 if commits.embedded else 3)
    assert len(commits.sizes) < 40

    listed = (await acme.client.get("/v1/learning-events?limit=200&include_total=true&sort=recorded_at")).json()
    assert listed["total"] == GOOD + len(odd) + 1
    kept = await acme.client.get("/v1/deliveries?status=quarantined&limit=200")
    assert sorted(bool(row["reason"]) for row in kept.json()["items"]) == [True] * len(BAD)
    again = [await sender.post(acme.client, body) for body in (*good[:3], BAD["a lone surrogate"], told(id=UNSTORABLE))]
    assert [answer.json()["recorded"] for answer in again] == [0] * len(again)
    after = (await acme.client.get("/v1/deliveries?status=quarantined&include_total=true")).json()
    assert after["total"] == len(BAD)


def pass_the_reader(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Let what one delivery tells by the reader as no sender can: its key is no text to the database."""
    judged = readings.judged

    def lenient(connected: Any, parse: Any) -> readings.Reading:
        found = judged(connected, parse)
        events = [replace(one, event_key=key) if one.event_key == UNSTORABLE else one for one in found.events]
        return found._replace(events=tuple(events))

    monkeypatch.setattr(readings, "judged", lenient)
