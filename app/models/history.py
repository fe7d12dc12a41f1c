"""Versions: every state that a historised row has had, in transaction time (decisions.md, "History")."""

from typing import Any, TypeVar

from sqlalchemy import Column, ForeignKeyConstraint, Index, Table, UniqueConstraint, Uuid
from sqlmodel import SQLModel

from app.models.base import Instant, Row

R = TypeVar("R", bound=type[Row])

VERSIONS: dict[str, Table] = {}
"""The version table of each historised table, by the name of the current table."""


LOOKED_UP_BY = {
    "enrolment": "activity_id",
    "audience_member": "audience_id",
    "activity": "initiative_id",
    "measurement": "kpi_id",
}
"""Columns by which versions are looked up in large tables, as of an instant; each has an index."""


def historised(row: R) -> R:
    """Class decorator: give `row` its `<noun>_version` table, with one row for every version that was ever current.

    A version is valid from `recorded_at` until `superseded_at` (None: it is the current one).
    """
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    noun_id = f"{table.name}_id"
    copied: list[Column[Any]] = [
        Column(column.name, column.type, nullable=column.nullable)
        for column in table.columns
        if column.name not in {"tenant_id", "id", "created_at"}
    ]
    VERSIONS[table.name] = Table(
        f"{table.name}_version",
        SQLModel.metadata,
        Column("tenant_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column(noun_id, Uuid, nullable=False),
        *copied,
        Column("created_at", Instant, nullable=False),
        Column("superseded_at", Instant, nullable=True),
        ForeignKeyConstraint(["tenant_id", noun_id], [f"{table.name}.tenant_id", f"{table.name}.id"]),
        UniqueConstraint("tenant_id", noun_id, "version"),
    )
    if table.name in LOOKED_UP_BY:
        column = LOOKED_UP_BY[table.name]
        Index(f"ix_{table.name}_version_{column}", VERSIONS[table.name].c.tenant_id, VERSIONS[table.name].c[column])
    return row
