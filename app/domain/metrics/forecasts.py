"""Where the measurements are heading (metrics.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from app.domain.attainment import Direction
from app.domain.figure import Caveat, ValueType, rounded, written
from app.domain.metrics.answers import Answer, caveat, insufficient, no_data, not_applicable
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.metrics.outcomes import DIRECTION, TARGET
from app.domain.metrics.trends import FEWEST_POINTS, Line, Point, theil_sen

DATE, DECIMAL, COUNT = InputType.DATE, InputType.DECIMAL, InputType.COUNT
SMALLEST_SHARE_OF_WINDOW = 5


def _line(points: Sequence[Point], last: int, window_days: int, season_days: int | None) -> Line | Answer:
    """Return the line through the newest `last` points, or the answer that says why there is none."""
    if not points:
        return no_data("nothing has been measured yet")
    used = sorted(points, key=lambda point: point.on)[-last:]
    span = (used[-1].on - used[0].on).days
    if len(used) < FEWEST_POINTS:
        return insufficient(f"{len(used)} confirmed points; a line needs {FEWEST_POINTS} or more")
    if span == 0 or SMALLEST_SHARE_OF_WINDOW * span < window_days:
        return insufficient(f"the points span {span} days, less than a fifth of the window of {window_days} days")
    if season_days and span < season_days:
        return insufficient(f"the points span {span} days, less than one season of {season_days} days")
    return theil_sen(used)


def _seasonal(season_days: int | None) -> Caveat | None:
    return caveat("season_not_modelled", "The line does not follow the season of the KPI.", when=season_days)


def forecast_at_due(
    *, last_points: int, level: Decimal, season_days: int | None, points: Sequence[Point], start_on: date, due_on: date
) -> Answer:
    """Return the value of the robust line at the due date with its prediction interval."""
    line = _line(points, last_points, (due_on - start_on).days, season_days)
    if isinstance(line, Answer):
        return line
    interval = line.prediction(due_on, level)
    return Answer(value=line.at(due_on), interval=interval, basis=f"theil_sen_over_{len(line.points)}_points").noting(
        caveat("no_interval", "The points lie on the line exactly: no interval.", when=interval is None),
        _seasonal(season_days),
    )


def projected_date(
    *,
    last_points: int,
    season_days: int | None,
    direction: str,
    points: Sequence[Point],
    target: Decimal,
    start_on: date,
    due_on: date,
) -> Answer:
    """Return the first date on which the robust line has reached the target."""
    line = _line(points, last_points, (due_on - start_on).days, season_days)
    if isinstance(line, Answer):
        return line
    reached = line.reaches(target, Direction(direction).sign)
    if reached is None:
        slope = written(rounded(line.slope))
        return not_applicable(f"never on this line: its slope is {slope} a day").on_basis("theil_sen")
    late = (reached - due_on).days
    return Answer(value=reached, basis=f"theil_sen_over_{len(line.points)}_points").noting(
        caveat("after_due", f"{late} days after the due date.", when=late > 0), _seasonal(season_days)
    )


POINTS = Input(
    "points",
    InputType.RECORDS,
    "Confirmed values of the KPI.",
    fields=(
        Input("on", DATE, "Local date that the value stands for."),
        Input("value", DECIMAL, "The value, in KPI units."),
    ),
    make=Point,
)
START_ON = Input("start_on", DATE, "T0: local date on which work begins.")
DUE_ON = Input("due_on", DATE, "T1: local date on which the target is due.")
LAST_POINTS = Parameter(
    "last_points", COUNT, "m: how many of the newest points.", default=12, low=Decimal(FEWEST_POINTS), high=Decimal(200)
)
SEASON = Parameter("season_days", COUNT, "Length of a season; the points must span one.", default=None)


def _series(*values: str, step: int = 10) -> list[dict[str, str]]:
    start = date(2026, 1, 1)
    return [
        {"on": (start + timedelta(days=step * index)).isoformat(), "value": value} for index, value in enumerate(values)
    ]


WINDOW = {"start_on": "2026-01-01", "due_on": "2026-05-31"}
FALLING = {"points": _series("60", "58", "57", "54"), **WINDOW}
ON_THE_LINE = {"points": _series("60", "59", "58", "57"), **WINDOW}
TOO_FEW = {"points": _series("60", "58"), **WINDOW}

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="forecast_at_due",
        title="Forecast at the due date",
        unit="kpi",
        description="The value of the KPI at the due date if the newest trend goes on, with a prediction interval.",
        formula="a + m · T1, m the median slope over all pairs of the last points, a the median of (x_j - m · j)",
        edge_rules=(
            "At least 3 points over at least a fifth of the window, otherwise insufficient.",
            "A seasonal KPI needs points over one full season; the line does not follow the season.",
            "The interval is that of a new value, from the distances of the points to the line.",
            "Points exactly on a line give no interval.",
        ),
        source="Theil 1950; Sen 1968; the rules are ours",
        standing=Standing.OURS,
        parameters=(
            LAST_POINTS,
            Parameter(
                "level",
                DECIMAL,
                "Level of the prediction interval.",
                default=Decimal("0.95"),
                low=Decimal("0.5"),
                high=Decimal("0.999"),
            ),
            SEASON,
        ),
        inputs=(POINTS, START_ON, DUE_ON, KPI_UNIT),
        compute=forecast_at_due,
        vectors=(
            Vector(
                "forecast-ordinary",
                "60, 58, 57, 54 every ten days: median slope -0.2 a day, 30 at day 150",
                FALLING,
                {
                    "status": "ok",
                    "value": "30",
                    "interval": {
                        "low": "11.31935",
                        "high": "48.68065",
                        "level": "0.95",
                        "method": "theil_sen_prediction",
                    },
                },
            ),
            Vector(
                "forecast-exact-line",
                "one less every ten days",
                ON_THE_LINE,
                {"status": "ok", "value": "45", "interval": None, "caveats": ["no_interval"]},
            ),
            Vector("forecast-too-few", "two points are no line", TOO_FEW, {"status": "insufficient", "value": None}),
            Vector(
                "forecast-too-short",
                "four points within a week",
                {"points": _series("60", "58", "57", "54", step=2), **WINDOW},
                {"status": "insufficient", "value": None},
            ),
            Vector(
                "forecast-season",
                "30 days of a yearly season",
                FALLING,
                {"status": "insufficient", "value": None},
                {"season_days": 365},
            ),
        ),
    ),
    Metric(
        slug="projected_date",
        title="Projected date",
        unit="date",
        description="The first date on which the newest trend reaches the target.",
        formula="first date on which the Theil-Sen line over the last m points has reached t",
        edge_rules=(
            "The same points are needed as for forecast_at_due.",
            "A slope of zero or away from the target: never on this line, not_applicable.",
            "More than a century is never.",
        ),
        source="Theil 1950; Sen 1968; the rules are ours",
        standing=Standing.OURS,
        value_type=ValueType.DATE,
        parameters=(LAST_POINTS, SEASON),
        inputs=(DIRECTION, POINTS, TARGET, START_ON, DUE_ON),
        compute=projected_date,
        vectors=(
            Vector(
                "projected-ordinary",
                "from 60, one less every ten days: 45 on day 150, the due date",
                {**ON_THE_LINE, "direction": "lower_is_better", "target": "45"},
                {"status": "ok", "value": "2026-05-31", "value_type": "date", "caveats": []},
            ),
            Vector(
                "projected-late",
                "44 takes ten days more",
                {**ON_THE_LINE, "direction": "lower_is_better", "target": "44"},
                {"status": "ok", "value": "2026-06-10", "caveats": ["after_due"]},
            ),
            Vector(
                "projected-away",
                "the line falls, the target is above",
                {**ON_THE_LINE, "direction": "higher_is_better", "target": "70"},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "projected-too-few",
                "two points are no line",
                {**TOO_FEW, "direction": "lower_is_better", "target": "45"},
                {"status": "insufficient", "value": None},
            ),
        ),
    ),
)
