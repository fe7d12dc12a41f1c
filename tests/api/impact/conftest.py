"""The engine does not depend on the database: what it computes is tested on SQLite alone."""

import pytest

from app.config import Settings


@pytest.fixture(scope="session")
def settings(sqlite_settings: Settings) -> Settings:
    """Only SQLite."""
    return sqlite_settings
