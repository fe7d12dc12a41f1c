"""A reading unit sees one state of the database, and a statement that is too large fails nobody else."""

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from app.db import Database
from app.models.objectives import Objective, ObjectiveWrite
from app.services import nouns
from app.services.objectives import OBJECTIVES
from tests.engines import Organisation


@pytest.mark.anyio
async def test_two_queries_of_one_reading_unit_see_the_same_state(acme: Organisation, database: Database) -> None:
    async with database.reading(acme.scope) as session:
        before = list(await session.scalars(select(col(Objective.id))))
        async with database.transaction(acme.scope) as writer:
            await nouns.create(writer, OBJECTIVES, ObjectiveWrite(title="meanwhile"))
        after = list(await session.scalars(select(col(Objective.id))))

    assert before == after


@pytest.mark.anyio
async def test_a_mistake_in_a_statement_is_not_taken_for_an_absent_database(
    acme: Organisation, database: Database
) -> None:
    with pytest.raises(Exception, match="no_such") as caught:
        async with database.reading(acme.scope) as session:
            await session.execute(text("SELECT no_such FROM tenant"))

    assert type(caught.value).__name__ != "Unavailable"
