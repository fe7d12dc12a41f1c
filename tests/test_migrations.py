"""Migrations: the schema that they make is the one that the models say, on both engines, up, down and up again."""

import importlib
import pkgutil
import secrets
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
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


def test_the_chain_that_is_read_from_the_files_is_the_one_that_migrating_follows() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))

    assert schema.head() == scripts.get_current_head()
    assert {step.revision: step.down_revision for step in scripts.walk_revisions()} == {
        revision: before or None for revision, before in schema._revisions().items()
    }


def test_an_embedded_database_says_whether_it_is_current(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db", secret_keys=(SECRET_KEY,))

    states = [schema.is_current(settings)]
    (tmp_path / "t.db").touch()
    states.append(schema.is_current(settings))
    schema.migrate(settings, "20261123_tenancy")
    states.append(schema.is_current(settings))
    schema.migrate(settings)

    assert states == [False, False, False]
    assert schema.is_current(settings)
