"""Cursors: opaque, signed, and bound to the list, filter, sort and tenant that they came from."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.errors import ThroughlineError
from app.vault import Vault

_TAG = 12


class InvalidCursor(ThroughlineError):
    """The cursor is forged, cut, or of another list."""

    code = "invalid_cursor"


def of_list(
    tenant_slug: str, name: str, sort: Sequence[str], filters: Mapping[str, Any], q: str | None, *, archived: bool
) -> str:
    """Return what binds the cursors of one list: whose it is, which, its sort and its filters."""
    return repr((tenant_slug, name, tuple(sort), sorted(filters.items(), key=str), q, archived))


def encode(vault: Vault, binding: str, values: Sequence[Any]) -> str:
    """Return the cursor for the place `values` in the list that `binding` describes."""
    texts = [None if value is None else _text(value) for value in values]
    payload = json.dumps(texts, separators=(",", ":")).encode()
    tag = vault.mac(f"cursor {binding}", payload)[:_TAG]
    return base64.urlsafe_b64encode(tag + payload).decode().rstrip("=")


def decode(vault: Vault, binding: str, cursor: str, types: Sequence[type]) -> list[Any]:
    """Return the place of a cursor; InvalidCursor when it is not one of this list. `types` are those of its values."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        tag, payload = raw[:_TAG], raw[_TAG:]
        if len(tag) == _TAG and vault.mac_fits(f"cursor {binding}", payload, tag):
            texts = zip(json.loads(payload), types, strict=True)
            return [None if text is None else _value(text, kind) for text, kind in texts]
    except ValueError:
        pass
    raise InvalidCursor("Start again without cursor: this one belongs to another list, filter or sort.")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _value(text: str, kind: type) -> Any:
    if kind in {datetime, date}:
        return kind.fromisoformat(text)
    return kind(text) if kind in {int, UUID, Decimal} else text
