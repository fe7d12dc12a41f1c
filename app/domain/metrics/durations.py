"""How long it takes: medians of time to completion and to proficiency (metrics.md, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from app.domain.figure import Caveat
from app.domain.metrics.answers import Answer, caveat, insufficient, no_data
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.metrics.survival import Spell, cumulative_incidence, median, median_interval

COUNT = InputType.COUNT


def time_to_complete(*, durations: Sequence[Spell]) -> Answer:
    """Return the median days from enrolment to completion, open enrolments censored, withdrawals competing."""
    return _median(durations, "completed", "withdrawn", "completed")


def time_to_proficiency(*, hold_days: int, criterion: str | None, durations: Sequence[Spell]) -> Answer:
    """Return the median days from the start to the first sustained proficiency, leavers competing."""
    answer = _median(durations, "proficient", "left", "reached proficiency").on_basis(f"held_{hold_days}_days")
    return answer.noting(
        caveat("criterion_not_declared", "Which criterion makes a person proficient is not said.", when=not criterion)
    )


def _median(durations: Sequence[Spell], event: str, competing: str, verb: str) -> Answer:
    valid = [spell for spell in durations if spell.days >= 0]
    quarantined = sum(spell.count for spell in durations if spell.days < 0)
    n = sum(spell.count for spell in valid)
    gone = sum(spell.count for spell in valid if spell.outcome == competing)
    happened = sum(spell.count for spell in valid if spell.outcome == event)
    notes = (
        caveat("quarantined", f"{quarantined} durations below 0 are set aside.", when=quarantined),
        caveat("competing", f"{gone} people left first ({competing}); they count as never {event}.", when=gone),
    )
    if n == 0:
        return no_data("no duration has been observed").noting(*notes)
    steps = cumulative_incidence(valid, event=event, competing=competing)
    value = median(steps)
    if value is None:
        reason = f"median not reached: fewer than half have {verb}"
        return insufficient(reason, n_people=n, numerator=happened, denominator=n).noting(*notes)
    interval = median_interval(steps)
    answer = Answer(value=value, n_people=n, numerator=Decimal(happened), denominator=Decimal(n), interval=interval)
    open_ended = Caveat("interval_open", "The interval of the median has no end: too few cases beyond it.")
    return replace(answer, caveats=(open_ended,) if interval is None else ()).noting(*notes)


def _spells(event: str, competing: str) -> tuple[Input, ...]:
    return (
        Input("days", InputType.DECIMAL, "Days until the outcome, or until `as_of` where it is open."),
        Input("outcome", InputType.CHOICE, "How observation ended.", allowed=(event, "open", competing)),
        Input("count", COUNT, "How many such cases.", required=False, default=1),
    )


# Weeks of remission under 6-mercaptopurine, Freireich et al. 1963 as used by Kaplan-Meier textbooks: the published
# median is 23. Here `completed` stands for relapse and `open` for censored.
_FREIREICH = (
    *((days, "completed", count) for days, count in ((6, 3), (7, 1), (10, 1), (13, 1), (16, 1), (22, 1), (23, 1))),
    *((days, "open", count) for days, count in ((6, 1), (9, 1), (10, 1), (11, 1), (17, 1), (19, 1), (20, 1), (25, 1))),
    *((days, "open", count) for days, count in ((32, 2), (34, 1), (35, 1))),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="time_to_complete",
        title="Time to complete",
        unit="days",
        description="Days after which half of those enrolled have completed, counting those still open.",
        formula="min { t : F(t) >= 1/2 }, F the Aalen-Johansen incidence of completion (Kaplan-Meier if none withdrew)",
        edge_rules=(
            "Open enrolments are right-censored at as_of, withdrawals are a competing event.",
            "Fewer than half completed: insufficient, the median is not reached; there is no number.",
            "Negative durations are set aside and counted.",
            "The mean of completers is not offered: it is biased low.",
        ),
        source="Kaplan and Meier 1958; Aalen and Johansen 1978; Brookmeyer and Crowley 1982 (interval)",
        standing=Standing.STANDARD,
        inputs=(
            Input(
                "durations",
                InputType.RECORDS,
                "One record per enrolment, or per group of equal ones.",
                fields=_spells("completed", "withdrawn"),
                make=Spell,
            ),
        ),
        compute=time_to_complete,
        vectors=(
            Vector(
                "km-freireich",
                "21 patients, 9 relapses, published median 23 (Freireich et al. 1963)",
                {"durations": [{"days": days, "outcome": word, "count": n} for days, word, n in _FREIREICH]},
                {"status": "ok", "value": "23", "n_people": 21, "numerator": "9", "caveats": ["interval_open"]},
            ),
            Vector(
                "km-exactly-half",
                "half of four completed by day 5: the median is 5",
                {
                    "durations": [
                        {"days": "3", "outcome": "completed"},
                        {"days": "5", "outcome": "completed"},
                        {"days": "8", "outcome": "open", "count": 2},
                    ]
                },
                {"status": "ok", "value": "5"},
            ),
            Vector(
                "km-withdrawal-competes",
                "two of five withdrew at once: three completions are needed for half, not two",
                {
                    "durations": [
                        {"days": "1", "outcome": "withdrawn", "count": 2},
                        {"days": "10", "outcome": "completed"},
                        {"days": "20", "outcome": "completed"},
                        {"days": "30", "outcome": "completed"},
                    ]
                },
                {"status": "ok", "value": "30", "caveats": ["competing"]},
            ),
            Vector(
                "km-not-reached",
                "two of ten have completed; one duration is negative",
                {
                    "durations": [
                        {"days": "4", "outcome": "completed", "count": 2},
                        {"days": "30", "outcome": "open", "count": 8},
                        {"days": "-1", "outcome": "completed"},
                    ]
                },
                {"status": "insufficient", "value": None, "n_people": 10, "caveats": ["quarantined"]},
            ),
            Vector("km-none", "nobody enrolled", {"durations": []}, {"status": "no_data", "value": None}),
        ),
    ),
    Metric(
        slug="time_to_proficiency",
        title="Time to proficiency",
        unit="days",
        description="Days after which half have reached the declared criterion and held it.",
        formula="min { t : F(t) >= 1/2 }, F the Aalen-Johansen incidence of the first sustained criterion",
        edge_rules=(
            "The criterion and the days it must hold are declared.",
            "A criterion met and lost again does not count.",
            "Who is not proficient yet is right-censored, who left is a competing event.",
        ),
        source="Standard idea; Kaplan and Meier 1958",
        standing=Standing.COMMON,
        parameters=(
            Parameter("hold_days", COUNT, "Days the criterion must hold.", default=30),
            Parameter("criterion", InputType.TEXT, "What makes a person proficient.", default=None),
        ),
        inputs=(
            Input(
                "durations",
                InputType.RECORDS,
                "One record per person, or per group of equal ones.",
                fields=_spells("proficient", "left"),
                make=Spell,
            ),
        ),
        compute=time_to_proficiency,
        vectors=(
            Vector(
                "proficiency-ordinary",
                "three of four are proficient within 90 days",
                {
                    "durations": [
                        {"days": "40", "outcome": "proficient"},
                        {"days": "60", "outcome": "proficient"},
                        {"days": "90", "outcome": "proficient"},
                        {"days": "90", "outcome": "open"},
                    ]
                },
                {"status": "ok", "value": "60", "basis": "held_30_days"},
                {"criterion": "20 calls a day", "hold_days": 30},
            ),
            Vector(
                "proficiency-left",
                "everybody left first: the median is never reached",
                {"durations": [{"days": "40", "outcome": "left", "count": 3}]},
                {"status": "insufficient", "value": None, "caveats": ["criterion_not_declared", "competing"]},
            ),
        ),
    ),
)
