"""Where a text stands inside others: the ways in which it may be written there, and the condition that finds them."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import LargeBinary, Text, cast, func, literal
from sqlalchemy.ext.asyncio import AsyncSession


def forms(texts: Iterable[str]) -> list[str]:
    """Return the ways in which texts are written in bodies: plain, escaped in JSON, quoted in forms and addresses.

    Letters of ASCII are found in either case by whoever looks for a form; the others are given in both.
    """
    found = set()
    for text in {cased for each in texts for cased in (each, each.lower(), each.upper())}:
        escaped = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
        found |= {text, *escaped, quote(text, safe=""), quote(text, safe="@"), quote_plus(text)}
    return sorted({_lower(form) for form in found})


def stand_in(clear: bytes, sought: Iterable[str]) -> bool:
    """Tell whether one of the forms stands in `clear`."""
    lowered = clear.lower()
    return any(form.encode() in lowered for form in sought)


def holds(session: AsyncSession, column: Any, form: str) -> Any:
    """Return the condition that one form stands in a column of text or bytes, be they valid text or not."""
    binary = isinstance(column.type, LargeBinary)
    if session.get_bind().dialect.name == "postgresql":
        sought: Any = cast(literal(form), Text)
        if binary:
            sought = func.encode(func.convert_to(sought, "UTF8"), "escape")
            column = func.encode(column, "escape")
        return func.position(sought.op("IN")(func.lower(column))) > 0
    return func.instr(func.lower(cast(column, Text)), form) > 0


def _lower(text: str) -> str:
    """Return a text with the letters of ASCII in lower case and the others as they are, as SQLite has it."""
    return text.encode().lower().decode()
