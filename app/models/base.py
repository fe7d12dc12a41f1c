"""What every table shares: column types, ids, tenant keys, and the base classes of rows and shapes."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from sqlalchemy import JSON, BigInteger, DateTime, ForeignKeyConstraint, Numeric, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.domain import ids
from app.models.examples import give_example

MILLIONTHS = Decimal(1_000_000)
LARGEST = Decimal(9200000000000)
"""Largest magnitude of an exact number: what integer millionths hold on SQLite (decisions.md, "Exact numbers")."""


def _own_columns(constraint: Any, _table: Table) -> str:
    """Return the columns of a constraint for its name; that it begins with the tenant goes without saying."""
    return "_".join(column.name for column in constraint.columns if column.name != "tenant_id")


SQLModel.metadata.naming_convention = {
    "own_columns": _own_columns,
    "ix": "ix_%(table_name)s_%(own_columns)s",
    "uq": "uq_%(table_name)s_%(own_columns)s",
    "fk": "fk_%(table_name)s_%(own_columns)s",
    "pk": "pk_%(table_name)s",
}

Json = JSON().with_variant(JSONB(), "postgresql")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps it without the zone so that text order is time order."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database: give it a zone first")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the base class sets the signature
        """Return aware UTC whatever the engine gives."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """An exact decimal with six places: NUMERIC(24,6) on PostgreSQL, integer millionths on SQLite. Sums stay exact."""

    impl = Numeric(24, 6)
    cache_ok = True
    python_type = Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the storage of the engine."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(24, 6))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Scale to millionths on SQLite."""
        if value is None:
            return None
        return int((Decimal(value) * MILLIONTHS).to_integral_exact()) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the decimal with its six places."""
        if value is None:
            return None
        return Decimal(int(value)).scaleb(-6) if dialect.name == "sqlite" else Decimal(value)


def new_id() -> UUID:
    """Return a UUIDv7: time-ordered, made by the application."""
    return uuid7()


class _TypeId:
    """Parses and prints one noun's TypeIDs around a uuid."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def parse(self, value: Any) -> Any:
        return ids.decode(self.prefix, value) if isinstance(value, str) else value

    def show(self, value: UUID) -> str:
        return ids.encode(self.prefix, value)


def public_id(prefix: str) -> Any:
    """Return the pydantic type of a noun's ids: a TypeID outside, a uuid inside."""
    codec = _TypeId(prefix)
    example = ids.encode(prefix, UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
    schema = {"type": "string", "pattern": f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", "examples": [example]}
    return Annotated[
        UUID,
        BeforeValidator(codec.parse),
        PlainSerializer(codec.show, return_type=str, when_used="json"),
        WithJsonSchema(schema),
    ]


def tenant_key(column: str, table: str) -> ForeignKeyConstraint:
    """Return the foreign key of `column` to another row of the same tenant (tenancy rule 2)."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


class Piece(BaseModel):
    """Base of what is inside shapes and answers, and of answers that are no row; built when it is first used.

    Not of what a door receives as it is: building that later, FastAPI's own marks on it are warned of.
    """

    model_config = ConfigDict(defer_build=True)


class Answer(SQLModel):
    """Base of what is answered about rows that are not nouns; built when it is first used."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]  # SQLModel narrows the type of its own config


class Shape(SQLModel):
    """Base of what a client may send: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", validate_default=False, json_schema_extra=give_example)  # type: ignore[assignment]  # as above


class Row(SQLModel):
    """Base of every tenant table: primary key `(tenant_id, id)`, tenant first (tenancy rule 1)."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]  # as above
    prefix: ClassVar[str]

    tenant_id: UUID = Field(primary_key=True, sa_type=Uuid)
    id: UUID = Field(default_factory=new_id, primary_key=True, sa_type=Uuid)


class Noun(Row):
    """Base of every row that people write: row version, instants of creation and last change, archive mark.

    `recorded_at` is the tenant clock's instant of the transaction that wrote this version.
    """

    version: int = 1
    created_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    archived_at: datetime | None = Field(default=None, sa_type=Instant)


ANSWER: Any = ConfigDict(extra="ignore", defer_build=True, json_schema_extra=give_example)
"""The `model_config` of a Read shape that inherits from a Write shape: what is stored besides is left out."""


class ReadShape(SQLModel):
    """What every noun returns besides its own fields."""

    model_config = ANSWER

    version: int = Field(
        description="Counts the writes to this row; its ETag is this number.", schema_extra={"examples": [1]}
    )
    created_at: datetime = Field(
        description="When it was first recorded.", schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]}
    )
    recorded_at: datetime = Field(
        description="When this version was recorded, on the tenant's clock.",
        schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]},
    )
    archived_at: datetime | None = Field(default=None, description="When it was archived; null while in use.")
