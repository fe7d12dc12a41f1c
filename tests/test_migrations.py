"""Migrations: the schema that they make is the one that the models say, on both engines, up, down and up again."""

import importlib
import pkgutil
import secrets

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import app.models
from app import schema
from app.config import Settings
from tests.engines import SECRET_KEY, make_database

for module in pkgutil.iter_modules(app.models.__path__):
    importlib.import_module(f"app.models.{module.name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path) -> Settings:
    """The settings of an empty database."""
    if request.param == "sqlite":
        return Settings(database_url=f"sqlite:///{tmp_path}/empty.db", secret_keys=(SECRET_KEY,))
    owner, application = make_database(request.getfixturevalue("postgres_server"), f"migrations_{secrets.token_hex(4)}")
    return Settings(database_url=application, migration_database_url=owner, secret_keys=(SECRET_KEY,))


def differences(settings: Settings) -> list[object]:
    engine = create_engine(schema.sync_url(settings), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, SQLModel.metadata)


def test_the_migrated_schema_is_that_of_the_models(empty: Settings) -> None:
    schema.migrate(empty)

    assert differences(empty) == []


def test_every_revision_goes_down_and_up_again(empty: Settings) -> None:
    schema.migrate(empty)
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["url"] = schema.sync_url(empty)

    command.downgrade(config, "base")
    schema.migrate(empty)

    assert differences(empty) == []
