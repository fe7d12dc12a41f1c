"""Alignments: why an initiative should move an outcome."""

from app.models.initiatives import Alignment, AlignmentRead, AlignmentWrite
from app.services.nouns import Action, NounType

ALIGNMENTS = NounType(
    row=Alignment,
    write=AlignmentWrite,
    read=AlignmentRead,
    plural="alignments",
    search=("hypothesis", "external_id"),
    filters=("status", "initiative_id", "outcome_id", "external_id"),
    sorts=("created_at", "recorded_at", "weight"),
    ranges=("valid_from", "valid_to"),
    fixed=frozenset({"initiative_id", "outcome_id"}),
    actions=(
        Action("agree", ("proposed", "lapsed"), "agreed", "The goal owner stands behind it."),
        Action("lapse", ("agreed",), "lapsed", "What was agreed on has run out."),
        Action("end", ("proposed", "agreed", "lapsed"), "ended", "It holds no longer."),
    ),
)
