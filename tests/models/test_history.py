"""History: every version of every row is kept, without gaps, and ends in the row as it stands."""

import httpx
import pytest
from sqlalchemy import select

from app.db import Database
from app.models.history import VERSIONS
from tests.builders import BODIES, CONVENTIONS, make
from tests.engines import Organisation

NAMES = {"people": "person", "activities": "activity"}
HISTORISED = sorted(CONVENTIONS)


async def _use(client: httpx.AsyncClient, noun: str) -> None:
    """Write a row five times: create, patch, put, archive, restore or record again."""
    row = await make(client, noun, 1)
    path = f"/v1/{noun}/{row['id']}"
    await client.patch(path, json=CONVENTIONS[noun].change)
    if CONVENTIONS[noun].external_id:
        await client.patch(path, json={"external_id": "x"})
        await client.put(f"/v1/{noun}/by-external-id/x", json=await BODIES[noun](client, 2, {}))
    await client.delete(path)
    await client.post(f"{path}/restore")


@pytest.mark.parametrize("noun", HISTORISED)
async def test_versions_follow_each_other_without_gaps(acme: Organisation, database: Database, noun: str) -> None:
    await _use(acme.client, noun)
    name = NAMES.get(noun, noun.removesuffix("s")).replace("-", "_")
    versions = VERSIONS[name]
    current = versions.metadata.tables[name]
    noun_id = versions.c[f"{name}_id"]

    async with database.reading(acme.scope) as session:
        kept = (
            (
                await session.execute(
                    select(versions).where(versions.c.tenant_id == acme.scope.id).order_by(noun_id, versions.c.version)
                )
            )
            .mappings()
            .all()
        )
        rows = (await session.execute(select(current).where(current.c.tenant_id == acme.scope.id))).mappings().all()

    assert len(kept) > len(rows) > 0
    for row in rows:
        own = [version for version in kept if version[f"{name}_id"] == row["id"]]
        assert [version["version"] for version in own] == list(range(1, row["version"] + 1))
        assert [version["superseded_at"] for version in own[:-1]] == [version["recorded_at"] for version in own[1:]]
        assert own[-1]["superseded_at"] is None
        assert {column: own[-1][column] for column in row if column != "id"} == {
            column: value for column, value in row.items() if column != "id"
        }
        assert {version["created_at"] for version in own} == {row["created_at"]}


async def test_nothing_is_recorded_before_what_was_recorded_earlier(acme: Organisation) -> None:
    rows = [await make(acme.client, "people", n) for n in range(5)]

    instants = [row["recorded_at"] for row in rows]
    entries = (await acme.client.get("/v1/changes")).json()["items"]

    assert instants == sorted(set(instants))
    assert [entry["recorded_at"] for entry in entries] == sorted(entry["recorded_at"] for entry in entries)
