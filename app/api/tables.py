"""Tables as bytes: CSV and NDJSON cut into lines, a stretch at a time, from any place in the file.

CSV is RFC 4180 in UTF-8 with a header; the delimiter (comma, semicolon or tab) is the one that the header has most of.
NDJSON is one flat JSON object a line (https://github.com/ndjson/ndjson-spec), the same names as the columns.
"""

import csv
import json
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Fault, Invalid
from app.lms import Unreadable
from app.lms._body import strict_json
from app.services.imports import LINES_AT_ONCE, CellFault, Line, Outcome, flaw_in

STRETCH_BYTES = 1024 * 1024
"""How much of a file is looked at in one go; no line is longer."""

_DELIMITERS = ",;\t"
_BOM = b"\xef\xbb\xbf"
_GUARDED = tuple("=+-@\t\r")


class Layout(StrEnum):
    """How a table is written down."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """The media type under which such a table is kept."""
        return "text/csv" if self is Layout.CSV else "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header was read: its columns (NDJSON has none), and where its first line of data stands."""

    layout: Layout
    header: tuple[str, ...] = ()
    delimiter: str = ","
    opening: bytes = b""
    number: int = 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines of a table, those that do not fit as what became of them; and how far they reach."""

    rows: list[Line | Outcome]
    bytes_read: int
    lines_read: int


def opened(head: bytes, layout: Layout) -> Table:
    """Return the table that begins with `head`, which holds the whole header. Raises Invalid."""
    start = len(_BOM) if head.startswith(_BOM) else 0
    if layout is Layout.NDJSON:
        return Table(layout, opening=head[:start])
    first = head[start:].partition(b"\n")[0].decode("utf-8", "surrogateescape")
    if flaw_in(first):
        raise refused("bad_encoding", "The file is not in UTF-8: save it as CSV UTF-8.")
    delimiter = max(_DELIMITERS, key=first.count)
    feed = _Feed(head[start:], whole=True)
    try:
        cells = next(csv.reader(feed, delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise _no_csv(1, error) from error
    header = tuple(cell.strip().lower() for cell in cells)
    return Table(layout, header, delimiter, head[: start + feed.taken], feed.lines + 1)


def stretch(
    table: Table,
    data: bytes,
    number: int,
    *,
    whole: bool,
    key_of: Callable[[Line], Hashable | None],
    most: int = LINES_AT_ONCE,
) -> Stretch:
    """Return the next lines, at most so many and none with the key of another; `number` is that of the first.

    `whole` says that the file ends with `data`; else a line that goes on beyond it is left. Raises Invalid where the
    file is no table.
    """
    rows: list[Line | Outcome] = []
    keys: set[Hashable] = set()
    bytes_read = lines_read = 0
    cut = _csv_rows if table.layout is Layout.CSV else _json_rows
    for row, bytes_there, lines_there in cut(table, data, number, whole=whole):
        key = key_of(row) if isinstance(row, Line) else None
        if len(rows) == most or (key is not None and key in keys):
            break
        bytes_read, lines_read = bytes_there, lines_there
        if row is not None:
            rows.append(row)
            keys.add(key)
    if not bytes_read and data and not whole:
        raise refused("line_too_long", f"Line {number} is longer than {STRETCH_BYTES:,} bytes: is this the right file?")
    return Stretch(rows, bytes_read, lines_read)


def refused(code: str, detail: str) -> Invalid:
    """Return the error for a file that is no table."""
    return Invalid(detail, errors=(Fault(code, detail),))


class _Feed(Iterator[str]):
    """The physical lines of `data` as text; `taken` bytes and `lines` of them were handed out."""

    def __init__(self, data: bytes, *, whole: bool) -> None:
        self._data = data
        self._whole = whole
        self.taken = 0
        self.lines = 0
        self.exhausted = False

    def __next__(self) -> str:
        end = self._data.find(b"\n", self.taken) + 1 or (len(self._data) if self._whole else 0)
        if end <= self.taken:
            self.exhausted = True
            raise StopIteration
        text = self._data[self.taken : end].decode("utf-8", "surrogateescape")
        self.taken, self.lines = end, self.lines + 1
        return text


_Cut = Iterator[tuple[Line | Outcome | None, int, int]]
"""(a line, None for an empty one; how many bytes and how many physical lines end with it)."""


def _csv_rows(table: Table, data: bytes, number: int, *, whole: bool) -> _Cut:
    feed = _Feed(data, whole=whole)
    reader = csv.reader(feed, delimiter=table.delimiter, strict=True)
    read = lines = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            if feed.exhausted and not whole:
                return
            raise _no_csv(number + lines, error) from error
        if row is None:
            return
        raw = data[read : feed.taken]
        found = _csv_line(table, number + lines, row, raw)
        read, lines = feed.taken, feed.lines
        yield found, read, lines


def _csv_line(table: Table, number: int, row: list[str], raw: bytes) -> Line | Outcome | None:
    cells = [_unguarded(cell.strip()) for cell in row]
    if not any(cells):
        return None
    # https://www.rfc-editor.org/rfc/rfc4180#section-2: spaces are part of a field; many a hand puts one after a comma
    spaced = {name: _unguarded(cell) for name, cell in zip(table.header, row, strict=False) if cell != cell.strip()}
    line = Line(number, dict(zip(table.header, cells, strict=False)), raw, spaced)
    if len(cells) == len(table.header):
        return line
    reason = f"has {len(cells)} cells where the header has {len(table.header)}"
    return Outcome(line, faults=[CellFault(None, reason, "wrong_width")])


def _json_rows(_table: Table, data: bytes, number: int, *, whole: bool) -> _Cut:
    read = lines = 0
    while read < len(data):
        end = data.find(b"\n", read) + 1 or (len(data) if whole else 0)
        if not end:
            return
        raw = data[read:end]
        read, lines = end, lines + 1
        yield _json_line(number + lines - 1, raw) if raw.strip() else None, read, lines


def _json_line(number: int, raw: bytes) -> Line | Outcome:
    try:
        found = strict_json(raw)
    except Unreadable as error:
        return Outcome(Line(number, {}, raw), faults=[CellFault(None, str(error), "invalid_json")])
    if not isinstance(found, dict):
        fault = CellFault(None, "is no JSON object", "invalid_json")
        return Outcome(Line(number, {}, raw), faults=[fault])
    return Line(number, {name: _as_text(value) for name, value in found.items()}, raw)


def _as_text(value: object) -> str:
    """Return a JSON value as the cell of a CSV would spell it."""
    if isinstance(value, str):
        return "" if value.isspace() else value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _unguarded(cell: str) -> str:
    """Return a cell without the apostrophe that keeps spreadsheets from taking it for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_GUARDED) else cell


def _no_csv(number: int, error: csv.Error) -> Invalid:
    return refused("bad_csv", f"Line {number}: this is no CSV ({error}): check the quotes.")
