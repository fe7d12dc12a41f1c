"""Many writes of one noun in a handful of statements, each with its own result; the same again changes nothing."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Conflict, Fault, Invalid
from app.models.base import Noun, Shape
from app.services.bulk import add_many, born, change_many
from app.services.nouns import NounType, find_by_external_id, put, reference_faults

N = TypeVar("N", bound=Noun)
K = TypeVar("K", bound=Hashable)

CHUNK = 500


class Result(StrEnum):
    """What became of one item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item, and the row's id; a refused one has none, but `faults` (pointers into the item)."""

    result: Result
    id: UUID | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Item(Generic[K]):
    """One row to be: its key (None: it has none), the values of its columns, and what is wrong with it so far."""

    key: K | None
    values: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)


def _as_sent(_former: Any, values: dict[str, Any]) -> dict[str, Any]:
    return values


async def put_items(
    session: AsyncSession,
    noun: NounType[N],
    items: Sequence[Item[K]],
    find: Callable[[AsyncSession, Sequence[K]], Awaitable[Mapping[K, N]]],
    *,
    settle: Callable[[N | None, dict[str, Any]], dict[str, Any]] = _as_sent,
    noted: bool = True,
) -> tuple[list[ItemResult], list[tuple[N, dict[str, Any]]]]:
    """Write `items`; return their results in order, and the rows written, each with the former values that changed.

    `find` returns the rows that have a key already, detached from the session; `settle` completes the values of an
    item by what the former row says (None: there is none). An item that repeats a key of this batch is refused. `noted`
    false: the caller notes the change in the feed.
    """
    _refuse_keyless(items)
    known = await find(session, [item.key for item in items if item.key is not None and not item.faults])
    placed = [(item, *_place(session, noun, item, known, settle)) for item in items if not item.faults]
    for item, _, former in placed:
        _refuse_fixed(noun, item, former)
    for (item, _, _), faults in zip(
        placed, await reference_faults(session, noun.table, [row for _, row, _ in placed]), strict=True
    ):
        item.faults += faults
    for item, row, _ in placed:
        await _check(session, noun, item, row)
    good = [(row, former) for item, row, former in placed if not item.faults]
    await add_many(session, [row for row, former in good if former is None], noted=noted)
    await change_many(session, [row for row, former in good if former], noted=noted)
    outcome = {id(item): _result(item, row, former) for item, row, former in placed}
    refused = [outcome.get(id(item)) or ItemResult(Result.REFUSED, None, tuple(item.faults)) for item in items]
    return refused, [(row, {} if former is None else former) for row, former in good if former is None or former]


async def put_by_external_id(
    session: AsyncSession, noun: NounType[N], writes: Sequence[Shape]
) -> tuple[list[ItemResult], list[tuple[N, dict[str, Any]]]]:
    """Create or replace rows by their external ids; see `put_items`. An item without one is refused."""
    items = [Item(values["external_id"], values) for values in map(noun.columns, writes)]

    async def find(session: AsyncSession, keys: Sequence[str]) -> Mapping[str, N]:
        return {str(getattr(row, "external_id")): row for row in await by_external_ids(session, noun, keys)}  # noqa: B009  Noun itself has none

    return await put_items(session, noun, items, find)


async def put_in_bulk(session: AsyncSession, noun: NounType[N], writes: Sequence[Shape]) -> list[ItemResult]:
    """Create or replace rows by their external ids, and do what follows from each; results in order."""
    results, written = await put_by_external_id(session, noun, writes)
    for row, former in written:
        await noun.followed(session, row, former or dict.fromkeys(noun.write.model_fields))
    return results


async def put_one_by_one(session: AsyncSession, noun: NounType[N], writes: Sequence[Shape]) -> list[ItemResult]:
    """Create or replace rows by their external ids; results in order.

    Each is judged by the rows before it, as if they had been sent one after the other: for nouns whose rules look at
    other rows of theirs, such as parents. Some eight statements an item.
    """
    items = [Item(str(external_id) if (external_id := getattr(each, "external_id")) else None, {}) for each in writes]  # noqa: B009  Shape itself has none
    _refuse_keyless(items)
    return [
        await _put_one(session, noun, str(item.key), fields, item.faults)
        for item, fields in zip(items, writes, strict=True)
    ]


async def _put_one(
    session: AsyncSession, noun: NounType[N], external_id: str, fields: Shape, faults: Sequence[Fault]
) -> ItemResult:
    if faults:
        return ItemResult(Result.REFUSED, None, tuple(faults))
    former = await find_by_external_id(session, noun, external_id)
    version = None if former is None else former.version
    try:
        async with session.begin_nested():
            row, _ = await put(session, noun, external_id, fields)
    except (Invalid, Conflict) as error:
        return ItemResult(Result.REFUSED, None, error.errors or (Fault(error.code, error.detail, pointer=""),))
    if version is None:
        return ItemResult(Result.CREATED, row.id)
    return ItemResult(Result.UNCHANGED if row.version == version else Result.UPDATED, row.id)


async def by_external_ids(session: AsyncSession, noun: NounType[N], external_ids: Iterable[str]) -> list[N]:
    """Return the rows with these external ids, archived ones too, detached from the session, in no order."""
    wanted = sorted(set(external_ids))
    found: list[N] = []
    for start in range(0, len(wanted), CHUNK):
        statement = select(noun.row).where(noun.table.c.external_id.in_(wanted[start : start + CHUNK]))
        found += await session.scalars(statement)
    for row in found:
        session.expunge(row)
    return found


async def ids_by_external_id(session: AsyncSession, noun: NounType[N], external_ids: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of the rows with these external ids; one that nothing has is left out."""
    wanted = sorted(set(external_ids))
    found: dict[str, UUID] = {}
    row: Any = noun.row
    for start in range(0, len(wanted), CHUNK):
        statement = select(row.external_id, row.id).where(row.external_id.in_(wanted[start : start + CHUNK]))
        found.update({external_id: row_id for external_id, row_id in await session.execute(statement)})  # noqa: C416  rows are no pairs to a type checker
    return found


def _refuse_keyless(items: Sequence[Item[Any]]) -> None:
    seen: set[Hashable] = set()
    for item in items:
        if item.key is None and not item.faults:
            detail = "is needed here: it is how the same row is known again"
            item.faults.append(Fault("key_missing", detail, pointer="/external_id"))
        elif item.key in seen:
            item.faults.append(Fault("given_twice", "an earlier item of this batch has the same key", pointer=""))
        seen.add(item.key)


def _place(
    session: AsyncSession,
    noun: NounType[N],
    item: Item[K],
    known: Mapping[K, N],
    settle: Callable[[N | None, dict[str, Any]], dict[str, Any]],
) -> tuple[N, dict[str, Any] | None]:
    """Return the row that an item makes, and the former values of what changes in it; None for a new row."""
    row = None if item.key is None else known.get(item.key)
    values = settle(row, item.values)
    if row is None:
        return noun.row(**born(session), **values), None
    former = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    for name in former:
        setattr(row, name, values[name])
    return row, former


def _refuse_fixed(noun: NounType[Any], item: Item[Any], former: Mapping[str, Any] | None) -> None:
    """Refuse an item that would change what is settled at creation."""
    for name in sorted(noun.fixed & (former or {}).keys()):
        item.faults.append(Fault("fixed", "cannot be changed after creation", pointer=f"/{name}"))


async def _check(session: AsyncSession, noun: NounType[N], item: Item[Any], row: N) -> None:
    if not item.faults:
        try:
            await noun.check(session, row)
        except Invalid as error:
            item.faults += error.errors


def _result(item: Item[Any], row: Noun, former: dict[str, Any] | None) -> ItemResult:
    if item.faults:
        return ItemResult(Result.REFUSED, None, tuple(item.faults))
    if former is None:
        return ItemResult(Result.CREATED, row.id)
    return ItemResult(Result.UPDATED if former else Result.UNCHANGED, row.id)
