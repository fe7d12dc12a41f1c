"""Panels that an analyst posts: read into typed columns, checked by the engine, kept under their hash."""

import csv
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.errors import Fault, Invalid, NotFound
from app.models.panels import CELLS_MOST, Panel, PanelContent, PanelDescription, PanelRead, PanelRows, PanelWrite
from app.models.unit import unit_of
from app.services.nouns import NounType

Columns = dict[str, Any]
"""One list a role of a column, a value a row, None for a gap; under `covariates` such lists by their own name."""

_LABELS = ("unit", "period", "first_exposed", "cluster")
_NUMBERS = ("outcome", "exposure", "weights")
_GAPS = {"", "NA"}
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_LARGEST_LABEL = 10**18
_ROLE = re.compile(r"/(?:rows/(?P<row>[0-9]+)|columns)/(?P<name>.+)")
_SHOWN_FAULTS = 5
_FIELD_MOST = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """A panel read and found sound, before it is kept."""

    description: PanelDescription
    summary: dict[str, Any]
    row_count: int
    sha256: str
    body: bytes


def _shown(row: Panel) -> Mapping[str, Any]:
    return row.model_dump() | row.summary | {"rows": row.row_count}


PANELS = NounType(
    row=Panel,
    write=PanelWrite,
    read=PanelRead,
    plural="panels",
    filters=("sha256",),
    sorts=("recorded_at",),
    shown=_shown,
)


def from_csv(description: PanelDescription, text: str) -> Draft:
    """Return the panel of a CSV (RFC 4180, first line: names); raises Invalid naming row and column."""
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(lines, [])
        table = [line for line in lines if line]
    except csv.Error as error:
        raise _refused("bad_csv", f"This is not CSV: {error}.") from error
    ragged = [at for at, line in enumerate(table) if len(line) != len(header)]
    if not table or ragged:
        detail = f"row {ragged[0]} has not as many cells as the header" if ragged else "there are no rows"
        raise _refused(
            "bad_csv", f"This is not a table: {detail}.", pointer=f"/rows/{ragged[0]}" if ragged else "/rows"
        )
    if len(set(header)) < len(header):
        raise _refused("bad_csv", "Two columns have the same name.", pointer="/rows")
    found = {name: [line[at] for line in table] for at, name in enumerate(header)}
    return _draft(description, found, len(table))


def from_rows(description: PanelDescription, rows: Sequence[Mapping[str, Any]]) -> Draft:
    """Return the panel of JSON rows; a row without a column has a gap there. Raises Invalid naming row and column."""
    names = {name for name, _ in _described(description)}
    known = set().union(*rows)
    found = {name: [row.get(name) for row in rows] for name in names & known}
    return _draft(description, found, len(rows))


async def keep(session: AsyncSession, draft: Draft) -> Panel:
    """Keep a panel for ever."""
    unit = unit_of(session)
    row = Panel(
        tenant_id=unit.tenant.id,
        description=draft.description.model_dump(mode="json", exclude={"rows"}),
        summary=draft.summary,
        row_count=draft.row_count,
        sha256=draft.sha256,
        recorded_at=unit.tick(),
    )
    session.add(row)
    await session.flush()
    session.add(PanelContent(tenant_id=unit.tenant.id, panel_id=row.id, body=draft.body))
    await session.flush()
    return row


async def columns_of(session: AsyncSession, panel_id: UUID) -> Columns:
    """Return the columns of a panel that was kept. Raises NotFound."""
    content = await session.scalar(select(PanelContent).where(col(PanelContent.panel_id) == panel_id))
    if content is None:
        raise NotFound("There is no such panel in this tenant.")
    found: Columns = json.loads(zlib.decompress(content.body))
    return found


async def rows_of(session: AsyncSession, row: Panel, *, offset: int, limit: int) -> PanelRows:
    """Return a stretch of a panel's rows, under the names that the columns were sent with."""
    columns = await columns_of(session, row.id)
    description = PanelDescription.model_validate(row.description)
    names = [name for name, _ in _described(description)]
    cells = [_column(columns, name, role)[offset : offset + limit] for name, role in _described(description)]
    rows = [list(cell) for cell in zip(*cells, strict=True)]
    return PanelRows(columns=names, rows=rows, offset=offset, total=row.row_count)


def built(
    description: PanelDescription, columns: Columns, *, transform: str | None = None, design: Mapping[str, Any]
) -> Any:
    """Return the engine's panel; `design` adds to what the description says of it. Raises Invalid."""
    from app.domain.impact.design import Assignment, Design, ExposureBasis  # noqa: PLC0415  the engine: at first use
    from app.domain.impact.panel_rows import build  # noqa: PLC0415  the same

    told = {
        "assignment": Assignment(description.assignment.value),
        "exposure_basis": ExposureBasis(description.exposure_basis.value),
        "lower_is_better": None if description.direction is None else description.direction == "lower_is_better",
    }
    roles = {role: columns[role] for role in (*_LABELS, *_NUMBERS) if role in columns}
    return build(
        **roles,
        covariates=columns["covariates"],
        transform=transform or description.transform.value,
        design=Design(**{**told, **design}),
    )


def _draft(description: PanelDescription, found: Mapping[str, Sequence[Any]], count: int) -> Draft:
    from app.domain.impact.described import described  # noqa: PLC0415  the engine: at first use

    wanted = _described(description)
    if count * len(wanted) > CELLS_MOST:
        raise _refused("too_large", f"{count:,} rows of {len(wanted)} columns: at most {CELLS_MOST:,} cells are taken.")
    unknown = [(name, role) for name, role in wanted if name not in found]
    if unknown:
        faults = tuple(
            Fault("unknown_column", f"the rows have no column {name!r}", pointer=f"/{role}") for name, role in unknown
        )
        raise Invalid(f"The rows have no column {unknown[0][0]!r}.", errors=faults)
    columns = _typed(description, found)
    try:
        summary = described(built(description, columns, design={}))
    except Invalid as error:
        raise _located(error, description) from error
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), allow_nan=False)
    told = description.model_dump_json(exclude={"title", "rows"})
    digest = hashlib.sha256(f"{told}\n{text}".encode()).hexdigest()
    plain = PanelDescription.model_validate(description.model_dump(exclude={"rows"}))
    return Draft(plain, summary, count, digest, zlib.compress(text.encode(), 6))


def _described(description: PanelDescription) -> list[tuple[str, str]]:
    """Return the columns that the description names, each with its role; a covariate may be another role's column."""
    roles = [(getattr(description, role), role) for role in (*_LABELS, *_NUMBERS)]
    named = [(name, role) for name, role in roles if name is not None]
    return named + [(name, "covariates") for name in dict.fromkeys(description.covariates)]


def _column(columns: Columns, name: str, role: str) -> list[Any]:
    found: list[Any] = columns[role][name] if role == "covariates" else columns[role]
    return found


def _typed(description: PanelDescription, found: Mapping[str, Sequence[Any]]) -> Columns:
    columns: Columns = {"covariates": {}}
    for name, role in _described(description):
        if role == "covariates":
            columns[role][name] = _numbers(found[name], name)
        else:
            columns[role] = _labels(found[name], name) if role in _LABELS else _numbers(found[name], name)
    texts = any(isinstance(one, str) for one in columns.get("period", ()))
    if texts and "first_exposed" in columns:
        columns["first_exposed"] = [None if one == 0 else one for one in columns["first_exposed"]]
    return columns


def _labels(cells: Sequence[Any], name: str) -> list[Any]:
    """Return labels as whole numbers where all of them are, else as texts; None for a gap."""
    found = [_label(cell, at, name) for at, cell in enumerate(cells)]
    present = [one for one in found if one is not None]
    if all(isinstance(one, int) or _WHOLE.fullmatch(one) for one in present):
        return [None if one is None else int(one) for one in found]
    return [None if one is None else str(one) for one in found]


def _label(cell: Any, row: int, name: str) -> int | str | None:
    if cell is None or (isinstance(cell, str) and cell.strip() in _GAPS):
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LARGEST_LABEL:
        return int(cell)
    if isinstance(cell, str) and len(cell) <= _FIELD_MOST and "\0" not in cell:
        return cell.strip()
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) < _LARGEST_LABEL:
        return cell
    raise _at(row, name, "bad_label", "is neither a whole number nor a text")


def _numbers(cells: Sequence[Any], name: str) -> list[float | None]:
    found: list[float | None] = []
    faults: list[Fault] = []
    for at, cell in enumerate(cells):
        try:
            found.append(_number(cell))
        except (TypeError, ValueError, OverflowError):
            faults.append(Fault("not_a_number", f"{name} is not a number", pointer=f"/rows/{at}/{_escaped(name)}"))
    if faults:
        raise Invalid(f"{faults[0].detail} ({len(faults)} rows in all).", errors=tuple(faults[:_SHOWN_FAULTS]))
    return found


def _number(cell: Any) -> float | None:
    if cell is None or (isinstance(cell, str) and cell.strip() in _GAPS):
        return None
    if not isinstance(cell, str | int | float):
        raise TypeError
    return float(cell)


def _located(error: Invalid, description: PanelDescription) -> Invalid:
    """Return an error of the engine with pointers to the columns as they were sent."""
    return Invalid(error.detail, code=error.code, errors=tuple(_pointed(error.errors, description)))


def _pointed(faults: Iterable[Fault], description: PanelDescription) -> Iterable[Fault]:
    for fault in faults:
        found = _ROLE.fullmatch(fault.pointer or "")
        if found is None:
            yield fault
            continue
        name = getattr(description, found["name"]) if found["name"] in (*_LABELS, *_NUMBERS) else found["name"]
        place = "/covariates" if found["name"] in description.covariates else f"/{found['name']}"
        pointer = place if found["row"] is None else f"/rows/{found['row']}/{_escaped(name)}"
        yield Fault(fault.code, fault.detail, pointer=pointer)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _at(row: int, name: str, code: str, what: str) -> Invalid:
    return Invalid(
        f"{name} {what} (row {row}).", errors=(Fault(code, f"{name} {what}", pointer=f"/rows/{row}/{_escaped(name)}"),)
    )


def _refused(code: str, detail: str, *, pointer: str = "/rows") -> Invalid:
    return Invalid(detail, errors=(Fault(code, detail, pointer=pointer),))
