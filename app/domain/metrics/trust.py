"""Whether the data and the forecasts can be trusted (metrics.md, section 7): shown beside every board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from app.domain.figure import rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, quotient, share
from app.domain.metrics.definitions import Input, InputType, Metric, Parameter, Standing, Vector, part_of

COUNT, DECIMAL, DATETIME, FLAG = InputType.COUNT, InputType.DECIMAL, InputType.DATETIME, InputType.FLAG
SECONDS_AN_HOUR = 3600
ZERO = Decimal(0)
NOT_APPLICABLE = {"status": "not_applicable", "value": None}
NO_DATA = {"status": "no_data", "value": None}


@dataclass(frozen=True, slots=True)
class Delay:
    """`count` events received `hours` after they occurred."""

    hours: Decimal
    count: int = 1


@dataclass(frozen=True, slots=True)
class PastForecast:
    """A forecast that has come due: its interval, its point and what happened."""

    low: Decimal
    high: Decimal
    point: Decimal
    actual: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """One content item in use."""

    reviewed_in_interval: bool
    age_days: int
    expired: bool = False
    uses: int = 1


def late_arrival_p95(*, delays: Sequence[Delay]) -> Answer:
    """Return the delay that 95 % of events do not exceed, by nearest rank."""
    n = sum(delay.count for delay in delays)
    if n == 0:
        return no_data("no event was received")
    ordered = sorted(delays, key=lambda each: each.hours)
    rank = -(-95 * n // 100)
    reached = zip(ordered, accumulate(delay.count for delay in ordered), strict=True)
    value = next(delay.hours for delay, seen in reached if seen >= rank)
    return Answer(value=value, denominator=Decimal(n), basis="nearest_rank")


def source_silence(*, now: datetime, newest_received_at: datetime, threshold_hours: Decimal | None) -> Answer:
    """Return the hours since the source was last heard of."""
    gap = now - newest_received_at
    if gap.total_seconds() < 0:
        return inconsistent("the newest delivery lies after the instant of the question")
    hours = Decimal(gap.days * 24) + Decimal(gap.seconds) / SECONDS_AN_HOUR
    silent = threshold_hours is not None and hours > threshold_hours
    return Answer(value=hours).noting(caveat("silent", "Longer than the threshold of the source.", when=silent))


def content_freshness(*, weighted: bool, items: Sequence[Item]) -> Answer:
    """Return the share of content in use that was reviewed within its interval, by item or by use."""
    if not items:
        return no_data("no content is in use")
    weights = [item.uses if weighted else 1 for item in items]
    whole = sum(weights)
    fresh = sum(weight for item, weight in zip(items, weights, strict=True) if item.reviewed_in_interval)
    expired = sum(weight for item, weight in zip(items, weights, strict=True) if item.expired)
    answer = quotient(fresh, whole) if weighted else share(fresh, whole)
    if not whole:
        return answer
    ages = sorted(zip((item.age_days for item in items), weights, strict=True))
    return answer.on_basis("weighted_by_use" if weighted else "per_item").noting(
        caveat("expired", f"{written(rounded(Decimal(expired) / whole))} of it is expired.", when=expired),
        caveat("median_age", f"Median age {_middle(ages)} days."),
    )


def _middle(weighted: Sequence[tuple[int, int]]) -> int:
    """Return the lower median of (value, weight) pairs in order of value; the weights do not add up to 0."""
    half, seen = sum(weight for _, weight in weighted), 0
    return next(value for value, weight in weighted if (seen := seen + 2 * weight) >= half)


def forecast_calibration(*, forecasts: Sequence[PastForecast]) -> Answer:
    """Return the share of past forecasts whose interval held what happened."""
    if not forecasts:
        return no_data("no forecast has come due")
    if any(each.low > each.high for each in forecasts):
        return inconsistent("an interval ends before it begins")
    held = sum(each.low <= each.actual <= each.high for each in forecasts)
    error = sum((each.point - each.actual for each in forecasts), ZERO) / len(forecasts)
    return share(held, len(forecasts)).noting(
        caveat("mean_signed_error", f"Forecast minus actual on average: {written(rounded(error))}.")
    )


def _rate(slug: str, title: str, description: str, whole: Input, part: Input, rules: tuple[str, ...]) -> Metric:
    return Metric(
        slug=slug,
        title=title,
        unit="ratio",
        description=description,
        formula=f"{part.name} / {whole.name}",
        edge_rules=rules,
        source="metrics.md section 7 (data trust)",
        standing=Standing.OURS,
        inputs=(whole, part),
        compute=part_of(part.name, whole.name),
        vectors=(
            Vector(
                f"{slug}-ordinary",
                "5 of 200",
                {whole.name: 200, part.name: 5},
                {"status": "ok", "value": "0.025", "numerator": "5", "denominator": "200"},
            ),
            Vector(f"{slug}-empty", "nothing was received", {whole.name: 0, part.name: 0}, NOT_APPLICABLE),
        ),
    )


RATES: tuple[Metric, ...] = (
    _rate(
        "duplicate_rate",
        "Duplicate rate",
        "How many of the events received had been received before.",
        Input("received", COUNT, "Events received in the period."),
        Input("duplicates", COUNT, "Of these, duplicates by their dedup key."),
        ("A duplicate is kept once and counted here.",),
    ),
    _rate(
        "unmatched_rate",
        "Unmatched rate",
        "How many events belong to a person who is not resolved.",
        Input("events", COUNT, "Events applied in the period."),
        Input("unmatched", COUNT, "Of these, events of unresolved persons."),
        ("Unresolved persons are counted beside every figure by people.",),
    ),
    _rate(
        "quarantine_rate",
        "Quarantine rate",
        "How many deliveries could not be read.",
        Input("deliveries", COUNT, "Authentic deliveries in the period."),
        Input("quarantined", COUNT, "Of these, kept in quarantine."),
        ("Deliveries read again later leave the quarantine and restate the rate.",),
    ),
    _rate(
        "restated_share",
        "Share of restated figures",
        "How many published figures were replaced by others later.",
        Input("published", COUNT, "Figures published in the period."),
        Input("restated", COUNT, "Of these, restated since."),
        ("A figure restated twice counts once.",),
    ),
)

METRICS: tuple[Metric, ...] = (
    *RATES,
    Metric(
        slug="late_arrival_p95",
        title="Late arrival, 95th percentile",
        unit="hours",
        description="How late events arrive: the delay that 95 of 100 do not exceed.",
        formula="95th percentile of received_at - occurred_at, nearest rank",
        edge_rules=("Events without a time of their own are left out.", "Nothing received is no_data."),
        source="metrics.md section 7 (data trust)",
        standing=Standing.OURS,
        inputs=(
            Input(
                "delays",
                InputType.RECORDS,
                "Delays.",
                fields=(
                    Input("hours", DECIMAL, "Delay in hours.", low=ZERO),
                    Input("count", COUNT, "How many such events.", required=False, default=1),
                ),
                make=Delay,
            ),
        ),
        compute=late_arrival_p95,
        vectors=(
            Vector(
                "late-ordinary",
                "of 20, the 19th takes 2 hours",
                {
                    "delays": [
                        {"hours": "48"},
                        {"hours": "0.5", "count": 18},
                        {"hours": "2"},
                    ]
                },
                {"status": "ok", "value": "2", "unit": "hours"},
            ),
            Vector("late-nothing", "nothing received", {"delays": []}, NO_DATA),
        ),
    ),
    Metric(
        slug="source_silence",
        title="Silence of a source",
        unit="hours",
        description="Hours since a source was last heard of.",
        formula="now - newest received_at, in hours",
        edge_rules=("Longer than the threshold of the source is said.", "Never heard of is no_data."),
        source="metrics.md section 7 (data trust)",
        standing=Standing.OURS,
        inputs=(
            Input("now", DATETIME, "The instant of the question (`as_of`)."),
            Input("newest_received_at", DATETIME, "When the newest delivery was received."),
            Input("threshold_hours", DECIMAL, "Silence threshold of the source.", required=False, low=ZERO),
        ),
        compute=source_silence,
        vectors=(
            Vector(
                "silence-long",
                "two and a half days, threshold one day",
                {"now": "2026-03-04T12:00:00Z", "newest_received_at": "2026-03-02T00:00:00Z", "threshold_hours": "24"},
                {"status": "ok", "value": "60", "caveats": ["silent"]},
            ),
            Vector(
                "silence-never",
                "never heard of",
                {"now": "2026-03-04T12:00:00Z", "newest_received_at": None},
                NO_DATA,
            ),
        ),
    ),
    Metric(
        slug="content_freshness",
        title="Content freshness",
        unit="ratio",
        description="How much of the content in use was reviewed within its interval.",
        formula="items reviewed within their interval / items in use, per item or weighted by use",
        edge_rules=("The interval follows the risk class of the item.", "Expired share and median age are shown."),
        source="Common practice",
        standing=Standing.COMMON,
        parameters=(Parameter("weighted", FLAG, "Whether items are weighted by their use.", default=False),),
        inputs=(
            Input(
                "items",
                InputType.RECORDS,
                "Items in use.",
                fields=(
                    Input("reviewed_in_interval", FLAG, "Whether it was reviewed within its interval."),
                    Input("age_days", COUNT, "Days since the last review."),
                    Input("expired", FLAG, "Whether it is expired.", required=False, default=False),
                    Input("uses", COUNT, "Uses in the period.", required=False, default=1),
                ),
                make=Item,
            ),
        ),
        compute=content_freshness,
        vectors=(
            Vector(
                "freshness-items",
                "two of four are fresh, one is expired",
                {
                    "items": [
                        {"reviewed_in_interval": True, "age_days": 10, "uses": 90},
                        {"reviewed_in_interval": True, "age_days": 20, "uses": 6},
                        {"reviewed_in_interval": False, "age_days": 400, "uses": 3},
                        {"reviewed_in_interval": False, "age_days": 900, "uses": 1, "expired": True},
                    ]
                },
                {"status": "ok", "value": "0.5", "caveats": ["expired", "median_age"]},
            ),
            Vector(
                "freshness-use",
                "weighted by use nine of ten are fresh",
                {
                    "items": [
                        {"reviewed_in_interval": True, "age_days": 10, "uses": 90},
                        {"reviewed_in_interval": False, "age_days": 400, "uses": 10},
                    ]
                },
                {"status": "ok", "value": "0.9", "basis": "weighted_by_use"},
                {"weighted": True},
            ),
            Vector("freshness-nothing", "nothing in use", {"items": []}, NO_DATA),
        ),
    ),
    Metric(
        slug="forecast_calibration",
        title="Calibration of forecasts",
        unit="ratio",
        description="How often what happened lay inside the interval forecast.",
        formula="past forecasts whose interval held / past forecasts",
        edge_rules=(
            "95 % intervals should hold in 95 of 100 cases.",
            "The mean signed error is shown.",
            "Per owner only from the minimum cohort on (privacy rule G10).",
        ),
        source="Ours, on standard practice of forecast verification",
        standing=Standing.OURS,
        inputs=(
            Input(
                "forecasts",
                InputType.RECORDS,
                "Forecasts that have come due.",
                fields=(
                    Input("low", DECIMAL, "Low end of the interval."),
                    Input("high", DECIMAL, "High end of the interval."),
                    Input("point", DECIMAL, "The forecast."),
                    Input("actual", DECIMAL, "What happened."),
                ),
                make=PastForecast,
            ),
        ),
        compute=forecast_calibration,
        vectors=(
            Vector(
                "calibration-ordinary",
                "one of two held; both were too high by 2 on average",
                {
                    "forecasts": [
                        {"low": "8", "high": "12", "point": "10", "actual": "9"},
                        {"low": "18", "high": "22", "point": "20", "actual": "17"},
                    ]
                },
                {"status": "ok", "value": "0.5", "caveats": ["mean_signed_error"]},
            ),
            Vector("calibration-nothing", "no forecast is due", {"forecasts": []}, NO_DATA),
        ),
    ),
)
