"""Rows of any table as Python values: read, written and summed up the same on both engines."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import JSONB

Row = Sequence[Any]

_ROWS_AT_ONCE = 1_000
_WIDE = {"body", "content", "document", "definition"}
"""Columns that hold megabytes: rows that have one are fetched one at a time."""
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_NULL = "\0null"
"""How JSON's null is summed up; no text of the service holds a NUL."""
_NUMBERS = Context(prec=1_000)


class Rows:
    """The rows of one table, as Python values."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self._columns = [
            sa.column(each.name, _JSON if isinstance(each.type, sa.JSON) else each.type) for each in table.c
        ]
        self._table = sa.table(table.name, *self._columns)
        self._names = [each.name for each in self._columns]
        self._key = [each.name for each in table.primary_key]
        self._tenant = "id" if "tenant_id" not in self._names else "tenant_id"
        self._documents = [number for number, each in enumerate(table.c) if isinstance(each.type, sa.JSON)]
        self._fetched = 1 if _WIDE.intersection(self._names) else _ROWS_AT_ONCE
        self.inward = [
            column.name
            for key in table.foreign_key_constraints
            if key.referred_table is table
            for column in key.columns
            if column.name not in self._key
        ]
        """Columns that name another row of the same table, which may come later."""

    def count(self, connection: Connection, tenant: UUID) -> int:
        """Count the rows of a tenant."""
        counted = sa.select(sa.func.count()).select_from(self._table).where(self._of(tenant))
        return connection.scalar(counted) or 0

    def any(self, connection: Connection) -> bool:
        """Tell whether there is a row that this connection may see."""
        return connection.scalar(sa.select(sa.literal(1)).select_from(self._table).limit(1)) is not None

    def read(self, connection: Connection, tenant: UUID) -> Iterator[Row]:
        """Yield the rows of a tenant by their keys. Where JSON says null, and does not miss, that is `JSON.NULL`."""
        missing = [self._columns[number].is_(None) for number in self._documents]
        statement = sa.select(*self._columns, *missing).where(self._of(tenant))
        statement = statement.order_by(*(self._table.c[name] for name in self._key))
        width = len(self._columns)
        for found in connection.execute(statement, execution_options={"yield_per": self._fetched}):
            row = list(found[:width])
            for number, is_missing in zip(self._documents, found[width:], strict=True):
                if row[number] is None and not is_missing:
                    row[number] = sa.JSON.NULL
            yield row

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Add rows; what names a row of the same table waits for `join`."""
        waiting = dict.fromkeys(self.inward)
        connection.execute(sa.insert(self._table), [dict(zip(self._names, row, strict=True)) | waiting for row in rows])

    def join(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Let rows that are there name the rows of the same table that they name."""
        key = [self._table.c[name] == sa.bindparam(f"of_{name}") for name in self._key]
        statement = (
            sa.update(self._table).where(*key).values({name: sa.bindparam(f"to_{name}") for name in self.inward})
        )
        values = [dict(zip(self._names, row, strict=True)) for row in rows]
        connection.execute(
            statement,
            [
                {f"of_{name}": row[name] for name in self._key} | {f"to_{name}": row[name] for name in self.inward}
                for row in values
            ],
        )

    def names_own(self, row: Row) -> bool:
        """Tell whether a row names a row of the same table."""
        return any(row[self._names.index(name)] is not None for name in self.inward)

    def _of(self, tenant: UUID) -> sa.ColumnElement[bool]:
        return self._table.c[self._tenant] == tenant


class Sum:
    """How many rows there are, and a SHA-256 over what they say that is the same on every engine."""

    def __init__(self) -> None:
        self.rows = 0
        self._digest = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Count one row; the order of rows counts too."""
        self.rows += 1
        self._digest.update(json.dumps(list(map(_plainly, row)), sort_keys=True, default=str).encode())

    def told(self) -> Mapping[str, object]:
        """Return both as a script reads them."""
        return {"rows": self.rows, "sha256": self._digest.hexdigest()}


def _plainly(value: Any) -> Any:
    """Return a value in the spelling that both engines share: JSON numbers by their value, bytes in hexadecimal."""
    found: Any
    if value is sa.JSON.NULL:
        found = _NULL
    elif value is None or isinstance(value, bool):
        found = value
    elif isinstance(value, int | float):
        found = str(_NUMBERS.normalize(Decimal(repr(value)))) if value else "0"
    elif isinstance(value, bytes):
        found = value.hex()
    elif isinstance(value, dict):
        found = {name: _plainly(each) for name, each in value.items()}
    elif isinstance(value, list):
        found = [_plainly(each) for each in value]
    else:
        found = str(value)
    return found
