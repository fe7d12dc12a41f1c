"""The seven tenancy rules (architecture, "Tenancy and scale-out"), read off the metadata and off both engines."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint, Uuid, create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import app.models
from app.config import Settings
from app.models.history import VERSIONS
from app.models.tenancy import LOCAL_TABLES, REFERENCE_TABLES
from tests.engines import APPLICATION, found_tenant

for _module in pkgutil.iter_modules(app.models.__path__):
    importlib.import_module(f"app.models.{_module.name}")

EVERY = SQLModel.metadata.tables
TENANT_TABLES = {name: table for name, table in EVERY.items() if name not in {*REFERENCE_TABLES, *LOCAL_TABLES}}

every_tenant_table = pytest.mark.parametrize("table", TENANT_TABLES.values(), ids=TENANT_TABLES)


@every_tenant_table
def test_rule_1_the_primary_key_is_tenant_then_id(table: Table) -> None:
    assert [column.name for column in table.primary_key.columns] == ["tenant_id", "id"]


@every_tenant_table
def test_rule_2_unique_and_foreign_keys_begin_with_the_tenant(table: Table) -> None:
    uniques = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    uniques += [index for index in table.indexes if index.unique]

    assert [unique.name for unique in uniques if next(iter(unique.columns)).name != "tenant_id"] == []
    assert [column.name for column in table.columns if column.unique] == []
    for key in (each for each in table.constraints if isinstance(each, ForeignKeyConstraint)):
        assert key.column_keys[0] == "tenant_id"
        target = key.referred_table
        if target.name in REFERENCE_TABLES:
            continue
        assert [element.column.name for element in key.elements] == ["tenant_id", "id"]
        assert target.name in TENANT_TABLES


@every_tenant_table
def test_every_index_begins_with_the_tenant(table: Table) -> None:
    assert [index.name for index in table.indexes if next(iter(index.columns)).name != "tenant_id"] == []


def test_rule_3_global_tables_are_few_and_listed() -> None:
    outside = {name for name, table in EVERY.items() if "tenant_id" not in {c.name for c in table.primary_key.columns}}

    assert outside == {*REFERENCE_TABLES, *LOCAL_TABLES}
    assert len(outside) <= 5


@pytest.mark.parametrize("table", EVERY.values(), ids=EVERY)
def test_rule_5_ids_are_made_by_the_application_and_never_updated(table: Table) -> None:
    for column in table.primary_key.columns:
        assert isinstance(column.type, Uuid)
        assert column.server_default is None
        assert column.identity is None
    assert [key.name for key in table.foreign_key_constraints if key.onupdate or key.ondelete] == []


@pytest.mark.parametrize("name", LOCAL_TABLES)
def test_rule_6_local_tables_refer_to_nothing_and_nothing_to_them(name: str) -> None:
    assert EVERY[name].foreign_keys == set()
    assert [
        other for other, table in EVERY.items() for key in table.foreign_keys if key.column.table.name == name
    ] == []


def test_every_version_table_keeps_each_version_of_a_row_once() -> None:
    for name, versions in VERSIONS.items():
        uniques = [
            [column.name for column in each.columns]
            for each in versions.constraints
            if isinstance(each, UniqueConstraint)
        ]
        assert uniques == [["tenant_id", f"{name}_id", "version"]]
        current = {column.name for column in EVERY[name].columns} - {"id"}
        assert current <= {column.name for column in versions.columns}
        assert {"recorded_at", "superseded_at"} <= {column.name for column in versions.columns}


@pytest.fixture
def application(postgresql_settings: Settings) -> Iterator[Engine]:
    """PostgreSQL as the application's role."""
    url = make_url(postgresql_settings.database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()


def test_rule_7_there_are_neither_sequences_nor_triggers_nor_partitions(application: Engine) -> None:
    with application.connect() as connection:
        kinds = set(
            connection.execute(
                text("SELECT relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            ).scalars()
        )
        triggers = connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")).all()

    assert {str(kind) for kind in kinds} == {"r", "i"}
    assert triggers == []


def test_row_level_security_is_forced_on_every_tenant_table_and_on_no_other(application: Engine) -> None:
    with application.connect() as connection:
        forced = connection.execute(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity")
        ).scalars()
        policies = connection.execute(text("SELECT tablename, cmd, qual FROM pg_policies")).all()

        assert set(forced) == set(TENANT_TABLES)
    assert {policy.tablename for policy in policies} == set(TENANT_TABLES)
    assert {(policy.cmd, "app.tenant" in policy.qual) for policy in policies} == {("ALL", True)}


def test_the_application_is_neither_owner_nor_superuser_nor_above_the_policies(application: Engine) -> None:
    with application.connect() as connection:
        role = connection.execute(
            text("SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        ).one()
        owned = connection.execute(
            text("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
        ).all()

    assert tuple(role) == (APPLICATION, False, False, False)
    assert owned == []


@pytest.fixture
async def filled(postgresql_settings: Settings) -> str:
    """The id of a tenant with rows, on PostgreSQL."""
    database = importlib.import_module("app.db").Database(postgresql_settings)
    scope, _ = await found_tenant(database, ["read"])
    await database.dispose()
    return str(scope.id)


async def test_without_a_tenant_the_application_sees_no_row(application: Engine, filled: str) -> None:
    with application.connect() as connection:
        counts = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608  names of our own tables
            for name in TENANT_TABLES
        }
        connection.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": filled})
        own = connection.execute(text("SELECT count(*) FROM api_key")).scalar_one()
        connection.rollback()
        after = connection.execute(text("SELECT count(*) FROM api_key")).scalar_one()

    assert {name for name, count in counts.items() if count} == set()
    assert (own, after) == (1, 0)


async def test_a_row_of_another_tenant_can_be_neither_read_written_nor_moved(application: Engine, filled: str) -> None:
    other = "01890a5d-ac96-774b-bcce-b302099a8057"
    move = text("UPDATE api_key SET tenant_id = :other")
    with application.connect() as connection:
        connection.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": other})
        assert connection.execute(text("UPDATE api_key SET name = 'mine'")).rowcount == 0
        assert connection.execute(text("DELETE FROM api_key")).rowcount == 0
        connection.rollback()
        connection.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": filled})
        with pytest.raises(DBAPIError, match="row-level security"):
            connection.execute(move, {"other": other})
