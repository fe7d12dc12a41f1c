"""Schemas: brought up to date by `migrate`, and a start refused with what to run when they are not."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from app import schema
from app.config import Settings
from tests.cli.conftest import Command, new_settings, start
from tests.engines import SECRET_KEY


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty database on each engine."""
    return new_settings(request.param, request, tmp_path)


def set_revision(settings: Settings, revision: str) -> None:
    """Make the database say that it is at `revision`."""
    engine = create_engine(schema.sync_url(settings), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


def test_migrate_makes_the_tables_and_does_nothing_the_second_time(run: Command, empty: Settings) -> None:
    said = [run("migrate", settings=empty) for _ in range(2)]

    assert [each.exit_code for each in said] == [0, 0], said[0].output
    assert said[0].stdout == said[1].stdout == f"The database is at revision {schema.head()}.\n"
    assert run("tenant", "create", "acme", settings=empty).exit_code == 0


def test_two_that_migrate_at_once_do_not_hurt_each_other(empty: Settings) -> None:
    processes = [start(empty, "migrate") for _ in range(2)]
    said = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], said
    assert {stdout for stdout, _ in said} == {f"The database is at revision {schema.head()}.\n"}


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("worker",), ("tenant", "list")])
def test_a_postgresql_without_tables_or_behind_refuses_with_the_command_to_run(
    run: Command, request: pytest.FixtureRequest, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    settings = new_settings("postgresql", request, tmp_path)

    empty = run(*arguments, settings=settings)
    schema.migrate(settings, "+1")
    behind = run(*arguments, settings=settings)

    assert (empty.exit_code, behind.exit_code) == (2, 2)
    assert empty.stderr == "The database has no tables yet: run `throughline migrate`.\n"
    assert behind.stderr.endswith(f"not yet at {schema.head()}: run `throughline migrate`.\n")


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("worker",), ("migrate",), ("tenant", "list")])
def test_a_database_that_is_newer_than_the_code_is_left_alone(
    run: Command, empty: Settings, arguments: tuple[str, ...]
) -> None:
    schema.migrate(empty)
    set_revision(empty, "29991231_from_the_future")

    result = run(*arguments, settings=empty)

    assert result.exit_code == 2
    assert result.stderr == (
        "The database is at revision 29991231_from_the_future, which this version of Throughline does not know: "
        "run the version that migrated it, or a newer one.\n"
    )


def test_an_sqlite_file_in_a_folder_that_is_not_there_is_told(run: Command, tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'no' / 'such.db'}", secret_keys=(SECRET_KEY,))

    result = run("migrate", settings=settings)

    assert result.exit_code == 2
    assert "unable to open database file" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_role_that_may_not_make_tables_is_told_without_its_password(
    run: Command, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings = new_settings("postgresql", request, tmp_path)
    application = make_url(settings.database_url).set(password="hunter2").render_as_string(hide_password=False)

    result = run("migrate", settings=Settings(database_url=application, secret_keys=(SECRET_KEY,)))

    assert result.exit_code == 2
    assert "permission denied" in result.stderr
    assert "THROUGHLINE_MIGRATION_DATABASE_URL" in result.stderr
    assert "hunter2" not in result.output
