"""Running the learning loop: reviews, decisions, owners, commitments (metrics.md, section 7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.domain.metrics.answers import Answer, quotient, share
from app.domain.metrics.definitions import (
    Input,
    InputType,
    Metric,
    Parameter,
    Standing,
    Vector,
    by_variant,
    part_of,
)

COUNT, DECIMAL = InputType.COUNT, InputType.DECIMAL
NOT_APPLICABLE = {"status": "not_applicable", "value": None}


def stakeholder_engagement(*, role: str | None, due: int, kept: int) -> Answer:
    """Return the share of commitments due that were kept, of one role or of all."""
    return share(kept, due).on_basis(f"role:{role}" if role else "all_roles")


def real_work_hours(*, hours_real: Decimal, hours: Decimal) -> Answer:
    """Return the share of learning hours spent in scenarios and real tasks."""
    return quotient(hours_real, hours).on_basis("hours")


def _row(slug: str, title: str, *, part: Input, whole: Input, vectors: tuple[Vector, ...], **row: Any) -> Metric:
    """Return a row whose figure is the plain proportion part / whole, 0/0 included among its vectors."""
    aside = row.pop("aside", {})
    empty = Vector(f"{slug}-empty", "nothing to judge", {whole.name: 0, part.name: 0}, NOT_APPLICABLE)
    extra = tuple(
        Input(name, COUNT, description, required=False, default=0) for name, (description, *_) in aside.items()
    )
    return Metric(
        slug=slug,
        title=title,
        unit="ratio",
        standing=row.pop("standing", Standing.OURS),
        source=row.pop("source", "metrics.md section 7"),
        inputs=(whole, part, *extra),
        compute=part_of(part.name, whole.name, aside={name: (name, sentence) for name, (_, sentence) in aside.items()}),
        vectors=(*vectors, empty),
        **row,
    )


METRICS: tuple[Metric, ...] = (
    _row(
        "review_adherence",
        "Review adherence",
        description="How many reviews due were held inside their window.",
        formula="reviews held inside the window / reviews due and not waived",
        edge_rules=("Waived reviews are counted apart.", "A review held late is not adherence."),
        whole=Input("due", COUNT, "Reviews due and not waived."),
        part=Input("held_in_window", COUNT, "Of these, held inside their window."),
        aside={"waived": ("Reviews waived.", "{n} reviews were waived; they are not counted.")},
        vectors=(
            Vector(
                "review-ordinary",
                "nine of twelve held, two more waived",
                {"due": 12, "held_in_window": 9, "waived": 2},
                {"status": "ok", "value": "0.75", "caveats": ["waived"]},
            ),
        ),
    ),
    _row(
        "decision_rate",
        "Decision rate",
        description="How many reviews ended with a decision.",
        formula="reviews with a decision / reviews held",
        edge_rules=("Continue is a decision.",),
        whole=Input("held", COUNT, "Reviews held."),
        part=Input("with_decision", COUNT, "Of these, with at least one decision."),
        vectors=(
            Vector(
                "decision-ordinary", "seven of ten", {"held": 10, "with_decision": 7}, {"status": "ok", "value": "0.7"}
            ),
        ),
    ),
    _row(
        "action_on_time",
        "Actions on time",
        description="How many actions were closed by their due date.",
        formula="actions closed by due / actions due",
        edge_rules=("Dropped actions with a reason are counted apart.", "Open and overdue stays in the denominator."),
        whole=Input("due", COUNT, "Actions due and not dropped."),
        part=Input("closed_on_time", COUNT, "Of these, closed by their due date."),
        aside={"dropped": ("Actions dropped with a reason.", "{n} actions were dropped; they are not counted.")},
        vectors=(
            Vector("action-ordinary", "12 of 16", {"due": 16, "closed_on_time": 12}, {"status": "ok", "value": "0.75"}),
        ),
    ),
    _row(
        "accountability_coverage",
        "Accountability coverage",
        description="How many objects have a named owner who is still there.",
        formula="objects with a named current owner / objects",
        edge_rules=("An owner who has left is no owner.",),
        whole=Input("objects", COUNT, "Objectives, outcomes, initiatives and KPIs that need an owner."),
        part=Input("with_current_owner", COUNT, "Of these, with a named person who is active."),
        aside={"owner_left": ("Objects whose owner has left.", "{n} objects have an owner who has left.")},
        vectors=(
            Vector(
                "owner-ordinary",
                "18 of 20; one owner has left",
                {"objects": 20, "with_current_owner": 18, "owner_left": 1},
                {"status": "ok", "value": "0.9", "caveats": ["owner_left"]},
            ),
        ),
    ),
    Metric(
        slug="stakeholder_engagement",
        title="Stakeholder engagement",
        unit="ratio",
        description="How many of the commitments due were kept, by managers, sponsors and others.",
        formula="commitments kept / commitments due",
        edge_rules=("An open commitment past its date is not kept.", "By role, if a role is named."),
        source="metrics.md section 7",
        standing=Standing.OURS,
        parameters=(Parameter("role", InputType.TEXT, "Role; all roles if left out.", default=None),),
        inputs=(
            Input("due", COUNT, "Commitments due."),
            Input("kept", COUNT, "Of these, kept."),
        ),
        compute=stakeholder_engagement,
        vectors=(
            Vector(
                "commitments-managers",
                "managers kept 30 of 40",
                {"due": 40, "kept": 30},
                {"status": "ok", "value": "0.75", "basis": "role:manager"},
                {"role": "manager"},
            ),
            Vector("commitments-none", "none due", {"due": 0, "kept": 0}, NOT_APPLICABLE),
        ),
    ),
    Metric(
        slug="real_work_share",
        definition_version=2,
        title="Share of real work",
        unit="ratio",
        description="How much of the learning is scenario or real task, or how many targeted roles have a path.",
        formula="hours: hours in scenario and real-task activities / hours; roles: roles with a path / roles targeted",
        edge_rules=(
            "From the design attributes of activities, not from their titles.",
            "Hours as platforms tell them, by design where a completion tells none; of people who are known.",
        ),
        source="metrics.md section 7",
        standing=Standing.OURS,
        variant_parameter="of",
        parameters=(
            Parameter("of", InputType.CHOICE, "What is counted.", default="hours", allowed=("hours", "roles")),
        ),
        inputs=(
            Input(
                "hours_real", DECIMAL, "Hours in scenario and real-task activities.", variant="hours", low=Decimal(0)
            ),
            Input("hours", DECIMAL, "All learning hours.", variant="hours", low=Decimal(0)),
            Input("roles_with_path", COUNT, "Of the targeted roles, those with a path.", variant="roles"),
            Input("roles_targeted", COUNT, "Roles targeted.", variant="roles"),
        ),
        compute=by_variant("of", {"hours": real_work_hours, "roles": part_of("roles_with_path", "roles_targeted")}),
        vectors=(
            Vector(
                "real-work-hours",
                "90 of 360 hours",
                {"hours_real": "90", "hours": "360"},
                {"status": "ok", "value": "0.25", "basis": "hours"},
            ),
            Vector(
                "real-work-roles",
                "4 of 5 roles",
                {"roles_with_path": 4, "roles_targeted": 5},
                {"status": "ok", "value": "0.8"},
                {"of": "roles"},
            ),
            Vector("real-work-none", "no hours", {"hours_real": "0", "hours": "0"}, NOT_APPLICABLE),
        ),
    ),
)
