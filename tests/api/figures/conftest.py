"""A school to learn in, and a scene that is made once."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from app.db import Database
from tests.api.figures.scene import Scene, set_up
from tests.api.figures.school import School
from tests.builders import make
from tests.engines import Organisation, organisation


@pytest.fixture
async def school(acme: Organisation, database: Database) -> School:
    return School(acme, database, await make(acme.client, "sources", 0))


@pytest.fixture(scope="session")
async def scene(app: FastAPI, database: Database) -> AsyncIterator[Scene]:
    """A tenant of its own for tests that only read it."""
    async with organisation(app, ["admin"]) as found:
        yield await set_up(School(found, database, await make(found.client, "sources", 0)))
