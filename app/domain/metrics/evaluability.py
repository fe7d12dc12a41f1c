"""Whether an initiative can be evaluated, and how far its chain of evidence reaches (metrics.md, section 7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat, rounded, written
from app.domain.metrics.answers import Answer, caveat, not_applicable, quotient, share
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector

COUNT, FLAG = InputType.COUNT, InputType.FLAG
EVALUABILITY_ITEMS = (
    "problem",
    "gap_size",
    "owner",
    "outcome",
    "baseline",
    "target_and_date",
    "data_source",
    "behaviour",
    "isolation_plan",
    "cost_estimate",
)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of evaluation: whether it is planned, and whether evidence for it has been accepted."""

    level: int
    planned: bool
    accepted: bool


def evaluability_score(**items: bool) -> Answer:
    """Return how many of the ten things an evaluation needs are there; the missing ones are the payload."""
    missing = [name for name in EVALUABILITY_ITEMS if not items[name]]
    notes = [caveat(f"missing_{name}", f"Missing: {name.replace('_', ' ')}.") for name in missing]
    return quotient(len(items) - len(missing), len(items)).noting(*notes)


def bad_habits(
    *, has_problem: bool, has_behaviour: bool, has_outcome: bool, planned_levels: Collection[int]
) -> tuple[Caveat, ...]:
    """Return which of the three bad habits an initiative shows: generic, completion_only, no_outcome, in this order.

    Generic: neither a problem of the business nor a critical behaviour is named, so it could be anybody's course.
    Completion only: something is planned to be evaluated, but nothing above level 0 (reach and completion).
    """
    flags = (
        caveat(
            "generic",
            "Neither a problem nor a critical behaviour is named; say what people will do differently, and why.",
            when=not (has_problem or has_behaviour),
        ),
        caveat(
            "completion_only",
            "Only reach and completion are planned to be evaluated; plan at least one level above 0.",
            when=planned_levels and max(planned_levels) == 0,
        ),
        caveat("no_outcome", "No outcome is tied to it; align it to an outcome with a KPI.", when=not has_outcome),
    )
    return tuple(flag for flag in flags if flag)


def chain_completeness(*, levels: Sequence[Level]) -> Answer:
    """Return the share of planned levels with accepted evidence, and the first level where the chain breaks."""
    planned = sorted((level for level in levels if level.planned), key=lambda level: level.level)
    if not planned:
        return not_applicable("no level is planned")
    broken = next((level.level for level in planned if not level.accepted), None)
    return share(sum(level.accepted for level in planned), len(planned)).noting(
        caveat("first_broken_link", f"The chain breaks at level {broken}.", when=broken is not None)
    )


def level_mix(*, level: int, initiatives: int, evaluated: int, policy_rate: Decimal | None) -> Answer:
    """Return the share of initiatives evaluated at a level, beside the policy for it."""
    answer = share(evaluated, initiatives).on_basis(f"level_{level}")
    below = policy_rate is not None and isinstance(answer.value, Decimal) and answer.value < policy_rate
    wanted = "" if policy_rate is None else written(rounded(policy_rate))
    return answer.noting(caveat("below_policy", f"The policy for level {level} is {wanted}.", when=below))


def _item(name: str, description: str) -> Input:
    return Input(name, FLAG, description, required=False, default=False)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="evaluability_score",
        title="Evaluability score",
        unit="ratio",
        description="How much of what an evaluation needs is there before the initiative starts.",
        formula="items present / 10",
        edge_rules=(
            "The list of missing items is the payload: one caveat missing_<item> each.",
            "An item not given is missing.",
        ),
        source="metrics.md section 7; evaluability assessment (Wholey 1979)",
        standing=Standing.OURS,
        inputs=(
            _item("problem", "The problem is stated."),
            _item("gap_size", "The size of the gap is known."),
            _item("owner", "The goal owner is named."),
            _item("outcome", "The outcome is defined."),
            _item("baseline", "The baseline is measured."),
            _item("target_and_date", "Target and due date are set."),
            _item("data_source", "The source of data is named."),
            _item("behaviour", "A critical behaviour is named."),
            _item("isolation_plan", "How the effect will be isolated is planned."),
            _item("cost_estimate", "The cost is estimated."),
        ),
        compute=evaluability_score,
        vectors=(
            Vector(
                "evaluability-two-missing",
                "eight of ten; behaviour and cost are missing",
                {
                    **dict.fromkeys(EVALUABILITY_ITEMS, True),
                    "behaviour": False,
                    "cost_estimate": False,
                },
                {"status": "ok", "value": "0.8", "caveats": ["missing_behaviour", "missing_cost_estimate"]},
            ),
            Vector("evaluability-nothing", "nothing is there", {}, {"status": "ok", "value": "0"}),
        ),
    ),
    Metric(
        slug="chain_completeness",
        title="Completeness of the chain of evidence",
        unit="ratio",
        description="How many of the planned levels of evaluation have accepted evidence, and where the chain breaks.",
        formula="planned levels with accepted evidence / planned levels",
        edge_rules=(
            "The caveat first_broken_link names the lowest planned level without accepted evidence.",
            "Evidence for a level that was not planned does not count.",
            "Nothing planned is not_applicable.",
        ),
        source="Ours, on the levels of Kirkpatrick and Phillips",
        standing=Standing.OURS,
        inputs=(
            Input(
                "levels",
                InputType.RECORDS,
                "The levels of evaluation.",
                fields=(
                    Input("level", COUNT, "Level 0..5.", high=Decimal(5)),
                    Input("planned", FLAG, "Whether it is planned."),
                    Input("accepted", FLAG, "Whether evidence for it has been accepted."),
                ),
                make=Level,
            ),
        ),
        compute=chain_completeness,
        vectors=(
            Vector(
                "chain-broken",
                "levels 1 and 4 have evidence, 3 has not",
                {
                    "levels": [
                        {"level": 4, "planned": True, "accepted": True},
                        {"level": 1, "planned": True, "accepted": True},
                        {"level": 3, "planned": True, "accepted": False},
                        {"level": 2, "planned": False, "accepted": True},
                    ]
                },
                {"status": "ok", "value": "0.666667", "numerator": "2", "caveats": ["first_broken_link"]},
            ),
            Vector(
                "chain-unplanned",
                "nothing is planned",
                {"levels": [{"level": 1, "planned": False, "accepted": True}]},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="level_mix",
        title="Mix of evaluation levels",
        unit="ratio",
        description="How many initiatives are evaluated at a level, beside the policy for it.",
        formula="initiatives evaluated at the level / initiatives",
        edge_rules=("The policy is a setting of the tenant; below it is said.",),
        source="ROI Institute, targets by level",
        standing=Standing.COMMON,
        parameters=(
            Parameter("level", COUNT, "Level of evaluation, 0..5.", default=3, low=Decimal(0), high=Decimal(5)),
        ),
        inputs=(
            Input("initiatives", COUNT, "Initiatives that ended in the period."),
            Input("evaluated", COUNT, "Of these, evaluated at the level."),
            Input(
                "policy_rate",
                InputType.DECIMAL,
                "Share wanted by the policy, 0..1.",
                required=False,
                low=Decimal(0),
                high=Decimal(1),
            ),
        ),
        compute=level_mix,
        vectors=(
            Vector(
                "mix-below",
                "3 of 20 at level 4 where the policy wants 20 %",
                {"initiatives": 20, "evaluated": 3, "policy_rate": "0.2"},
                {"status": "ok", "value": "0.15", "basis": "level_4", "caveats": ["below_policy"]},
                {"level": 4},
            ),
            Vector(
                "mix-none",
                "no initiative ended",
                {"initiatives": 0, "evaluated": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
)
