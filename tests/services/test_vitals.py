"""Vital signs of tenants: a fixed number of statements a look, and everyone's turn comes."""

from datetime import UTC, datetime, timedelta

from app.db import Database
from app.services.vitals import Watch
from tests.api.graphql.test_loading import statements
from tests.builders import make
from tests.engines import Organisation, found_tenant


async def test_a_look_takes_no_more_statements_with_more_tenants_and_comes_to_all_in_turn(
    acme: Organisation, rival: Organisation, database: Database
) -> None:
    source = await make(acme.client, "sources")
    now = datetime.now(UTC)
    watch = Watch(budget=1)

    with statements(database) as few:
        first = await watch.observe(database, now)
    for _ in range(3):
        await found_tenant(database, ["read"])
    with statements(database) as more:
        second = await watch.observe(database, now + timedelta(seconds=10))
    everyone = await Watch(budget=1_000_000).observe(database, now)
    steady = Watch(budget=2)
    looks = [await steady.observe(database, now + timedelta(seconds=n)) for n in range(len(everyone.quarantined))]

    assert len(few) == len(more) <= 4
    assert (len(first.quarantined), len(second.quarantined), second.oldest_look_seconds) == (1, 2, 10.0)
    assert {acme.scope.slug, rival.scope.slug} <= set(everyone.quarantined)
    assert (acme.scope.slug, source["slug"]) in everyone.silence_seconds
    assert set(looks[-1].quarantined) == set(everyone.quarantined)
    assert looks[-1].oldest_look_seconds <= len(everyone.quarantined) / 2 + 1
