"""A school to learn in."""

import pytest

from app.db import Database
from tests.api.figures.school import School
from tests.builders import make
from tests.engines import Organisation


@pytest.fixture
async def school(acme: Organisation, database: Database) -> School:
    return School(acme, database, await make(acme.client, "sources", 0))
