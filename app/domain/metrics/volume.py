"""How much is learned, by how many, out of what is on offer (metrics.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.figure import rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, quotient
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

COUNT = InputType.COUNT
DECIMAL = InputType.DECIMAL
ZERO = Decimal(0)
EMPTY_RATE = {"status": "not_applicable", "value": None}
EMPLOYEES = Input("employees", DECIMAL, "Average number of employees over the period (person-time).", low=ZERO)


@dataclass(frozen=True, slots=True)
class Hours:
    """`count` durations of `hours` each, and where the length comes from: reported, credit or estimate."""

    hours: Decimal
    source: str
    count: int = 1


def org_reach(*, started: int, employees: Decimal) -> Answer:
    """Return the people with at least one start over the average number of employees."""
    return (
        quotient(started, employees, n_people=started)
        .on_basis("person_time")
        .noting(
            caveat(
                "above_one",
                "More people started than are employed on average: leavers and newcomers share a post.",
                when=started > employees > 0,
            )
        )
    )


def participants(*, count: str, unique: int, total: int) -> Answer:
    """Return distinct people or person × activity, and always say the other one beside it."""
    if unique > total:
        return inconsistent(f"{unique} people cannot have fewer participations than one each, but there are {total}")
    other = f"{total} participations" if count == "unique" else f"{unique} distinct people"
    value = Decimal(unique if count == "unique" else total)
    return Answer(value=value, n_people=unique).noting(caveat("counted_otherwise", f"Counted otherwise: {other}."))


def learning_hours(*, durations: Sequence[Hours]) -> Answer:
    """Return the sum of durations; their sources are kept, and a mixture is said."""
    if not durations:
        return no_data("no duration has been recorded")
    by_source: dict[str, Decimal] = {}
    for part in durations:
        by_source[part.source] = by_source.get(part.source, ZERO) + part.hours * part.count
    parts = ", ".join(f"{written(rounded(hours))} h {source}" for source, hours in sorted(by_source.items()))
    return Answer(value=sum(by_source.values(), ZERO), basis="+".join(sorted(by_source))).noting(
        caveat("mixed_sources", f"Durations of different sources are added: {parts}.", when=len(by_source) > 1)
    )


def hours_per_employee(*, hours: Decimal, employees: Decimal) -> Answer:
    """Return the learning hours per employee."""
    return quotient(hours, employees).on_basis("person_time")


def utilisation_of_people(*, participants: int, employees: Decimal) -> Answer:
    """Return the participants per employee."""
    return quotient(participants, employees, n_people=participants).on_basis("person_time")


def reuse_ratio(*, hours_used: Decimal, hours_available: Decimal) -> Answer:
    """Return how often each available hour was used."""
    return quotient(hours_used, hours_available)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="org_reach",
        title="Organisational reach",
        unit="ratio",
        description="How much of the organisation began anything in the period.",
        formula="|people with at least one start in the period| / employees in person-time",
        edge_rules=("Person-time, so that leavers and newcomers count for the time they were employed.",),
        source="Center for Talent Reporting, TDRp (reach)",
        standing=Standing.STANDARD,
        inputs=(Input("started", COUNT, "People with at least one start in the period."), EMPLOYEES),
        compute=org_reach,
        vectors=(
            Vector(
                "org-reach-ordinary",
                "300 of 400.5 average employees",
                {"started": 300, "employees": "400.5"},
                {"status": "ok", "value": "0.749064", "denominator": "400.5", "basis": "person_time"},
            ),
            Vector(
                "org-reach-turnover",
                "12 starters on 10 posts",
                {"started": 12, "employees": "10"},
                {"status": "ok", "value": "1.2", "caveats": ["above_one"]},
            ),
            Vector("org-reach-empty", "no employees", {"started": 0, "employees": "0"}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="participants",
        title="Participants, unique and total",
        unit="count",
        description="Distinct people who took part, or person × activity; the other count is always shown beside it.",
        formula="unique: |distinct people|; total: |distinct (person, activity)|",
        edge_rules=("A person with several accounts is one person.", "Nobody is a count of 0, which is a value."),
        source="Center for Talent Reporting, TDRp (unique and total participants)",
        standing=Standing.STANDARD,
        parameters=(
            Parameter("count", InputType.CHOICE, "Which count.", default="unique", allowed=("unique", "total")),
        ),
        inputs=(
            Input("unique", COUNT, "Distinct people with a start."),
            Input("total", COUNT, "Distinct pairs of person and activity with a start."),
        ),
        compute=participants,
        vectors=(
            Vector(
                "participants-unique",
                "80 people took 140 courses",
                {"unique": 80, "total": 140},
                {"status": "ok", "value": "80", "n_people": 80, "caveats": ["counted_otherwise"]},
            ),
            Vector(
                "participants-total",
                "the same, counted by course",
                {"unique": 80, "total": 140},
                {"status": "ok", "value": "140", "n_people": 80},
                {"count": "total"},
            ),
            Vector(
                "participants-contradiction",
                "more people than participations",
                {"unique": 8, "total": 7},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="learning_hours",
        title="Learning hours",
        unit="hours",
        description="Hours of learning used, with the source of each duration kept.",
        formula="Σ hours",
        edge_rules=(
            "Sources are reported (by the platform), credit (of the catalogue) and estimate.",
            "A sum over several sources says so.",
            "No record at all is no_data, not 0 hours.",
        ),
        source="Association for Talent Development, State of the Industry (hours used)",
        standing=Standing.STANDARD,
        inputs=(
            Input(
                "durations",
                InputType.RECORDS,
                "Durations.",
                fields=(
                    Input("hours", DECIMAL, "Length in hours.", low=ZERO),
                    Input(
                        "source", InputType.CHOICE, "Where it comes from.", allowed=("reported", "credit", "estimate")
                    ),
                    Input("count", COUNT, "How many such durations.", required=False, default=1),
                ),
                make=Hours,
            ),
        ),
        compute=learning_hours,
        vectors=(
            Vector(
                "hours-mixed",
                "ten reported half hours and two credits of 1.25 h",
                {
                    "durations": [
                        {"hours": "0.5", "source": "reported", "count": 10},
                        {"hours": "1.25", "source": "credit", "count": 2},
                    ]
                },
                {"status": "ok", "value": "7.5", "unit": "hours", "caveats": ["mixed_sources"]},
            ),
            Vector("hours-none", "nothing recorded", {"durations": []}, {"status": "no_data", "value": None}),
        ),
    ),
    Metric(
        slug="hours_per_employee",
        title="Learning hours per employee",
        unit="hours",
        description="Average learning hours of an employee in the period.",
        formula="learning hours / employees in person-time",
        edge_rules=("Employees, not learners: who learned nothing counts.",),
        source="Association for Talent Development, State of the Industry; ISO 30414:2018",
        standing=Standing.STANDARD,
        inputs=(Input("hours", DECIMAL, "Learning hours used in the period.", low=ZERO), EMPLOYEES),
        compute=hours_per_employee,
        vectors=(
            Vector(
                "hours-per-employee-ordinary",
                "6,840 hours for 400 employees",
                {"hours": "6840", "employees": "400"},
                {"status": "ok", "value": "17.1"},
            ),
            Vector("hours-per-employee-empty", "no employees", {"hours": "0", "employees": "0"}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="utilisation",
        title="Utilisation",
        unit="ratio",
        description="How much of the people, or of the catalogue, is used. Two different things share this name.",
        formula="people: participants / employees; catalogue: courses used / courses offered",
        edge_rules=("The variant is always named.", "The third thing of this name is reuse_ratio."),
        source="Center for Talent Reporting, TDRp (courses offered and utilized); common practice (people)",
        standing=Standing.STANDARD,
        variant_parameter="of",
        parameters=(
            Parameter("of", InputType.CHOICE, "What is used.", default="catalogue", allowed=("people", "catalogue")),
        ),
        inputs=(
            Input("participants", COUNT, "Distinct people with a start.", variant="people"),
            Input("employees", DECIMAL, "Average number of employees (person-time).", variant="people", low=ZERO),
            Input("courses_used", COUNT, "Courses with at least one start.", variant="catalogue"),
            Input("courses_offered", COUNT, "Courses on offer in the period.", variant="catalogue"),
        ),
        compute=by_variant(
            "of", {"people": utilisation_of_people, "catalogue": part_of("courses_used", "courses_offered")}
        ),
        vectors=(
            Vector(
                "utilisation-catalogue",
                "130 of 400 courses were used",
                {"courses_used": 130, "courses_offered": 400},
                {"status": "ok", "value": "0.325"},
            ),
            Vector(
                "utilisation-people",
                "90 participants, 120 employees",
                {"participants": 90, "employees": "120"},
                {"status": "ok", "value": "0.75", "n_people": 90},
                {"of": "people"},
            ),
            Vector("utilisation-empty", "no catalogue", {"courses_used": 0, "courses_offered": 0}, EMPTY_RATE),
        ),
    ),
    Metric(
        slug="reuse_ratio",
        title="Reuse ratio",
        unit="times",
        description="How often each available hour of content was used.",
        formula="hours used / hours available",
        edge_rules=("Above 1 is ordinary: an hour of content serves many.",),
        source="Association for Talent Development, State of the Industry (reuse ratio)",
        standing=Standing.STANDARD,
        inputs=(
            Input("hours_used", DECIMAL, "Learning hours used.", low=ZERO),
            Input("hours_available", DECIMAL, "Hours of content available.", low=ZERO),
        ),
        compute=reuse_ratio,
        vectors=(
            Vector(
                "reuse-ordinary",
                "6,000 hours used of 120 available",
                {"hours_used": "6000", "hours_available": "120"},
                {"status": "ok", "value": "50", "unit": "times"},
            ),
            Vector("reuse-empty", "nothing on offer", {"hours_used": "0", "hours_available": "0"}, EMPTY_RATE),
        ),
    ),
)
