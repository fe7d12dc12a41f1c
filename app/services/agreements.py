"""Agreements: the goal owner's sign-off on an alignment."""

from app.models.initiatives import Agreement, AgreementRead, AgreementWrite
from app.services.nouns import Action, NounType

AGREEMENTS = NounType(
    row=Agreement,
    write=AgreementWrite,
    read=AgreementRead,
    plural="agreements",
    filters=("status", "alignment_id", "goal_owner_id"),
    sorts=("created_at", "recorded_at", "signed_on"),
    ranges=("signed_on", "expires_on"),
    fixed=frozenset({"alignment_id", "goal_owner_id"}),
    actions=(
        Action("expire", ("signed",), "expired", "Its time is over."),
        Action("withdraw", ("signed",), "withdrawn", "The goal owner takes it back."),
    ),
)
