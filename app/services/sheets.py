"""Every kind of table that can be imported: one entry each, found by its name.

A noun with an external id needs one line: `of_noun` makes its sheet from its Write shape. A column is a field; one
that names another row (`initiative_id`) is the column `initiative`, which takes that row's external id or public id.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.models.base import Row, Shape
from app.models.unit import unit_of
from app.services import batches
from app.services.activities import ACTIVITIES
from app.services.batches import CHUNK, ItemResult
from app.services.behaviours import BEHAVIOURS, OBSERVATIONS, SUPPORT_DEEDS
from app.services.commitments import COMMITMENTS
from app.services.event_imports import EVENTS
from app.services.imports import MEASUREMENTS, PEOPLE, WORDS, Outcome, Plan, Sheet, named, shaped, taken_in, texts_in
from app.services.initiatives import INITIATIVES
from app.services.kpis import KPIS
from app.services.nouns import NounType
from app.services.objectives import OBJECTIVES
from app.services.org_units import ORG_UNITS
from app.services.outcomes import OUTCOMES
from app.services.surveys import SURVEY_RESPONSES, SURVEYS

_PROSE_CHARACTERS = 1_000
"""A field that takes so many holds prose, not a name or an id."""

PutMany = Callable[[AsyncSession, Sequence[Any]], Awaitable[Sequence[ItemResult]]]
"""Writes many Write shapes; results in order."""


def of_noun(noun: NounType[Any], put: PutMany | None = None, key: Sequence[str] = ("external_id",)) -> Sheet:
    """Return the sheet of a noun; `put` writes its rows where external ids do not tell them apart, but `key` does.

    Only the key must be there: a known row keeps what the table leaves out, a new one needs what its shape asks for.
    """
    columns = [_column(noun, name) for name in noun.write.model_fields]

    async def write(session: AsyncSession, plan: Plan, outcomes: list[Outcome]) -> None:
        await _put(session, noun, put or _by_external_id(noun), plan, outcomes)

    return Sheet(
        name=noun.plural.replace("_", "-"),
        required=tuple(key),
        optional=tuple(name for name in columns if name not in key),
        key=tuple(key),
        put=write,
    )


def _by_external_id(noun: NounType[Any]) -> PutMany:
    async def put(session: AsyncSession, writes: Sequence[Shape]) -> Sequence[ItemResult]:
        return await batches.put_in_bulk(session, noun, writes)

    return put


async def _put(session: AsyncSession, noun: NounType[Any], put: PutMany, plan: Plan, outcomes: list[Outcome]) -> None:
    known = {
        name: await _ids(session, target, texts_in(outcomes, _column(noun, name)))
        for name, target in _links(noun).items()
        if _column(noun, name) in plan.columns
    }
    stored = await _stored(session, noun, plan, outcomes)
    writes = []
    for outcome in outcomes:
        former = stored.get(outcome.line.cells.get("external_id", ""), {})
        fields = {name: value for name, value in former.items() if _column(noun, name) not in plan.columns}
        for name in noun.write.model_fields:
            text = outcome.line.cells.get(_column(noun, name))
            if not text:
                continue
            if name in known:
                fields[name] = named(outcome, _column(noun, name), known[name], _prefix(_links(noun)[name]), text)
            else:
                fields[name] = _value(noun.write, name, text, outcome.line.spaced.get(_column(noun, name), text))
        writes.append(shaped(outcome, noun.write, fields))
    taken_in(outcomes, writes, await put(session, [each for each in writes if each is not None]))


async def _stored(
    session: AsyncSession, noun: NounType[Any], plan: Plan, outcomes: Sequence[Outcome]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what the rows hold that the table leaves out, by external id."""
    every = {_column(noun, name) for name in noun.write.model_fields}
    if every <= plan.columns or "external_id" not in every:
        return {}
    rows = await batches.by_external_ids(session, noun, texts_in(outcomes, "external_id"))
    return {str(row.external_id): noun.written(row) for row in rows}


def _links(noun: NounType[Any]) -> dict[str, Table]:
    """Return which fields name rows of other tables."""
    keys = {constraint.column_keys[-1]: constraint.referred_table for constraint in noun.table.foreign_key_constraints}
    return {name: keys[name] for name in noun.write.model_fields if name in keys}


def _column(noun: NounType[Any], name: str) -> str:
    return name.removesuffix("_id") if name in _links(noun) else name


def _prefix(table: Table) -> str:
    mappers = SQLModel._sa_registry.mappers  # noqa: SLF001  SQLModel has no other way to its mappers
    [row] = [mapper.class_ for mapper in mappers if mapper.local_table is table]
    assert issubclass(row, Row)  # noqa: S101  every tenant table's class is
    return row.prefix


async def _ids(session: AsyncSession, table: Table, external_ids: set[str]) -> dict[str, UUID]:
    """Return the ids of the rows of a table with these external ids; none where it has no such column."""
    if "external_id" not in table.c:
        return {}
    wanted = sorted(external_ids)
    found: dict[str, UUID] = {}
    for start in range(0, len(wanted), CHUNK):
        statement = select(table.c.external_id, table.c.id).where(
            table.c.tenant_id == unit_of(session).tenant.id,
            table.c.external_id.in_(wanted[start : start + CHUNK]),
        )
        found.update({external_id: row_id for external_id, row_id in await session.execute(statement)})  # noqa: C416  rows are no pairs to a type checker
    return found


def _value(write: type[BaseModel], name: str, text: str, spaced: str) -> Any:
    """Return a cell as its field takes it: JSON for objects and lists, words for true and false, else its text.

    Prose keeps the space around it (`spaced`), as it does where it is sent as JSON.
    """
    schema = write.model_json_schema()["properties"][name]
    shapes = [schema, *schema.get("anyOf", ())]
    if any(each.get("maxLength", 0) >= _PROSE_CHARACTERS for each in shapes):
        return spaced
    kinds = {each.get("type") for each in shapes}
    nested = "$ref" in json.dumps(schema) and text[:1] == "{"
    if nested or (kinds & {"array", "object"} and text[:1] in "[{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if "boolean" in kinds:
        return WORDS.get(text.lower(), text)
    if "integer" in kinds and text.lstrip("-").isascii() and text.lstrip("-").isdecimal():
        return int(text[:20])
    return text


SHEETS = {
    sheet.name: sheet
    for sheet in (
        PEOPLE,
        MEASUREMENTS,
        EVENTS,
        of_noun(ORG_UNITS),
        of_noun(OBJECTIVES),
        of_noun(KPIS),
        of_noun(OUTCOMES),
        of_noun(INITIATIVES),
        of_noun(ACTIVITIES),
        of_noun(SURVEYS),
        of_noun(SURVEY_RESPONSES),
        of_noun(BEHAVIOURS),
        of_noun(OBSERVATIONS),
        of_noun(SUPPORT_DEEDS),
        of_noun(COMMITMENTS),
    )
}
"""Every sheet by its name, which is the `kind` of an import."""
