"""Imports of whole tables: lines of text cells become rows of a noun, each with its own result.

A sheet says which columns it takes; `app/services/sheets.py` lists all of them. An empty cell clears its field; a
column that is left out leaves it as it is.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from app.domain import ids
from app.domain.errors import Fault, Invalid, ThroughlineError
from app.domain.learning import IdentityKind, LearningEvent
from app.models.faults import faults_of
from app.models.kpis import MeasurementWrite, SubjectKind
from app.models.people import IdentityWrite, PersonWrite
from app.services import batches, kpis, measurements, org_units, people, sources
from app.services.batches import ItemResult, Result

LINES_AT_ONCE = 1_000
"""How many lines share a transaction (decisions.md, "One clock per tenant")."""

_ACCOUNT = "account:"
_SURROGATE = re.compile("[\ud800-\udfff]")

S = TypeVar("S", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: where it stands, and its cells by column, stripped; `spaced` has those that were longer.

    Of learning events also its bytes, and the event that it tells or why it tells none.
    """

    number: int
    cells: Mapping[str, str]
    raw: bytes = b""
    spaced: Mapping[str, str] = field(default_factory=dict)
    event: LearningEvent | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with one cell, or with the whole line (column None)."""

    column: str | None
    reason: str
    code: str = "invalid_value"


@dataclass(slots=True)
class Outcome:
    """What became of one line. A person may be written although one of their identities is refused."""

    line: Line
    result: Result = Result.REFUSED
    faults: list[CellFault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One kind of table: its columns, those that tell its rows apart (none: each is its own), and what writes them.

    `accounts`: it takes a column `account:<source slug>` for each source; `told`: its rows are told by a source.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    key: tuple[str, ...]
    put: "Callable[[AsyncSession, Plan, list[Outcome]], Awaitable[None]]"
    accounts: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one table are to be read; `issuers` maps account columns to sources.

    `source_id` is the source that tells its rows, `opening` the bytes that stand before the first of them.
    """

    sheet: Sheet
    columns: frozenset[str] = frozenset()
    issuers: Mapping[str, str] = field(default_factory=dict)
    source_id: UUID | None = None
    opening: bytes = b""
    media_type: str = "text/csv"

    def key_of(self, line: Line) -> Hashable:
        """Return what tells a line from the others: a later one with the same key wins. None: nothing does."""
        return tuple(line.cells.get(column, "") for column in self.sheet.key) or None


async def plan(session: AsyncSession, sheet: Sheet, header: Sequence[str], former: Plan | None = None) -> Plan:
    """Return how to read a table with this header, else as `former`. Raises Invalid for one that cannot be meant."""
    known = {*sheet.required, *sheet.optional}
    accounts = [name for name in header if sheet.accounts and name.startswith(_ACCOUNT)]
    takes = f"{', '.join((*sheet.required, *sheet.optional))}{', account:<source slug>' if sheet.accounts else ''}"
    for name in header:
        if name not in known and name not in accounts:
            detail = f"There is no column {name[:60]!r} in a table of {sheet.name}; it takes {takes}."
            raise Invalid(detail, errors=(Fault("unknown_column", "is no column of it", pointer=f"/{name[:60]}"),))
        if header.count(name) > 1:
            raise Invalid(f"The column {name} stands twice in the header: remove one.")
    missing = [name for name in sheet.required if name not in header]
    if missing:
        raise Invalid(f"The column {missing[0]} is missing in the header; a table of {sheet.name} takes {takes}.")
    issuers = {}
    for name in accounts:
        source = await sources.by_slug(session, name.removeprefix(_ACCOUNT))
        if source is None:
            raise Invalid(f"The column {name[:60]!r} names no source of this tenant: connect it first.")
        issuers[name] = ids.encode("src", source.id)
    return replace(former or Plan(sheet), columns=frozenset(header), issuers=issuers)


async def put(session: AsyncSession, plan: Plan, lines: Sequence[Line]) -> list[Outcome]:
    """Write the lines, whose keys differ, in a handful of statements; return what became of each, in order.

    Lines with other columns than those of the plan (each line of NDJSON has its own) are written apart.
    """
    outcomes = [Outcome(line) for line in lines]
    alike: dict[frozenset[str], list[Outcome]] = {}
    for outcome in outcomes:
        alike.setdefault(frozenset(outcome.line.cells), []).append(outcome)
    for columns, group in alike.items():
        try:
            own = plan if columns == plan.columns else await plan_again(session, plan, columns)
        except Invalid as error:
            column = next((fault.pointer[1:] for fault in error.errors if fault.pointer), None)
            for outcome in group:
                outcome.faults.append(CellFault(column, error.detail, "unknown_column"))
            continue
        for outcome in group:
            _inspect(own, outcome)
        await own.sheet.put(session, own, group)
    return outcomes


async def plan_again(session: AsyncSession, former: Plan, columns: Collection[str]) -> Plan:
    """Return how to read lines with these columns. Raises Invalid."""
    return await plan(session, former.sheet, sorted(columns), former)


def _inspect(plan: Plan, outcome: Outcome) -> None:
    if outcome.line.event is not None:
        return  # who read it found no flaw
    cells = outcome.line.cells
    outcome.faults += [CellFault(each, "is empty", "missing") for each in plan.sheet.required if not cells[each]]
    outcome.faults += [
        CellFault(each, why, "bad_characters") for each, text in cells.items() if (why := flaw_in(text)) is not None
    ]


def flaw_in(text: str) -> str | None:
    """Return why no field can hold `text`, decoded from UTF-8 with surrogate escapes; None when one can."""
    if "\0" in text:
        return "holds a NUL character"
    return None if text.isascii() or text.isprintable() or not _SURROGATE.search(text) else "is not in UTF-8"


async def _put_people(session: AsyncSession, plan: Plan, outcomes: list[Outcome]) -> None:
    units = await org_units.ids_by_external_id(session, texts_in(outcomes, "org_unit"))
    stored: dict[str, Any] = {}
    if not {"name", "org_unit", "role", "joined_on", "left_on"} <= plan.columns:
        found = await batches.by_external_ids(session, people.PEOPLE, texts_in(outcomes, "external_id"))
        stored = {str(row.external_id): row for row in found}
    writes = []
    for outcome in outcomes:
        cells = outcome.line.cells
        fields: dict[str, Any] = {"external_id": cells["external_id"]}
        former = stored.get(cells["external_id"])
        for column, name in (*((each, each) for each in _PERSON_FIELDS), ("org_unit", "org_unit_id")):
            if column in plan.columns:
                fields[name] = cells[column] or None
            elif former is not None:
                fields[name] = getattr(former, name)
        fields["org_unit_id"] = named(outcome, "org_unit", units, "org", fields.get("org_unit_id"))
        writes.append(shaped(outcome, PersonWrite, fields))
    written = taken_in(outcomes, writes, await people.put_many(session, [each for each in writes if each is not None]))
    links = []
    for outcome, person_id in written:
        for column, identity in _identities(outcome, plan):
            links.append((outcome, column, person_id, identity))
    await _link(session, links)


async def _link(session: AsyncSession, links: list[tuple[Outcome, str, UUID, IdentityWrite]]) -> None:
    results = await people.put_identities(session, [(person_id, identity) for _, _, person_id, identity in links])
    for (outcome, column, person_id, identity), result in zip(links, results, strict=True):
        changed = result.result is Result.CREATED
        if result.result is Result.REFUSED:
            try:
                _, changed = await people.link(session, person_id, identity)
            except ThroughlineError as error:
                fault = CellFault(column, error.detail, error.code)
                outcome.faults += [] if fault in outcome.faults else [fault]  # an address and its hash are of one cell
        if changed and outcome.result is Result.UNCHANGED:
            outcome.result = Result.UPDATED


def _identities(outcome: Outcome, plan: Plan) -> list[tuple[str, IdentityWrite]]:
    cells = outcome.line.cells
    named = [("email", {"kind": IdentityKind.EMAIL, "value": cells.get("email", "")})]
    for column, issuer in plan.issuers.items():
        named.append((column, {"kind": IdentityKind.ACCOUNT, "value": cells[column], "issuer": issuer}))
    found = []
    for column, values in named:
        if values["value"]:
            try:
                identity = IdentityWrite.model_validate(values)
                hashed = people.hash_of(identity)
                found += [(column, each) for each in (identity, hashed) if each is not None]
            except ValidationError as error:
                outcome.faults += [CellFault(column, fault.detail, fault.code) for fault in faults_of(error.errors())]
    return found


async def _put_measurements(session: AsyncSession, _plan: Plan, outcomes: list[Outcome]) -> None:
    known = await batches.ids_by_external_id(session, kpis.KPIS, texts_in(outcomes, "kpi"))
    subjects = {
        SubjectKind.ORG_UNIT: await org_units.ids_by_external_id(session, texts_in(outcomes, "subject")),
        SubjectKind.PERSON: await people.ids_by_external_id(session, texts_in(outcomes, "subject")),
    }
    writes = []
    for outcome in outcomes:
        cells = outcome.line.cells
        fields: dict[str, Any] = {name: cells[name] for name in _MEASUREMENT_FIELDS if cells.get(name)}
        if "provisional" in fields:
            fields["provisional"] = WORDS.get(str(fields["provisional"]).lower(), fields["provisional"])
        fields["kpi_id"] = named(outcome, "kpi", known, "kpi", cells["kpi"])
        kind, subject = cells.get("subject_kind") or SubjectKind.TENANT, cells.get("subject")
        if subject and kind == SubjectKind.TENANT:
            outcome.faults.append(CellFault("subject_kind", "says org_unit or person where there is a subject"))
        elif kind in subjects:
            prefix = "org" if kind == SubjectKind.ORG_UNIT else "per"
            fields["subject_id"] = named(outcome, "subject", subjects[SubjectKind(kind)], prefix, subject)
        fields["subject_kind"] = kind
        writes.append(shaped(outcome, MeasurementWrite, fields))
    sent = [each for each in writes if each is not None]
    taken_in(outcomes, writes, await measurements.put_many(session, sent))


def taken_in(
    outcomes: list[Outcome], writes: Sequence[SQLModel | None], results: Sequence[ItemResult]
) -> list[tuple[Outcome, UUID]]:
    """Give each outcome the result of its write; return those that were written, with the ids of their rows."""
    written = []
    sent = [outcome for outcome, write in zip(outcomes, writes, strict=True) if write is not None]
    for outcome, result in zip(sent, results, strict=True):
        outcome.result = result.result
        outcome.faults += [_cell_fault(fault) for fault in result.faults]
        if result.id is not None:
            written.append((outcome, result.id))
    return written


def shaped(outcome: Outcome, shape: type[S], fields: Mapping[str, Any]) -> S | None:
    """Return the cells in their shape; None, with faults, when they do not fit."""
    if outcome.faults:
        return None
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        outcome.faults += [_cell_fault(fault) for fault in faults_of(error.errors())]
        return None


def named(outcome: Outcome, column: str, known: Mapping[str, UUID], prefix: str, text: Any) -> UUID | None:
    """Return the id that a cell names, by external id or else by public id; None, with a fault, when it names none."""
    if not text or isinstance(text, UUID):
        return text or None
    if text in known:
        return known[text]
    try:
        return ids.decode(prefix, text)
    except ValueError:
        noun = ids.PREFIXES[prefix]
        why = f"names no {noun} of this tenant by its external id or its public id"
        outcome.faults.append(CellFault(column, why, "unknown_reference"))
        return None


def _cell_fault(fault: Fault) -> CellFault:
    name = (fault.pointer or "").strip("/").partition("/")[0]
    return CellFault(_COLUMNS.get(name, name.removesuffix("_id")) or None, fault.detail, fault.code)


def texts_in(outcomes: Sequence[Outcome], column: str) -> set[str]:
    """Return what stands in a column."""
    return {text for outcome in outcomes if (text := outcome.line.cells.get(column)) and not flaw_in(text)}


WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""How a table spells true and false."""

_COLUMNS = {"external_id": "external_id"}
"""Fields that end in `_id` and are columns under that name; of the others the column has no `_id`."""

_PERSON_FIELDS = ("name", "role", "joined_on", "left_on")
_MEASUREMENT_FIELDS = ("period_start", "period_end", "value", "numerator", "denominator", "provisional")

PEOPLE = Sheet(
    name="people",
    required=("external_id",),
    optional=("name", "org_unit", "role", "joined_on", "left_on", "email"),
    key=("external_id",),
    put=_put_people,
    accounts=True,
)
MEASUREMENTS = Sheet(
    name="measurements",
    required=("kpi", "period_start", "period_end"),
    optional=("subject", "subject_kind", "value", "numerator", "denominator", "provisional"),
    key=("kpi", "subject_kind", "subject", "period_start", "period_end"),
    put=_put_measurements,
)
