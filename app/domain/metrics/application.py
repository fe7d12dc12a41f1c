"""What people do with it on the job, and who helps them (metrics.md, section 3, level 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import Caveat
from app.domain.metrics.answers import Answer, caveat, no_data, share
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, by_variant
from app.domain.metrics.intervals import mean_interval

COUNT = InputType.COUNT
FLAG = InputType.FLAG
DEEDS = 3


@dataclass(frozen=True, slots=True)
class Support:
    """What the manager did for `count` learners; None is not known. `source` is record or survey."""

    goal_agreed: bool | None
    chance_given: bool | None
    follow_up_held: bool | None
    source: str
    count: int = 1

    @property
    def deeds_done(self) -> int | None:
        """How many of the three deeds were done; None where one of them is not known."""
        if self.goal_agreed is None or self.chance_given is None or self.follow_up_held is None:
            return None
        return self.goal_agreed + self.chance_given + self.follow_up_held


def application_of_respondents(*, applied: int, respondents: int) -> Answer:
    """Return the share of those who answered or were observed that applied a critical behaviour."""
    return (
        share(applied, respondents, people=True)
        .on_basis("respondents")
        .noting(Caveat("respondents_only", "Who did not answer is left out; who applies it is likelier to answer."))
    )


def application_of_all(*, applied: int, due: int) -> Answer:
    """Return the share of all due for follow-up that applied a critical behaviour; silence is not applied."""
    return share(applied, due, people=True).on_basis("all_due")


def manager_support_index(*, learners: Sequence[Support]) -> Answer:
    """Return the mean share of three deeds done, over learners for whom all three are known."""
    known = [(done, learner.count, learner.source) for learner in learners if (done := learner.deeds_done) is not None]
    n = sum(count for _, count, _ in known)
    unknown = sum(learner.count for learner in learners) - n
    if n == 0:
        return no_data("for no learner are all three deeds known")
    done = sum(deeds * count for deeds, count, _ in known)
    surveyed = sum(count for _, count, source in known if source == "survey")
    return Answer(
        value=Decimal(done) / (DEEDS * n),
        numerator=Decimal(done),
        denominator=Decimal(DEEDS * n),
        n_people=n,
        interval=mean_interval(
            [Decimal(deeds) / DEEDS for deeds, _, _ in known], counts=[count for _, count, _ in known]
        ),
    ).noting(
        caveat(
            "unknown_deeds", f"For {unknown} learners not all three deeds are known; they are left out.", when=unknown
        ),
        caveat("from_surveys", f"For {surveyed} learners the deeds are told by a survey, not recorded.", when=surveyed),
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="application_rate",
        title="Application rate",
        unit="ratio",
        description="How many show at least one critical behaviour at its criterion on the job.",
        formula="respondents: |applied| / |answered or observed|; all: |applied| / |due for follow-up|",
        edge_rules=(
            "With `all`, silence counts as not applied (Phillips, guiding principle 6).",
            "Self-report and observation are kept apart by the source of the behaviour.",
            "Distinct people: of several pursuits, one in which a behaviour was shown is enough.",
        ),
        source="Kirkpatrick level 3; Phillips, guiding principle 6",
        standing=Standing.COMMON,
        variant_parameter="denominator",
        parameters=(
            Parameter("denominator", InputType.CHOICE, "Of whom.", default="all", allowed=("all", "respondents")),
        ),
        inputs=(
            Input("applied", COUNT, "People showing at least one critical behaviour at its criterion."),
            Input("respondents", COUNT, "People who answered or were observed.", variant="respondents"),
            Input("due", COUNT, "People due for follow-up.", variant="all"),
        ),
        compute=by_variant("denominator", {"respondents": application_of_respondents, "all": application_of_all}),
        vectors=(
            Vector(
                "application-all",
                "24 of 80 due have shown it; 48 were silent",
                {"applied": 24, "respondents": 32, "due": 80},
                {"status": "ok", "value": "0.3", "basis": "all_due"},
            ),
            Vector(
                "application-respondents",
                "the same 24 of the 32 who answered",
                {"applied": 24, "respondents": 32, "due": 80},
                {"status": "ok", "value": "0.75", "caveats": ["respondents_only"]},
                {"denominator": "respondents"},
            ),
            Vector(
                "application-nobody-due",
                "nobody is due",
                {"applied": 0, "due": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="manager_support_index",
        definition_version=2,
        title="Manager support index",
        unit="ratio",
        description="How much of three deeds managers do for a learner: agree a goal before, give a chance, follow up.",
        formula="Σ deeds done / (3 · learners with all three known)",
        edge_rules=(
            "Records of deeds before surveys; what comes from surveys is counted.",
            "Unknown is not undone: learners with an unknown deed are left out and counted.",
            "Per manager only from the minimum cohort on (privacy rule G10).",
            "Distinct people: of several pursuits, the one with the least support counts; unknown in one is unknown.",
        ),
        source="metrics.md section 3; research on transfer of training (manager support)",
        standing=Standing.OURS,
        inputs=(
            Input(
                "learners",
                InputType.RECORDS,
                "The learners, one record each or one per group of equal ones.",
                fields=(
                    Input("goal_agreed", FLAG, "Whether a goal was agreed before.", required=False),
                    Input("chance_given", FLAG, "Whether a chance to apply it was given.", required=False),
                    Input("follow_up_held", FLAG, "Whether a follow-up was held.", required=False),
                    Input("source", InputType.CHOICE, "How it is known.", allowed=("record", "survey")),
                    Input("count", COUNT, "How many such learners.", required=False, default=1),
                ),
                make=Support,
            ),
        ),
        compute=manager_support_index,
        vectors=(
            Vector(
                "support-ordinary",
                "three of three, one of three by survey, one unknown",
                {
                    "learners": [
                        {"goal_agreed": True, "chance_given": True, "follow_up_held": True, "source": "record"},
                        {"goal_agreed": True, "chance_given": False, "follow_up_held": False, "source": "survey"},
                        {"goal_agreed": True, "chance_given": None, "follow_up_held": True, "source": "record"},
                    ]
                },
                {
                    "status": "ok",
                    "value": "0.666667",
                    "numerator": "4",
                    "denominator": "6",
                    "n_people": 2,
                    "caveats": ["unknown_deeds", "from_surveys"],
                },
            ),
            Vector(
                "support-unknown",
                "nothing is known of anybody",
                {"learners": [{"source": "survey"}]},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
