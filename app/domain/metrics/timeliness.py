"""Due dates, validity and dropping out (metrics.md, section 2)."""

from __future__ import annotations

from decimal import Decimal

from app.domain.metrics.answers import Answer, caveat, share
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, part_of

COUNT = InputType.COUNT
DUE = Input("due", COUNT, "People whose due date is not after `as_of`.")
EMPTY_RATE = {"status": "not_applicable", "value": None}


def drop_out_rate(*, inactive_days: int, started: int, withdrawn: int, inactive: int) -> Answer:
    """Return the share of starters who withdrew or fell silent."""
    return share(withdrawn + inactive, started, people=True).on_basis(f"inactive_{inactive_days}_days")


def validity_rate(
    *, grace_days: int, per_content_version: bool, required: int, valid: int, valid_in_grace: int
) -> Answer:
    """Return the share of people under a requirement whose latest completion is unexpired, or expired within grace."""
    counted = valid + (valid_in_grace if grace_days else 0)
    answer = share(counted, required, people=True)
    return answer.on_basis("current_content_version" if per_content_version else "any_content_version").noting(
        caveat(
            "in_grace",
            f"{valid_in_grace} people are counted as valid within {grace_days} days of grace.",
            when=grace_days and valid_in_grace,
        )
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="learner_on_time_rate",
        title="Learner on-time rate",
        unit="ratio",
        description="How many learners completed on or before their due date.",
        formula="|completed on or before due| / |due date not after as_of|",
        edge_rules=(
            "Overdue learners who have not completed stay in the denominator.",
            "People without a due date are excluded and counted.",
            "Each due date is judged by itself: completions since its offer count, for the first one earlier ones too.",
            "Where the audience says no date, each attempt that the platform dates is judged.",
            "Who has several due dates, of one initiative or of several, counts once: on time where each was kept.",
            "Who has several due dates, of one initiative or of several, counts once: on time where each was kept.",
            "Not to be confused with delivery_on_time_rate, which is about the course.",
        ),
        source="Common practice; the name on-time completion belongs to delivery in TDRp",
        standing=Standing.COMMON,
        inputs=(
            DUE,
            Input("completed_on_time", COUNT, "Of these, people who completed on or before their due date."),
            Input("no_due_date", COUNT, "People without a due date.", required=False, default=0),
        ),
        compute=part_of(
            "completed_on_time",
            "due",
            people=True,
            aside={"no_due_date": ("no_due_date", "{n} people have no due date; they are not counted.")},
        ),
        vectors=(
            Vector(
                "on-time-ordinary",
                "45 of 60 in time, five without a due date",
                {"due": 60, "completed_on_time": 45, "no_due_date": 5},
                {"status": "ok", "value": "0.75", "caveats": ["no_due_date"]},
            ),
            Vector("on-time-none-due", "nobody is due yet", {"due": 0, "completed_on_time": 0}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="delivery_on_time_rate",
        title="Delivery on-time rate",
        unit="ratio",
        description="How many initiatives or courses were delivered by the agreed date.",
        formula="delivered by the agreed date / due for delivery",
        edge_rules=("Not delivered and overdue stays in the denominator.", "About courses, not about learners."),
        source="Center for Talent Reporting, TDRp (on-time completion)",
        standing=Standing.STANDARD,
        inputs=(
            Input("due", COUNT, "Initiatives or courses whose agreed date is not after `as_of`."),
            Input("delivered_on_time", COUNT, "Of these, delivered by the agreed date."),
        ),
        compute=part_of("delivered_on_time", "due"),
        vectors=(
            Vector(
                "delivery-ordinary",
                "three of four courses in time",
                {"due": 4, "delivered_on_time": 3},
                {"status": "ok", "value": "0.75", "n_people": None},
            ),
            Vector("delivery-none-due", "nothing due", {"due": 0, "delivered_on_time": 0}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="overdue_rate",
        title="Overdue rate",
        unit="ratio",
        description="How many of those due have not completed.",
        formula="|due and not completed| / |due date not after as_of|",
        edge_rules=(
            "Who completed late is no longer overdue.",
            "Nobody due is not_applicable.",
            "Each due date is judged by itself, as in learner_on_time_rate: an old completion closes no new one.",
            "Who has several due dates counts once: overdue where one of them is open.",
        ),
        source="Common practice",
        standing=Standing.COMMON,
        inputs=(DUE, Input("overdue_open", COUNT, "Of these, people who have not completed by `as_of`.")),
        compute=part_of("overdue_open", "due", people=True),
        vectors=(
            Vector(
                "overdue-ordinary",
                "six of 48 are overdue",
                {"due": 48, "overdue_open": 6},
                {"status": "ok", "value": "0.125"},
            ),
            Vector("overdue-none-due", "nobody is due", {"due": 0, "overdue_open": 0}, EMPTY_RATE),
            Vector(
                "overdue-contradiction",
                "somebody overdue, nobody due",
                {"due": 0, "overdue_open": 2},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="drop_out_rate",
        title="Drop-out rate",
        unit="ratio",
        description="How many starters withdrew or fell silent.",
        formula="(|withdrawn| + |inactive for at least N days and not completed|) / |started|",
        edge_rules=(
            "N is declared and part of the figure.",
            "Withdrawn and inactive exclude each other; completed is neither.",
            "Distinct people: of several pursuits, one given up is enough; who withdrew from any is withdrawn.",
        ),
        source="Common practice",
        standing=Standing.COMMON,
        parameters=(Parameter("inactive_days", COUNT, "N: days without an event.", default=30, low=Decimal(1)),),
        inputs=(
            Input("started", COUNT, "People who started."),
            Input("withdrawn", COUNT, "Of these, people who withdrew."),
            Input("inactive", COUNT, "Of these, people neither withdrawn nor completed, silent for N days or more."),
        ),
        compute=drop_out_rate,
        vectors=(
            Vector(
                "drop-out-ordinary",
                "three withdrew and two fell silent of 40",
                {"started": 40, "withdrawn": 3, "inactive": 2},
                {"status": "ok", "value": "0.125", "basis": "inactive_14_days", "parameters": {"inactive_days": 14}},
                {"inactive_days": 14},
            ),
            Vector("drop-out-none", "nobody started", {"started": 0, "withdrawn": 0, "inactive": 0}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="validity_rate",
        title="Validity rate (currency)",
        unit="ratio",
        description="How many of those who must hold a valid completion do so.",
        formula="(|latest completion unexpired at as_of| + |expired within the days of grace|) / |required|",
        edge_rules=(
            "The latest completion counts, not the best or the first.",
            "Days of grace are declared; without grace an expired completion is not valid.",
            "Per content version only if required.",
            "Distinct people: of several pursuits, all must be valid.",
        ),
        source="Compliance practice; the form is ours",
        standing=Standing.OURS,
        parameters=(
            Parameter("grace_days", COUNT, "Days after expiry that still count as valid.", default=0),
            Parameter(
                "per_content_version",
                InputType.FLAG,
                "Whether only a completion of the current content version is valid.",
                default=False,
            ),
        ),
        inputs=(
            Input("required", COUNT, "People under the requirement at `as_of`."),
            Input("valid", COUNT, "Of these, people whose latest completion is unexpired."),
            Input(
                "valid_in_grace", COUNT, "Of these, people expired within the days of grace.", required=False, default=0
            ),
        ),
        compute=validity_rate,
        vectors=(
            Vector(
                "validity-ordinary",
                "without grace the two who expired last week are not valid",
                {"required": 50, "valid": 46, "valid_in_grace": 2},
                {"status": "ok", "value": "0.92", "basis": "any_content_version"},
            ),
            Vector(
                "validity-grace",
                "with 14 days of grace they are, and it is said",
                {"required": 50, "valid": 46, "valid_in_grace": 2},
                {"status": "ok", "value": "0.96", "caveats": ["in_grace"]},
                {"grace_days": 14},
            ),
            Vector("validity-none-required", "nobody is under it", {"required": 0, "valid": 0}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="recompletion_share",
        title="Share of recompletions",
        unit="ratio",
        description="How many attempts repeat something already completed; keeps recertifications out of new ones.",
        formula="attempts after a first completion of the same activity / attempts",
        edge_rules=("Every attempt counts; a re-enrolment opens a new attempt.",),
        source="metrics.md section 2",
        standing=Standing.OURS,
        inputs=(
            Input("attempts", COUNT, "Attempts in the period."),
            Input("after_completion", COUNT, "Of these, attempts of people who had completed the activity before."),
        ),
        compute=part_of("after_completion", "attempts"),
        vectors=(
            Vector(
                "recompletion-ordinary",
                "one in five is a repetition",
                {"attempts": 25, "after_completion": 5},
                {"status": "ok", "value": "0.2"},
            ),
            Vector("recompletion-none", "no attempt", {"attempts": 0, "after_completion": 0}, EMPTY_RATE),
        ),
    ),
)
