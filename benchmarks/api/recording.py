"""The SQL of a request, written down once and sent again: what a yardstick has to ask the database too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

Statement = tuple[str, Any]


@contextlib.contextmanager
def recorded(engine: AsyncEngine) -> Iterator[list[list[Statement]]]:
    """Write down the statements of each transaction until the block ends."""
    units: list[list[Statement]] = []

    def begun(_connection: Any) -> None:
        units.append([])

    def sent(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001  SQLAlchemy sets the signature
        units[-1].append((statement, parameters))

    event.listen(engine.sync_engine, "begin", begun)
    event.listen(engine.sync_engine, "before_cursor_execute", sent)
    yield units
    event.remove(engine.sync_engine, "begin", begun)
    event.remove(engine.sync_engine, "before_cursor_execute", sent)


async def send_again(engine: AsyncEngine, units: list[list[Statement]]) -> list[list[Any]]:
    """Send recorded statements, one transaction after the other; return the rows of each statement."""
    found = []
    for unit in units:
        async with engine.connect() as connection:
            for statement, parameters in unit:
                result = await connection.exec_driver_sql(statement, parameters)
                found.append(list(result.all()) if result.returns_rows else [])
    return found
