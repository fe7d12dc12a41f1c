"""One delivery that the database cannot take fails alone."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.db import Database
from app.domain.learning import Kind, LearningEvent
from app.services import ingest
from tests.engines import Organisation
from tests.services.test_ingest import event, inbound, source

VOIDINGS = 16_500
"""Of one delivery: some 1.2 MB of xAPI. Two of them have more keys than a statement on PostgreSQL has parameters."""


@pytest.mark.anyio
async def test_deliveries_of_many_voidings_are_taken_and_fail_no_neighbour(
    acme: Organisation, database: Database
) -> None:
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

    assert [type(each).__name__ for each in answers if isinstance(each, Exception)] == []
