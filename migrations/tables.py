"""How the first migrations spell tables. Frozen: a later migration that needs another spelling spells it itself."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import sqlalchemy as sa
from alembic import op

from app.models.base import Instant

Keys = Sequence[tuple[str, str]]
"""(column, table): foreign keys to a row of the same tenant."""

Columns = Sequence[Sequence[str]]
"""Names of the columns of a constraint, `tenant_id` left out; `named` gives those a name of their own."""


def create(
    name: str,
    *columns: sa.Column[object],
    keys: Keys = (),
    unique: Columns = (),
    named: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Create a tenant table: primary key (tenant_id, id), every other key beginning with the tenant."""
    op.create_table(
        name,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("tenant_id", "id", name=f"pk_{name}"),
        *(_foreign(name, column, table) for column, table in keys),
        *(_unique(f"uq_{name}_{'_'.join(names)}", names) for names in unique),
        *(_unique(own_name, names) for own_name, names in named.items()),
    )
    _guard(name)


def create_noun(
    name: str,
    *columns: sa.Column[object],
    keys: Keys = (),
    unique: Columns = (),
    named: Mapping[str, Sequence[str]] = MappingProxyType({}),
    historised: bool = True,
) -> None:
    """Create the table of a noun with what all nouns have, and its version table if it is historised."""
    create(name, *columns, *_of_every_noun(), keys=keys, unique=unique, named=named)
    if not historised:
        return
    noun_id = f"{name}_id"
    copies = [sa.Column(column.name, column.type, nullable=column.nullable) for column in columns]
    create(
        f"{name}_version",
        sa.Column(noun_id, sa.Uuid(), nullable=False),
        *copies,
        *_of_every_noun(),
        sa.Column("superseded_at", Instant(), nullable=True),
        keys=((noun_id, name),),
        unique=((noun_id, "version"),),
    )


def drop(*names: str) -> None:
    """Drop tables in order."""
    for name in names:
        op.drop_table(name)


def _of_every_noun() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("archived_at", Instant(), nullable=True),
    ]


def _foreign(name: str, column: str, table: str) -> sa.ForeignKeyConstraint:
    target = [f"{table}.tenant_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(["tenant_id", column], target, name=f"fk_{name}_{column}")


def _unique(name: str, names: Sequence[str]) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("tenant_id", *names, name=name)


def _guard(name: str) -> None:
    """Let a transaction see the rows of its own tenant only, the owner of the table included."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {name} USING (tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid)"
    )
