"""Conditions on several columns at once that either engine answers from an index."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, tuple_
from sqlmodel import col


def among(columns: Sequence[Any], values: Collection[tuple[Any, ...]]) -> ColumnElement[bool]:
    """Return the condition that the columns hold one of the tuples.

    SQLite takes no index for a list of tuples; the conditions on single columns beside it are what it looks up by.
    """
    listed = list(values)
    each = [col(column).in_({value[place] for value in listed}) for place, column in enumerate(columns)]
    return and_(tuple_(*map(col, columns)).in_(listed), *each)
