"""Attainment over the API: targets of every kind, plan, pace, status, forecast, roll-ups and replaced baselines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.builders import make

TODAY = datetime.now(UTC).date()


async def aim(client: httpx.AsyncClient, n: int = 1, *, kpi: dict[str, Any] | None = None, **fields: Any) -> str:
    """An outcome of a KPI of its own, worked on for 200 days up to 100 days from now."""
    spelled = {"unit": "days", "direction": "lower_is_better", "cadence": "month", **(kpi or {})}
    dates = {"starts_on": str(TODAY - timedelta(days=100)), "due_on": str(TODAY + timedelta(days=100))}
    made = await make(client, "kpis", n, **spelled)
    outcome: str = (await make(client, "outcomes", n, kpi_id=made["id"], **{**dates, **fields}))["id"]
    return outcome


async def measure(client: httpx.AsyncClient, outcome: str, value: str, days_ago: int = 1, **fields: Any) -> None:
    """A value of the outcome's KPI for a month that ended so many days ago."""
    kpi = (await client.get(f"/v1/outcomes/{outcome}")).json()["kpi_id"]
    end = TODAY - timedelta(days=days_ago)
    period = {"period_start": str(end - timedelta(days=30)), "period_end": str(end)}
    answer = await client.post("/v1/measurements", json={"kpi_id": kpi, "value": value, **period, **fields})
    assert answer.is_success, answer.text


async def figures(client: httpx.AsyncClient, subject: str, *metrics: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/figures", params={"metric": metrics, "subject": subject})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("fields", "current", "progress"),
    [
        ({"baseline": "60", "target": "45"}, "50", "0.666667"),
        ({"baseline": "60", "target": "45"}, "66", "-0.4"),
        ({"baseline": "60", "target": "45"}, "45", "1"),
        ({"baseline": "60", "target_kind": "relative", "target": "25"}, "52.5", "0.5"),
        ({"baseline": "60", "target_kind": "points", "target": "10"}, "55", "0.5"),
    ],
)
async def test_progress_reads_every_kind_of_target(
    client: httpx.AsyncClient, fields: dict[str, str], current: str, progress: str
) -> None:
    outcome = await aim(client, **fields)
    await measure(client, outcome, current)

    [found] = await figures(client, outcome, "progress")

    assert (found["status"], found["value"]) == ("ok", progress)


async def test_reach_is_counted_from_zero(client: httpx.AsyncClient) -> None:
    kpi = {"direction": "higher_is_better"}
    outcome = await aim(client, kpi=kpi, baseline=None, target_kind="reach", target="500")
    await measure(client, outcome, "125")

    [found] = await figures(client, outcome, "progress")

    assert found["value"] == "0.25"


async def test_a_target_equal_to_the_baseline_is_refused_unless_it_is_to_be_maintained(
    client: httpx.AsyncClient,
) -> None:
    body = {"title": "Same", "baseline": "90", "target": "90"}
    body |= {"objective_id": (await make(client, "objectives"))["id"], "kpi_id": (await make(client, "kpis"))["id"]}

    answer = await client.post("/v1/outcomes", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "target_equals_baseline")


async def test_pace_and_status_follow_the_plan_after_the_lag(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40", lag_days=0)
    await measure(client, outcome, "52")

    plan, pace, status = await figures(client, outcome, "plan_value", "pace_index", "status")

    assert (plan["value"], plan["unit"], pace["value"]) == ("50", "kpi:days", "0.8")
    assert (status["value"], status["value_type"]) == ("at_risk", "enum")


async def test_the_thresholds_are_the_tenants(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40")
    await measure(client, outcome, "52")
    await client.patch("/v1/tenant", json={"on_track_at": "0.8"})

    status, asked = await figures(client, outcome, "status", "status{on_track_at=0.95}")

    assert (status["value"], status["parameters"]["on_track_at"]) == ("on_track", "0.800000")
    assert asked["value"] == "at_risk"


async def test_before_the_lag_is_over_it_is_too_early(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40", lag_days=150)
    await measure(client, outcome, "61")

    pace, status = await figures(client, outcome, "pace_index", "status")

    assert (pace["status"], status["value"]) == ("not_applicable", "too_early")


async def test_an_old_measurement_makes_the_status_unknown(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40")
    await measure(client, outcome, "45", days_ago=60)

    [status] = await figures(client, outcome, "status")

    assert (status["value"], status["caveats"][0]["code"]) == ("unknown", "stale")


async def test_at_the_due_date_the_confirmed_value_decides(client: httpx.AsyncClient) -> None:
    due = {"starts_on": str(TODAY - timedelta(days=300)), "due_on": str(TODAY - timedelta(days=10))}
    hit, miss = (
        await aim(client, 1, baseline="60", target="45", **due),
        await aim(client, 2, baseline="60", target="45", **due),
    )
    await measure(client, hit, "45", days_ago=5)
    await measure(client, miss, "45.1", days_ago=5)

    found = [(await figures(client, each, "status"))[0]["value"] for each in (hit, miss)]

    assert found == ["met", "missed"]


async def test_targets_on_the_way_replace_the_straight_line(client: httpx.AsyncClient) -> None:
    since = TODAY - timedelta(days=20)
    steps = [{"from_on": str(since), "target": "58"}, {"from_on": str(TODAY + timedelta(days=20)), "target": "50"}]
    outcome = await aim(client, baseline="60", target="40", period_targets=steps)
    await measure(client, outcome, "58")

    plan, pace = await figures(client, outcome, "plan_value", "pace_index")

    assert (plan["value"], plan["basis"], pace["value"]) == ("58", "period_targets", "1")


async def test_a_maintain_outcome_is_judged_by_its_band(client: httpx.AsyncClient) -> None:
    dates = {"starts_on": "2026-01-01", "due_on": "2099-01-01"}
    band = {"baseline": None, "target": None, "target_kind": "maintain", "target_low": "40", "target_high": "50"}
    outcome = await aim(client, kpi={"cadence": "year"}, **band, **dates | {"starts_on": "2023-01-01"})
    kpi = (await client.get(f"/v1/outcomes/{outcome}")).json()["kpi_id"]
    for year, value in ((2023, "45"), (2025, "51")):
        period = {"period_start": f"{year}-01-01", "period_end": f"{year + 1}-01-01"}
        await client.post("/v1/measurements", json={"kpi_id": kpi, "value": value, **period})

    inside, coverage, status, progress = await figures(
        client, outcome, "maintain_attainment", "measurement_coverage", "status", "progress"
    )

    assert (inside["value"], inside["numerator"], inside["denominator"]) == ("0.5", "1", "2")
    assert (coverage["numerator"], coverage["denominator"]) == ("2", "3")
    assert (status["value"], status["parameters"]["kind"]) == ("off_track", "maintain")
    assert progress["value"] is None


async def test_a_forecast_needs_points_and_then_has_an_interval(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40")
    [early] = await figures(client, outcome, "forecast_at_due")
    for days_ago, value in ((91, "59"), (61, "56"), (31, "53.5"), (1, "50")):
        await measure(client, outcome, value, days_ago=days_ago)

    forecast, when = await figures(client, outcome, "forecast_at_due", "projected_date")

    assert (early["status"], early["value"]) == ("no_data", None)
    assert forecast["status"] == "ok"
    assert float(forecast["interval"]["low"]) < float(forecast["value"]) < float(forecast["interval"]["high"])
    assert when["value_type"] == "date"
    assert TODAY < datetime.fromisoformat(when["value"]).date() < TODAY + timedelta(days=130)


async def test_objectives_add_up_by_declared_weights_with_coverage_and_the_worst_child(
    client: httpx.AsyncClient,
) -> None:
    objective = (await make(client, "objectives", 1))["id"]
    below = (await make(client, "objectives", 2, parent_id=objective, weight="2"))["id"]
    good = await aim(client, 1, objective_id=objective, baseline="60", target="40", weight="3")
    await aim(client, 2, objective_id=objective, baseline="60", target="40", weight="5")
    bad = await aim(client, 3, kpi={"unit": "percent"}, objective_id=below, baseline="60", target="40")
    await measure(client, good, "50")
    await measure(client, bad, "70")

    [found] = await figures(client, objective, "objective_progress")

    assert (found["value"], found["numerator"], found["denominator"]) == ("0.3", "1.5", "5")
    assert found["unit"] == "ratio"  # shares of days and of percent: values of two units are never added
    codes = {caveat["code"]: caveat["detail"] for caveat in found["caveats"]}
    assert {"coverage", "worst_child"} <= codes.keys(), codes


async def test_an_objective_without_outcome_has_no_progress(client: httpx.AsyncClient) -> None:
    objective = (await make(client, "objectives", 1))["id"]

    [found] = await figures(client, objective, "objective_progress")

    assert (found["status"], found["value"]) == ("no_data", None)


async def test_a_replaced_baseline_keeps_the_earlier_one_and_says_so(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40")
    await measure(client, outcome, "50")
    change = {"value": "55", "from_on": str(TODAY), "reason": "The log was extended."}

    answer = await client.post(f"/v1/outcomes/{outcome}/rebaseline", json=change)

    assert answer.status_code == 200, answer.text
    assert [each["value"] for each in answer.json()["baselines"]] == ["60", "55"]
    [found] = await figures(client, outcome, "progress")
    assert (found["value"], found["caveats"][0]["code"]) == ("0.333333", "rebaselined")
    feed = (await client.get("/v1/changes", params={"limit": 200})).json()["items"]
    assert "outcome.rebaselined" in [each["type"] for each in feed]


async def test_direction_is_symmetric(client: httpx.AsyncClient) -> None:
    down = await aim(client, 1, baseline="60", target="40")
    up = await aim(client, 2, kpi={"direction": "higher_is_better"}, baseline="40", target="60")
    await measure(client, down, "55")
    await measure(client, up, "45")

    for metric in ("progress", "improvement_abs", "pace_index", "status"):
        [first], [second] = await figures(client, down, metric), await figures(client, up, metric)
        assert first["value"] == second["value"], metric


async def test_what_a_person_says_stands_beside_the_computed_status(client: httpx.AsyncClient) -> None:
    outcome = await aim(client, baseline="60", target="40")
    await measure(client, outcome, "52")
    author = (await make(client, "people", 1))["id"]
    said = {"outcome_id": outcome, "author_id": author, "status": "on_track", "reason": "New steel in May"}
    over = {"from_on": str(TODAY - timedelta(days=9)), "to_on": str(TODAY)}
    await make(client, "status-overrides", 1, **said, **over)
    before = (await figures(client, outcome, "status"))[0]
    made = await make(client, "status-overrides", 2, **said, from_on=str(TODAY))

    [status, pace] = await figures(client, outcome, "status", "pace_index")
    query = (
        f'{{ outcome(id: "{outcome}") {{ figures(metrics: ["status"]) {{ value override {{ value authorId }} }} }} }}'
    )
    graph = (await client.post("/graphql", json={"query": query})).json()
    await client.delete(f"/v1/status-overrides/{made['id']}")
    after = (await figures(client, outcome, "status"))[0]
    then = await client.get(
        "/v1/figures", params={"metric": "status", "subject": outcome, "as_of": made["recorded_at"]}
    )

    assert (status["value"], pace["override"], before["override"], after["override"]) == ("at_risk", None, None, None)
    assert status["override"] == {
        "id": made["id"],
        "value": "on_track",
        "reason": "New steel in May",
        "author_id": author,
        "from": str(TODAY),
        "to": None,
    }
    assert graph["data"]["outcome"]["figures"] == [
        {"value": "at_risk", "override": {"value": "on_track", "authorId": author}}
    ]
    assert then.json()["items"][0]["override"] == status["override"]


async def test_weights_that_are_all_zero_and_no_measurement_yet_have_no_progress(client: httpx.AsyncClient) -> None:
    objective = (await make(client, "objectives", 1))["id"]
    for n, unit in enumerate(("days", "items per 100")):
        weight = {"objective_id": objective, "weight": "0"}
        outcome = await aim(client, n + 1, kpi={"unit": unit}, baseline="60", target="40", **weight)
        if n == 0:
            await measure(client, outcome, "50")
    [unmeasured] = await figures(client, outcome, "progress")
    [weightless] = await figures(client, objective, "objective_progress")
    await client.patch(f"/v1/outcomes/{outcome}", json={"weight": "3"})
    [unknown] = await figures(client, objective, "objective_progress")
    await measure(client, outcome, "40")
    [known] = await figures(client, objective, "objective_progress")

    assert (unmeasured["status"], unmeasured["value"]) == ("no_data", None)
    assert (weightless["status"], weightless["value"]) == ("not_applicable", None)
    assert unknown["value"] is None
    assert (known["value"], known["unit"]) == ("1", "ratio")


async def test_an_outcome_is_cut_by_the_org_units_measured_and_by_the_time_of_its_values(
    client: httpx.AsyncClient,
) -> None:
    outcome = await aim(client, baseline="60", target="40")
    kpi = (await client.get(f"/v1/outcomes/{outcome}")).json()["kpi_id"]
    units = [(await make(client, "org-units", n))["id"] for n in (1, 2)]
    for unit, months in zip(units, (("55", "50"), ("60", "65")), strict=True):
        for month, value in enumerate(months, 1):
            period = {"period_start": f"2026-0{month}-01", "period_end": f"2026-0{month + 1}-01"}
            body = {"kpi_id": kpi, "subject_kind": "org_unit", "subject_id": unit, "value": value, **period}
            assert (await client.post("/v1/measurements", json=body)).is_success

    async def cut(*by: str, **time: str) -> dict[tuple[str, ...], str]:
        asked = {"metric": "progress", "subject": outcome, "by": by, **time}
        items = (await client.get("/v1/figures", params=asked)).json()["items"]
        return {tuple(each["segment"][name] for name in by): each["value"] for each in items}

    first, second = units
    assert await cut("org_unit") == {(first,): "0.5", (second,): "-0.25"}
    assert await cut("month") == {("2026-01-01",): "0.125", ("2026-02-01",): "0.125"}
    assert await cut("quarter", "org_unit") == {("2026-01-01", first): "0.5", ("2026-01-01", second): "-0.25"}
    assert await cut("org_unit", to="2026-02-01") == {(first,): "0.25", (second,): "0"}
