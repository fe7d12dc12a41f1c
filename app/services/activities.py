"""Activities, and the references by which the LMSs know them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.models.activities import (
    Activity,
    ActivityRead,
    ActivityReference,
    ActivityReferenceRead,
    ActivityReferenceWrite,
    ActivityWrite,
)
from app.services.ingest import refold_references
from app.services.nouns import Action, NounType


async def _refold_what_was_linked(session: AsyncSession, row: ActivityReference, former: Mapping[str, Any]) -> None:
    """Move the enrolments of a reference that now names another activity."""
    if former.get("activity_id") is not None:
        await refold_references(session, [row.id], [former["activity_id"]])


ACTIVITIES = NounType(
    row=Activity,
    write=ActivityWrite,
    read=ActivityRead,
    plural="activities",
    search=("title", "description", "external_id"),
    filters=(
        "status",
        "kind",
        "initiative_id",
        "required",
        "scenario_based",
        "real_task",
        "external_id",
    ),
    sorts=("created_at", "recorded_at", "title"),
    actions=(
        Action("activate", ("draft", "retired"), "live", "It counts."),
        Action("retire", ("draft", "live"), "retired", "It is offered no longer; what was learned still counts."),
    ),
)

ACTIVITY_REFERENCES = NounType(
    row=ActivityReference,
    write=ActivityReferenceWrite,
    read=ActivityReferenceRead,
    plural="activity_references",
    search=("external_id_in_source",),
    filters=("activity_id", "source_id", "external_id_in_source"),
    sorts=("created_at", "recorded_at", "external_id_in_source"),
    fixed=frozenset({"source_id", "external_id_in_source"}),
    followed=_refold_what_was_linked,
)
