"""Batches: a thousand rows in a handful of statements; the same rows again change nothing."""

from datetime import date
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import event, func, select

from app.db import Database
from app.models.history import VERSIONS
from app.models.initiatives import InitiativeWrite
from app.models.kpis import Kpi, KpiWrite, MeasurementWrite
from app.models.people import (
    AudienceMemberWrite,
    AudienceWrite,
    IdentityWrite,
    OrgUnitWrite,
    PersonWrite,
)
from app.services import audiences, measurements, nouns, org_units, people
from app.services.batches import ItemResult, Result
from app.services.initiatives import INITIATIVES
from app.services.kpis import KPIS
from app.services.org_units import ORG_UNITS
from tests.engines import Organisation

MANY = 1000
FEW = 40
"""Statements for a thousand rows: look-ups go by 500 rows, versions and feed entries in one each."""


class Statements:
    """Counts what is sent to the database while it is entered; many parameter sets of one statement count once."""

    def __init__(self, database: Database) -> None:
        self.engine = database._engine.sync_engine
        self.count = 0

    def _note(self, *_: Any) -> None:
        self.count += 1

    def __enter__(self) -> Self:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)


def _tally(results: list[ItemResult]) -> dict[str, int]:
    return {each.value: count for each in Result if (count := sum(result.result is each for result in results))}


async def _versions(database: Database, acme: Organisation, name: str) -> int:
    table = VERSIONS[name]
    async with database.reading(acme.scope) as session:
        return await session.scalar(select(func.count()).where(table.c.tenant_id == acme.scope.id)) or 0


@pytest.fixture
async def unit(database: Database, acme: Organisation) -> UUID:
    async with database.transaction(acme.scope) as session:
        return (await nouns.create(session, ORG_UNITS, OrgUnitWrite(name="Plant", external_id="P"))).id


@pytest.fixture
async def staff(database: Database, acme: Organisation, unit: UUID) -> list[UUID]:
    """A thousand people in an org unit, in the order of their numbers."""
    writes = [PersonWrite(external_id=str(n), org_unit_id=unit) for n in range(MANY)]
    async with database.transaction(acme.scope) as session:
        return [result.id for result in await people.put_many(session, writes) if result.id is not None]


async def test_a_thousand_people_take_a_handful_of_statements(
    database: Database, acme: Organisation, unit: UUID
) -> None:
    writes = [PersonWrite(external_id=str(n), name=f"P {n}", org_unit_id=unit) for n in range(MANY)]

    tallies = []
    for batch in (writes, writes, [writes[0].model_copy(update={"name": "Another"}), *writes[1:]]):
        with Statements(database) as statements:
            async with database.transaction(acme.scope) as session:
                tallies.append(_tally(await people.put_many(session, batch)))
        assert statements.count < FEW

    assert tallies == [{"created": MANY}, {"unchanged": MANY}, {"updated": 1, "unchanged": MANY - 1}]
    assert await _versions(database, acme, "person") == MANY + 1
    assert await _versions(database, acme, "org_membership") == MANY


async def test_a_thousand_measurements_take_a_handful_of_statements(
    database: Database, acme: Organisation, staff: list[UUID]
) -> None:
    async with database.transaction(acme.scope) as session:
        kpi: Kpi = await nouns.create(session, KPIS, KpiWrite(name="K", unit="u", direction="lower_is_better"))
    writes = [
        MeasurementWrite(
            kpi_id=kpi.id,
            subject_kind="person",
            subject_id=person_id,
            period_start=date(2026, 1, 1),
            period_end=date(2026, 2, 1),
            value=Decimal(n) / 10,
        )
        for n, person_id in enumerate(staff)
    ]

    tallies = []
    for batch in (writes, writes, [each.model_copy(update={"value": Decimal("0.05")}) for each in writes]):
        with Statements(database) as statements:
            async with database.transaction(acme.scope) as session:
                tallies.append(_tally(await measurements.put_many(session, batch)))
        assert statements.count < FEW

    assert tallies == [{"created": MANY}, {"unchanged": MANY}, {"updated": MANY}]
    assert await _versions(database, acme, "measurement") == 2 * MANY


async def test_a_thousand_members_take_a_handful_of_statements(
    database: Database, acme: Organisation, staff: list[UUID]
) -> None:
    async with database.transaction(acme.scope) as session:
        initiative = await nouns.create(session, INITIATIVES, InitiativeWrite(title="I"))
        fields = AudienceWrite(initiative_id=initiative.id, name="A")
        audience = await nouns.create(session, audiences.AUDIENCES, fields)
    writes = [AudienceMemberWrite(person_id=person_id, offered_on=date(2026, 1, 1)) for person_id in staff]

    tallies = []
    for _ in range(2):
        with Statements(database) as statements:
            async with database.transaction(acme.scope) as session:
                tallies.append(_tally(await audiences.put_members(session, audience.id, writes)))
        assert statements.count < FEW

    assert tallies == [{"created": MANY}, {"unchanged": MANY}]
    assert await _versions(database, acme, "audience_member") == MANY


async def test_a_thousand_identities_take_a_handful_of_statements(
    database: Database, acme: Organisation, staff: list[UUID]
) -> None:
    links = [(person_id, IdentityWrite(kind="email", value=f"P{n}@example.org")) for n, person_id in enumerate(staff)]
    taken = [(staff[1], links[0][1]), (UUID(int=7), IdentityWrite(kind="openid", value="x"))]

    tallies = []
    for batch in (links, links, taken):
        with Statements(database) as statements:
            async with database.transaction(acme.scope) as session:
                results = await people.put_identities(session, batch)
                tallies.append(_tally(results))
        assert statements.count < FEW

    assert tallies == [{"created": MANY}, {"unchanged": MANY}, {"refused": 2}]
    assert [fault.code for result in results for fault in result.faults] == ["taken", "unknown_reference"]


async def test_ids_are_looked_up_by_external_id_for_many(
    database: Database, acme: Organisation, rival: Organisation, staff: list[UUID], unit: UUID
) -> None:
    async with database.reading(acme.scope) as session:
        found = await people.ids_by_external_id(session, [*map(str, range(MANY)), "none"])
        units = await org_units.ids_by_external_id(session, ["P", "Q"])
    async with database.reading(rival.scope) as session:
        theirs = await people.ids_by_external_id(session, ["1", "2"])

    assert found == {str(n): person_id for n, person_id in enumerate(staff)}
    assert units == {"P": unit}
    assert theirs == {}


async def test_a_refused_item_leaves_the_row_as_it_was(
    database: Database, acme: Organisation, staff: list[UUID]
) -> None:
    wrong = PersonWrite(external_id="1", name="Another", org_unit_id=UUID(int=7))
    async with database.transaction(acme.scope) as session:
        (refused,) = await people.put_many(session, [wrong])

    async with database.reading(acme.scope) as session:
        row = await nouns.get(session, people.PEOPLE, staff[1])

    assert (refused.result, refused.id, refused.faults[0].pointer) == (Result.REFUSED, None, "/org_unit_id")
    assert (row.name, row.version) == (None, 1)
