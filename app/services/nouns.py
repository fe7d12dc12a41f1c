"""The verbs that every noun shares: add, change, archive, act, read now and as of, list."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Table, UniqueConstraint, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.domain import ids
from app.domain.errors import Conflict, Fault, Invalid, NotFound
from app.models.base import Noun, Row, Shape
from app.models.faults import faults_of
from app.models.history import VERSIONS
from app.models.unit import unit_of
from app.services import changes
from app.services.versions import current_at, keep_versions

R = TypeVar("R", bound=Row)
N = TypeVar("N", bound=Noun)


async def _nothing(_session: AsyncSession, _row: Any) -> None:
    return None


async def _nothing_follows(_session: AsyncSession, _row: Any, _former: Mapping[str, Any]) -> None:
    return None


async def _no_gaps(_session: AsyncSession, _row: Any) -> Sequence[Fault]:
    return ()


@dataclass(frozen=True, slots=True)
class Action:
    """A named change of status: from which states, to which one.

    `gaps` lists what is missing before it; `then` sets what changes with the status, such as a date.
    """

    verb: str
    sources: tuple[str, ...]
    target: str
    description: str
    gaps: Callable[[AsyncSession, Any], Awaitable[Sequence[Fault]]] = _no_gaps
    then: Callable[[AsyncSession, Any], Awaitable[None]] = _nothing


Condition = Callable[[UUID, Sequence[Any]], ColumnElement[bool]]
"""(tenant id, the values allowed; None among them: none): what rows must meet to have one of them."""


def _as_is(fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = fields.model_dump()
    return values


def merge(current: Any, change: Any) -> Any:
    """Return `current` with a merge patch applied: objects are merged, null removes, anything else replaces."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(current) if isinstance(current, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


@dataclass(frozen=True, slots=True)
class NounType(Generic[R]):
    """All that the shared verbs and doors need to know of a noun.

    `check` refuses a row that contradicts others; `columns` turns a Write shape into column values and `shown` a row
    (or the mapping of a version) into the values of its shapes, where they differ; `linked` does the latter for many
    rows with queries. `followed` does what a change entails; it is given the former values of the columns that changed
    (on creation: None for each). `filters` names what narrows a list: columns, and what a row shows without having a
    column for it, which `derived` turns into a condition. `ranges` names columns of days and counts that a
    list bounds from and before, as it does the instants.
    `merged` returns what is written when a merge patch is applied to what was.
    `volatile` says that something shown changes without a new version, so that no ETag saves an answer.
    """

    row: type[R]
    write: type[SQLModel]
    read: type[SQLModel]
    plural: str
    search: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    derived: Mapping[str, Condition] = field(default_factory=dict, hash=False)
    sorts: tuple[str, ...] = ("created_at", "recorded_at")
    ranges: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()
    actions: tuple[Action, ...] = ()
    check: Callable[[AsyncSession, R], Awaitable[None]] = _nothing
    followed: Callable[[AsyncSession, R, Mapping[str, Any]], Awaitable[None]] = _nothing_follows
    columns: Callable[[Any], dict[str, Any]] = _as_is
    shown: Callable[[Any], Any] = field(default=lambda row: row)
    linked: Callable[[AsyncSession, Sequence[Any]], Awaitable[Sequence[Any]]] | None = None
    merged: Callable[[Mapping[str, Any], Mapping[str, Any]], Any] = merge
    volatile: bool = False

    @property
    def name(self) -> str:
        """The noun in the singular: its table's name."""
        return self.table.name

    @property
    def table(self) -> Table:
        """The current table."""
        table: Table = self.row.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
        return table

    @property
    def spoken(self) -> str:
        """The noun in a sentence."""
        return "KPI" if self.name == "kpi" else self.name.replace("_", " ")

    def public(self, noun_id: UUID) -> str:
        """Return the public id of one row."""
        return ids.encode(self.row.prefix, noun_id)

    def present(self, row: Any) -> SQLModel:
        """Return a row (or a version's mapping) in its Read shape."""
        values = self.shown(row)
        if isinstance(values, Mapping):
            fields = self.read.model_fields
            values = {name: value for name, value in values.items() if name in fields}
        # SQLModel's own way is for tables, and takes as long again.
        shown: SQLModel = self.read.__pydantic_validator__.validate_python(values, from_attributes=True)
        return shown

    def written(self, row: R) -> dict[str, Any]:
        """Return what would be sent to write `row` as it is."""
        values = self.shown(row)
        if isinstance(values, Mapping):
            return {name: values[name] for name in self.write.model_fields}
        return {name: getattr(values, name) for name in self.write.model_fields}


async def create(session: AsyncSession, noun: NounType[N], fields: Shape) -> N:
    """Add one row. Raises Invalid (unknown references, contradictions) and Conflict (a key that is taken)."""
    values = noun.columns(fields)
    row = noun.row(**values, tenant_id=unit_of(session).tenant.id, **_birth(session))
    await _accept(session, noun, row)
    await keep(session, row, "created")
    await noun.followed(session, row, dict.fromkeys(values))
    return row


async def patch(
    session: AsyncSession,
    noun: NounType[N],
    noun_id: UUID,
    fields: Mapping[str, Any],
    *,
    versions: Sequence[int] | None,
) -> N:
    """Apply a merge patch (RFC 7396): absent is not null. `versions` are those that If-Match allows; None: any."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    return await _rewrite(session, noun, row, noun.merged(noun.written(row), fields))


async def put(
    session: AsyncSession,
    noun: NounType[N],
    external_id: str,
    fields: Shape,
    *,
    versions: Sequence[int] | None = None,
    only_new: bool = False,
) -> tuple[N, bool]:
    """Create or replace the row with that external id; return it and whether it is new. What is equal is left alone.

    With `versions` it must be there already, with `only_new` it must not.
    """
    fields = fields.model_copy(update={"external_id": external_id})
    row = await find_by_external_id(session, noun, external_id)
    if row is None:
        if versions is not None:
            raise Conflict("There is none yet: send it without If-Match to create it.", code="precondition_failed")
        return await create(session, noun, fields), True
    if only_new:
        raise Conflict(f"It is there already, at version {row.version}.", code="precondition_failed")
    expect(row, versions)
    return await _rewrite(session, noun, row, fields.model_dump()), False


async def archive(session: AsyncSession, noun: NounType[N], noun_id: UUID, *, versions: Sequence[int] | None) -> N:
    """Take a row out of use; it stays readable by id. Archiving twice is not an error."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    if row.archived_at is None:
        row.archived_at = unit_of(session).tick()
        await keep(session, row, "archived")
    return row


async def restore(session: AsyncSession, noun: NounType[N], noun_id: UUID, *, versions: Sequence[int] | None) -> N:
    """Take an archived row back into use. Restoring one that is in use changes nothing."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    if row.archived_at is not None:
        row.archived_at = None
        await keep(session, row, "restored")
    return row


async def act(
    session: AsyncSession, noun: NounType[N], noun_id: UUID, action: Action, *, versions: Sequence[int] | None
) -> N:
    """Carry out one action; Conflict `wrong_state` when the status does not allow it. Repeating it changes nothing."""
    row = await get(session, noun, noun_id)
    expect(row, versions)
    status = str(getattr(row, "status"))  # noqa: B009  only nouns with actions have one
    if status == action.target:
        return row
    if status not in action.sources:
        allowed = " or ".join(action.sources)
        detail = f"To {action.verb}, the {noun.spoken} must be {allowed}; it is {status}."
        raise Conflict(detail, code="wrong_state")
    gaps = tuple(await action.gaps(session, row))
    if gaps:
        found = "; ".join(fault.detail for fault in gaps)
        faults = tuple(Fault(fault.code, fault.detail) for fault in gaps)
        raise Conflict(f"Before you {action.verb} it, mend this: {found}.", code="not_ready", errors=faults)
    setattr(row, "status", action.target)  # noqa: B010  the same
    await action.then(session, row)
    await keep(session, row, action.target)
    return row


async def keep(session: AsyncSession, row: Noun, verb: str) -> None:
    """Write a new or changed row with its version and its entry in the change feed."""
    if verb != "created":
        row.version += 1
    row.recorded_at = unit_of(session).tick()
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        raise _conflict(row, error) from error
    await keep_versions(session, [row])
    await changes.note(session, [row], verb)


async def get(session: AsyncSession, noun: NounType[R], noun_id: UUID) -> R:
    """Return one row of the tenant; NotFound otherwise, for another tenant's id too."""
    row = await session.get(noun.row, (unit_of(session).tenant.id, noun_id))
    if row is None:
        raise missing(noun, noun_id)
    return row


async def get_many(session: AsyncSession, noun: NounType[R], noun_ids: Sequence[UUID]) -> list[R | None]:
    """Return rows in the order of `noun_ids`; None where there is none."""
    found = await session.scalars(select(noun.row).where(noun.table.c.id.in_(noun_ids)))
    by_id = {row.id: row for row in found}
    return [by_id.get(noun_id) for noun_id in noun_ids]


async def get_as_of(session: AsyncSession, noun: NounType[R], noun_id: UUID, as_of: datetime) -> Mapping[str, Any]:
    """Return the version that was current at `as_of`; NotFound when there was none yet."""
    table = VERSIONS[noun.name]
    statement = select(table).where(
        table.c.tenant_id == unit_of(session).tenant.id,
        table.c[f"{noun.name}_id"] == noun_id,
        current_at(table, as_of),
    )
    found = (await session.execute(statement)).mappings().one_or_none()
    if found is None:
        raise missing(noun, noun_id)
    return {**found, "id": noun_id}


async def present_many(session: AsyncSession, noun: NounType[R], rows: Sequence[R]) -> list[SQLModel]:
    """Return rows, in order, in their Read shape."""
    values = rows if noun.linked is None else await noun.linked(session, rows)
    return [noun.present(value) for value in values]


async def find_by_external_id(session: AsyncSession, noun: NounType[R], external_id: str) -> R | None:
    """Return the row with that external id, archived or not."""
    return await session.scalar(select(noun.row).where(noun.table.c.external_id == external_id))


def missing(noun: NounType[Any], noun_id: UUID) -> NotFound:
    """Return the error for an id that this tenant does not have."""
    return NotFound(f"There is no {noun.spoken} {noun.public(noun_id)} in this tenant.")


async def count(session: AsyncSession, noun: NounType[Any], *conditions: Any) -> int:
    """Return how many rows of the tenant meet `conditions`."""
    return await session.scalar(select(func.count()).select_from(noun.row).where(and_(True, *conditions))) or 0


def _birth(session: AsyncSession) -> dict[str, Any]:
    now = unit_of(session).tick()
    return {"created_at": now, "recorded_at": now}


async def _rewrite(session: AsyncSession, noun: NounType[N], row: N, merged: Mapping[str, Any]) -> N:
    try:
        fields = noun.write.model_validate(merged)
    except ValidationError as error:
        raise Invalid("Mend the fields named in errors.", errors=faults_of(error.errors())) from error
    values = noun.columns(fields)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    refused = sorted(noun.fixed & changed.keys())
    if refused:
        faults = tuple(Fault("fixed", "cannot be changed after creation", pointer=f"/{name}") for name in refused)
        raise Invalid(f"{', '.join(refused)} cannot be changed: create another one instead.", errors=faults)
    if not changed:
        return row
    former = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    with session.no_autoflush:
        await _accept(session, noun, row)
    await keep(session, row, "updated")
    await noun.followed(session, row, former)
    return row


async def _accept(session: AsyncSession, noun: NounType[N], row: N) -> None:
    await require_references(session, noun.table, [row])
    await noun.check(session, row)


async def require_references(session: AsyncSession, table: Table, rows: Sequence[Any]) -> None:
    """Raise Invalid when a foreign id of any row is not one of this tenant; one query per foreign key."""
    for faults in await reference_faults(session, table, rows):
        if faults:
            raise Invalid("; ".join(f"{fault.pointer} {fault.detail}" for fault in faults) + ".", errors=tuple(faults))


async def reference_faults(session: AsyncSession, table: Table, rows: Sequence[Any]) -> list[list[Fault]]:
    """Return for each row, in order, the foreign ids that are not ones of this tenant; one query per foreign key."""
    found: list[list[Fault]] = [[] for _ in rows]
    for constraint in sorted(table.foreign_key_constraints, key=lambda each: each.column_keys[-1]):
        column = constraint.column_keys[-1]
        target = constraint.referred_table
        unknown = await _unknown(session, target, {getattr(row, column) for row in rows} - {None})
        detail = f"names no {target.name.replace('_', ' ')} of this tenant"
        for row, faults in zip(rows, found, strict=True):
            if getattr(row, column) in unknown:
                faults.append(Fault("unknown_reference", detail, pointer=f"/{column}"))
    return found


async def _unknown(session: AsyncSession, target: Table, wanted: set[UUID]) -> set[UUID]:
    if not wanted:
        return wanted
    statement = select(target.c.id).where(target.c.tenant_id == unit_of(session).tenant.id, target.c.id.in_(wanted))
    return wanted - set(await session.scalars(statement))


def expect(row: Noun, versions: Sequence[int] | None) -> None:
    """Raise Conflict `precondition_failed` unless the row is at one of `versions` (none given: any)."""
    if versions and row.version not in versions:
        raise Conflict(
            f"It is at version {row.version} now: read it again and apply your change to that.",
            code="precondition_failed",
        )


def _conflict(row: Noun, error: IntegrityError) -> Conflict:
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel on table classes
    text = str(error.orig)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            columns = [column.name for column in constraint.columns if column.name != "tenant_id"]
            if str(constraint.name) in text or all(f"{table.name}.{column}" in text for column in columns):
                faults = tuple(Fault("taken", "is taken", pointer=f"/{column}") for column in columns)
                detail = f"There is a {table.name.replace('_', ' ')} with the same {' and '.join(columns)} already."
                return Conflict(detail, code="already_exists", errors=faults)
    return Conflict(f"The {table.name.replace('_', ' ')} contradicts what is stored.")
