"""Properties of figures that hold whatever happened: asked over HTTP, of a real database, for facts made at random."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_attainment import aim, figures, measure
from tests.api.figures.test_facts import figure
from tests.api.figures.test_returns import accept, estimated

few: Callable[..., Any] = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PEOPLE = 24
ROLES = ("fitter", "operator")
COUNTS = ["participation_rate", "completion_rate{denominator=enrolled}", "participants", "drop_out_rate"]

learned = some.lists(
    some.tuples(
        some.integers(0, PEOPLE - 1),
        some.sampled_from(["enrolled", "started", "progressed", "completed", "withdrawn"]),
        some.integers(1, 28),
    ),
    min_size=10,
    max_size=40,
)
amounts = some.integers(-500, 500).map(lambda cents: Decimal(cents) / 10)


async def staffed(school: School) -> None:
    if not school.people:
        for at, role in enumerate(ROLES):
            await school.hire(*numbers(PEOPLE // 2, at * PEOPLE // 2), role=role)


async def told(school: School, facts: list[tuple[int, str, int]]) -> str:
    """A new initiative, offered to everyone, in which this happened in this order of arrival."""
    course = f"c{school.made}"
    initiative = await school.initiative(course)
    await school.offer(initiative, numbers(PEOPLE))
    events = [event(kind, f"p{person}", course, f"2026-02-{day:02}") for person, kind, day in facts]
    for start in range(0, len(events), 15):
        await school.tell(*events[start : start + 15])
    return initiative


@few
@given(facts=learned, order=some.randoms(use_true_random=False))
async def test_the_order_of_arrival_changes_nothing(school: School, facts: Any, order: Any) -> None:
    await staffed(school)
    shuffled = order.sample(facts, len(facts))

    first = await school.figures(COUNTS, await told(school, facts))
    second = await school.figures(COUNTS, await told(school, shuffled))

    said = ("metric", "status", "value", "numerator", "denominator", "n_people", "interval", "caveats")
    assert [{name: each[name] for name in said} for each in first] == [
        {name: each[name] for name in said} for each in second
    ]


@few
@given(facts=learned)
async def test_counts_of_segments_add_up_to_the_whole(school: School, facts: Any) -> None:
    await staffed(school)
    initiative = await told(school, facts)
    asked = COUNTS[:2]

    whole = await school.figures(asked, initiative)
    parts = await school.figures(asked, initiative, by="role")

    for one in whole:
        mine = [each for each in parts if each["metric"] == one["metric"]]
        if all(each["status"] == "ok" for each in (one, *mine)):
            for name in ("numerator", "denominator"):
                assert sum(Decimal(each[name]) for each in mine) == Decimal(one[name])
    assert {each["denominator"] for each in parts if each["metric"] == "participation_rate"} == {"12"}


@few
@given(baseline=amounts, target=amounts, current=amounts)
async def test_progress_is_not_clamped_and_mirrors_with_the_direction(
    client: httpx.AsyncClient, baseline: Decimal, target: Decimal, current: Decimal
) -> None:
    if baseline == target:
        target = baseline + 1
    higher = target > baseline
    found = []
    for sign in (1, -1):
        direction = "higher_is_better" if (sign == 1) == higher else "lower_is_better"
        known = len((await client.get("/v1/kpis", params={"limit": 200})).json()["items"])
        ends = {"baseline": f"{sign * baseline}", "target": f"{sign * target}"}
        outcome = await aim(client, 10 + known, kpi={"direction": direction}, **ends)
        await measure(client, outcome, f"{sign * current}")
        found.append(await figures(client, outcome, "progress", "improvement_abs", "pace_index", "status"))

    assert [each["value"] for each in found[0]] == [each["value"] for each in found[1]]
    exact = (current - baseline) / (target - baseline)
    assert abs(Decimal(found[0][0]["value"]) - exact) <= Decimal("0.0000005")


async def test_roi_is_the_ratio_of_benefit_to_cost_less_one(client: httpx.AsyncClient) -> None:
    found, estimate = await estimated(client)
    await accept(client, estimate)

    for n, extra in enumerate(("0.01", "333.33", "90000")):
        await client.post(
            "/v1/cost-items",
            json={
                "initiative_id": found.initiative,
                "title": f"More {n}",
                "category": "travel",
                "cost": {"amount": extra, "currency": "EUR"},
                "incurred_on": "2026-07-02",
            },
        )
        roi, bcr = [await figure(client, each, found.initiative) for each in ("roi", "bcr")]
        exact = Decimal(bcr["numerator"]) / Decimal(bcr["denominator"])
        assert abs(Decimal(roi["value"]) - (exact - 1) * 100) <= Decimal("0.000001")
