"""Commitments of stakeholders: open until they are kept or broken."""

from app.models.commitments import Commitment, CommitmentRead, CommitmentWrite
from app.services.days import clearing, stamping
from app.services.nouns import Action, NounType

COMMITMENTS = NounType(
    row=Commitment,
    write=CommitmentWrite,
    read=CommitmentRead,
    plural="commitments",
    search=("promise", "external_id"),
    filters=("status", "initiative_id", "agreement_id", "stakeholder_id", "role", "external_id"),
    sorts=("created_at", "recorded_at", "due_on"),
    ranges=("due_on", "kept_on"),
    fixed=frozenset({"initiative_id", "stakeholder_id"}),
    actions=(
        Action("keep", ("open", "broken"), "kept", "It was done; kept_on is today if empty.", then=stamping("kept_on")),
        Action("break", ("open",), "broken", "It was not done.", then=clearing("kept_on")),
        Action("reopen", ("kept", "broken"), "open", "The verdict was premature.", then=clearing("kept_on")),
    ),
)
