"""One delivery that the database cannot take fails alone."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import grouping
from app.db import Database
from app.domain.learning import Kind, LearningEvent
from app.models.learning import LearningEventRow
from app.services import ingest
from app.services.ingest import Inbound, Receipt
from tests.engines import Organisation
from tests.services.test_ingest import event, inbound, source

GOOD = 200
VOIDINGS = 16_500
"""Of one delivery: some 1.2 MB of xAPI. Two of them have more keys than a statement on PostgreSQL has parameters."""


@pytest.mark.anyio
async def test_deliveries_of_many_voidings_are_taken_and_fail_no_neighbour(
    acme: Organisation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "DEADLINE_SECONDS", 600)  # what is in question is whether, not how soon
    source_id = await source(database, acme.scope)
    first, second = (
        tuple(
            LearningEvent(Kind.VOIDED, (), None, datetime(2026, 3, 1, tzinfo=UTC), event_key=f"v{n}", voids=f"s{n}")
            for n in range(start, start + VOIDINGS)
        )
        for start in (0, VOIDINGS)
    )
    group = database.group(ingest.record)

    answers = await asyncio.gather(
        group.submit(acme.scope, inbound(source_id, event(key="a"))),
        group.submit(acme.scope, inbound(source_id, *first, body=b"first")),
        group.submit(acme.scope, inbound(source_id, *second, body=b"second")),
        group.submit(acme.scope, inbound(source_id, event(key="b", person="2"))),
        return_exceptions=True,
    )

    assert [repr(each) for each in answers if isinstance(each, Exception)] == []


@pytest.mark.anyio
async def test_one_refused_among_two_hundred_fails_alone_and_in_few_transactions(
    acme: Organisation, rival: Organisation, database: Database
) -> None:
    source_id, other_id = await source(database, acme.scope), await source(database, rival.scope)
    sizes: list[int] = []

    async def record(session: AsyncSession, items: list[Inbound]) -> list[Receipt]:
        sizes.append(len(items))
        return await ingest.record(session, items)

    group = database.group(record)
    poisoned = event(key="\ud800")
    told = [event(key=f"good-{n}", person=str(n % 7)) for n in range(GOOD)]

    answers = await asyncio.gather(
        *(group.submit(acme.scope, inbound(source_id, each)) for each in told[: GOOD // 2]),
        group.submit(acme.scope, inbound(source_id, poisoned)),
        *(group.submit(acme.scope, inbound(source_id, each)) for each in told[GOOD // 2 :]),
        group.submit(rival.scope, inbound(other_id, event(key="other"))),
        return_exceptions=True,
    )

    refused = [place for place, each in enumerate(answers) if isinstance(each, BaseException)]
    assert refused == [GOOD // 2]
    assert sum(each.recorded for each in answers if isinstance(each, Receipt)) == GOOD + 1
    assert max(sizes) > GOOD // 2
    assert len(sizes) < GOOD // 4
    async with database.reading(acme.scope) as session:
        assert await session.scalar(select(func.count()).select_from(LearningEventRow)) == GOOD
