"""Canonical definitions of activities, learned from the statements that tell them."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.models.unit import unit_of
from app.models.xapi import XapiActivity

_CHUNK = 500
_LANGUAGE_MAPS = ("name", "description")

Definition = dict[str, Any]
Told = tuple[bytes, Mapping[str, Any]]
"""(activity key, definition)."""


async def learn(session: AsyncSession, source_id: UUID, told: Sequence[Told]) -> None:
    """Bring the definitions of activities to what a source tells now; it has the authority to.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2441-when-the-objecttype-is-activity (LRS Requirements)
    """
    if not told:
        return
    unit = unit_of(session)
    latest: dict[bytes, Definition] = {}
    for key, definition in told:
        latest[key] = merged(latest.get(key, {}), definition)
    known = {row.key: row for row in await _rows(session, source_id, latest)}
    for key, definition in latest.items():
        row = known.get(key)
        if row is None:
            text = _text(definition)
            row = XapiActivity(
                tenant_id=unit.tenant.id, source_id=source_id, key=key, definition=text, recorded_at=unit.tick()
            )
            session.add(row)
            continue
        text = _text(merged(json.loads(row.definition), definition))
        if text != row.definition:
            row.definition, row.recorded_at = text, unit.tick()
    await session.flush()


async def find(session: AsyncSession, source_id: UUID, keys: Collection[bytes]) -> dict[bytes, Definition]:
    """Return the definitions that are known, by activity key."""
    return {row.key: json.loads(row.definition) for row in await _rows(session, source_id, keys)}


def merged(known: Mapping[str, Any], told: Mapping[str, Any]) -> Definition:
    """Return a definition as known and as told now: the later word wins, languages not told again stay."""
    both = {**known, **told}
    for name in _LANGUAGE_MAPS:
        if name in known and name in told:
            both[name] = {**known[name], **told[name]}
    return both


async def _rows(session: AsyncSession, source_id: UUID, keys: Collection[bytes]) -> list[XapiActivity]:
    wanted = sorted(keys)
    rows: list[XapiActivity] = []
    for start in range(0, len(wanted), _CHUNK):
        statement = select(XapiActivity).where(
            col(XapiActivity.source_id) == source_id, col(XapiActivity.key).in_(wanted[start : start + _CHUNK])
        )
        rows += await session.scalars(statement)
    return rows


def _text(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
