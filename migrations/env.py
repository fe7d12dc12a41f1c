"""Runs the migrations against the address in `config.attributes["url"]`, on either engine."""

import importlib
import pkgutil

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import app.models

for module in pkgutil.iter_modules(app.models.__path__):
    importlib.import_module(f"app.models.{module.name}")


def run() -> None:
    """Upgrade or downgrade in one transaction; foreign keys are off on SQLite while tables are rebuilt."""
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:

        @event.listens_for(engine, "connect")
        def _explicit_transactions(connection, _record):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  a driver's objects
            connection.isolation_level = None
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("PRAGMA busy_timeout=20000")

        @event.listens_for(engine, "begin")
        def _one_migrates(connection):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  a driver's objects
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7417090)")
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            render_as_batch=sqlite,
            transaction_per_migration=False,
            compare_type=True,
        )
        context.run_migrations()
        if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise RuntimeError("the migration would leave rows without the rows they refer to; nothing was changed")
    engine.dispose()


run()
