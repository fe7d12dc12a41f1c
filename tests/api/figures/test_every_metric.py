"""Every metric of sections 2, 3, 4, 6 and 7 of the catalogue is answered from stored facts, and cut, over REST."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from app.domain.metrics.catalogue import METRICS
from app.domain.metrics.spelling import Asked, variants
from app.services import inputs
from app.services.inputs._provider import BUCKETS
from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_facts import batch
from tests.api.impact.facts import study
from tests.builders import make

ISOLATION = {
    "raw_change",
    "did",
    "estimate_adjusted",
    "accepted_effect",
    "attribution_budget",
    "simpson_check",
    "rtm_expected",
    "mde",
}
"""Section 5: they belong to the impact engine, which answers them in estimates, plans and attributions."""

TODAY = datetime.now(UTC).date()
EUR = {"amount": "1000", "currency": "EUR"}


def ago(days: int) -> str:
    return str(TODAY - timedelta(days=days))


async def learn(school: School) -> str:
    """Twelve operators in an initiative with a course and an exam: enrolled, late, finished, repeated and silent."""
    initiative = await school.initiative(starts_on=ago(90), ends_on=ago(10))
    await school.course("c", initiative_id=initiative, real_task=True, roles=["operator"], hours="2", risk_class="high")
    await school.course("e", initiative_id=initiative, kind="exam", required=False, hours="1")
    unit = (await make(school.client, "org-units", 1))["id"]
    await school.hire(*numbers(12), role="operator", org_unit_id=unit, joined_on=TODAY - timedelta(days=400))
    await school.offer(initiative, numbers(12), on=ago(90), due_on=TODAY - timedelta(days=30), wave="one")
    told = []
    for n, number in enumerate(numbers(12)):
        told += [event("enrolled", number, "c", ago(100)), event("started", number, "c", ago(70))]
        told += [event("started", number, "e", ago(70), event_key=f"s{number}")]
        if n < 10:
            told += [event("completed", number, "c", ago(60 - n), duration_seconds=3600)]
            told += [event("answered", number, "c", ago(10), event_key=f"a{number}")]
            told += [event("passed", number, "e", ago(50), passed=True, score_scaled=Decimal("0.8"))]
    await school.tell(*told)
    return initiative


async def evaluate(school: School, initiative: str) -> None:
    """What people say, score and do, who supports them, and what is decided."""
    client = school.client
    listed = (await client.get("/v1/people", params={"limit": 50, "sort": "created_at"})).json()["items"]
    people = [each["id"] for each in listed if (each.get("external_id") or "").startswith("p")]
    survey = await make(client, "surveys", initiative_id=initiative, activity_id=school.activities["c"], invited=12)
    said = {"survey_id": survey["id"], "answered_on": ago(20), "recommend": 9, "intent": "will_apply"}
    said |= {"planned_percent": 80, "within_six_weeks": True}
    await batch(client, "survey-responses", [said | {"person_id": each} for each in people])
    behaviour = await make(client, "behaviours", initiative_id=initiative)
    seen = {"behaviour_id": behaviour["id"], "observed_on": ago(5), "at_criterion": True, "observer": "manager"}
    await batch(client, "observations", [seen | {"person_id": each} for each in people])
    deed = {"initiative_id": initiative, "noted_on": ago(5), "done": True}
    deeds = ("goal_agreed", "chance_given", "follow_up_held")
    await batch(
        client, "support-deeds", [deed | {"person_id": each, "deed": which} for each in people for which in deeds]
    )
    moments = (("pre", ago(90), "40"), ("post", ago(50), "80"), ("delayed", ago(5), "60"))
    scored = [
        {
            "initiative_id": initiative,
            "person_id": each,
            "moment": moment,
            "score": str(int(score) + n),
            "taken_on": day,
        }
        for n, each in enumerate(people)
        for moment, day, score in moments
    ]
    await batch(client, "assessment-scores", scored)
    standard = await make(client, "proficiency-standards", initiative_id=initiative)
    attained = {"standard_id": standard["id"], "starts_on": ago(80), "attained_on": ago(40)}
    await batch(client, "standard-attainments", [attained | {"person_id": each} for each in people])
    review = await make(client, "reviews", initiative_id=initiative, opens_on=ago(20), due_on=ago(10))
    await make(client, "decisions", review_id=review["id"], decided_on=ago(12))
    await make(client, "actions", review_id=review["id"], due_on=ago(3))
    await client.post(f"/v1/reviews/{review['id']}/hold", json={"held_on": ago(12)})
    await make(client, "commitments", initiative_id=initiative, due_on=ago(3), stakeholder_id=people[0])
    activity = school.activities["c"]
    await make(client, "review-intervals", risk_class="high")
    await make(client, "content-versions", activity_id=activity, published_on=ago(30))
    await make(client, "requirements", activity_id=activity, role="operator", starts_on=ago(30))
    await client.patch(f"/v1/initiatives/{initiative}", json={"planned_levels": [1, 2]})


async def aim(client: httpx.AsyncClient, initiative: str) -> tuple[str, str, str]:
    """An objective with an outcome to come to and one to keep, measured each month, with forecasts that came due."""
    objective = (await make(client, "objectives", 1))["id"]
    assert (await client.post(f"/v1/objectives/{objective}/propose")).is_success
    assert (await client.post(f"/v1/objectives/{objective}/agree")).is_success
    assert (await client.post(f"/v1/objectives/{objective}/activate")).is_success
    kpi = (await make(client, "kpis", 1, cadence="month", direction="higher_is_better"))["id"]
    dates = {"starts_on": ago(200), "due_on": str(TODAY + timedelta(days=100))}
    about = {"objective_id": objective, "kpi_id": kpi, **dates}
    outcome = (await make(client, "outcomes", 1, baseline="50", target="100", **about))["id"]
    kept = {"baseline": None, "target": None, "target_kind": "maintain", "target_low": "10", **about}
    band = (await make(client, "outcomes", 2, **kept))["id"]
    month = TODAY.replace(day=1)
    unit = (await client.get("/v1/org-units")).json()["items"][0]["id"]
    for n in range(6):
        first = (month - timedelta(days=1)).replace(day=1)
        period = {"period_start": str(first), "period_end": str(month)}
        for subject in ({}, {"subject_kind": "org_unit", "subject_id": unit}):
            value = {"kpi_id": kpi, "value": str(90 - 5 * n), **period, **subject}
            answer = await client.post("/v1/measurements", json=value)
            assert answer.is_success, answer.text
        month = first
    await make(
        client, "forecasts", outcome_id=outcome, made_on=ago(300), for_on=ago(60), point="80", low="70", high="99"
    )
    await make(client, "alignments", initiative_id=initiative, outcome_id=outcome)
    return objective, outcome, band


async def earn(client: httpx.AsyncClient) -> tuple[str, str]:
    """An initiative with an accepted effect that is worth money, valued in a statement, and late."""
    found = await study(client, assignment="random", ends_on=ago(30), starts_on=ago(60))
    await make(client, "alignments", 9, **found.about)
    await make(client, "unit-values", kpi_id=found.kpi, value={"amount": "310", "currency": "EUR"}, valid_from=ago(900))
    await make(client, "cost-items", initiative_id=found.initiative, cost=EUR, incurred_on=ago(60))
    made = await client.post("/v1/effect-estimates", json=found.about | {"estimators": ["did_2x2"]})
    accepted = await client.post(f"/v1/effect-estimates/{made.json()['id']}/accept", json={})
    assert accepted.is_success, accepted.text
    stated = await client.post("/v1/impact-statements", json={"effect_estimate_id": made.json()["id"]})
    assert stated.is_success, stated.text
    return found.initiative, found.outcome


KINDS = {"ini": "initiative", "out": "outcome", "obj": "objective", "ten": "tenant", "src": "source"}


def is_of(asked: Asked, found: dict[str, Any]) -> bool:
    parameter = asked.row.variant_parameter
    return found["metric"] == asked.slug and (parameter is None or found["parameters"][parameter] == asked.variant)


async def answered(client: httpx.AsyncClient, subject: str, wanted: list[Asked]) -> dict[Asked, list[str]]:
    """Ask for the figures of a subject; return for each metric that it has why there is no value, if so."""
    kind = KINDS[subject.partition("_")[0]]
    mine = [each for each in wanted if inputs.provider_of(kind, each)]
    found: dict[Asked, list[str]] = {each: [] for each in mine}
    for start in range(0, len(mine), 20):
        query = {"metric": [str(each) for each in mine[start : start + 20]], "subject": subject}
        answer = await client.get("/v1/figures", params=query)
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        for asked in mine[start : start + 20]:
            there = [each for each in items if is_of(asked, each)]
            if not any(each["value"] is not None for each in there):
                found[asked] = [f"{kind}: {each['status']}, {each['reason']}" for each in there] or [f"{kind}: none"]
    return found


WALKED = [each for each in inputs.DIMENSIONS if each not in {"day", "quarter", "year"}]
"""The buckets left out are cut by the same code with another word."""


async def cut(
    client: httpx.AsyncClient, subjects: dict[str, list[str]], wanted: list[Asked]
) -> dict[tuple[str, str], int]:
    """Ask for every metric along every dimension that it takes; return how many segments each has."""
    found: dict[tuple[str, str], int] = {}
    done: set[Asked] = set()
    for kind, listed in subjects.items():
        mine = [each for each in wanted if inputs.provider_of(kind, each) and each not in done]
        done |= set(mine)
        for dimension in WALKED:
            by = {"subject": listed, "by": dimension}
            fit = [each for each in mine if any(kind in one.subjects and dimension in one.by for one in cuts(each))]
            for start in range(0, len(fit), 20):
                asked = [str(each) for each in fit[start : start + 20]]
                answer = await client.get("/v1/figures", params={"metric": asked, **by})
                assert answer.status_code == 200, answer.text
                items = answer.json()["items"]
                assert all(set(each["segment"]) == {dimension} for each in items)
                for each in fit[start : start + 20]:
                    found[str(each), dimension] = sum(is_of(each, one) for one in items)
    return found


def cuts(asked: Asked) -> list[inputs.Cuts]:
    return [each for each in inputs.cuts_of(asked.slug) if each.asked == asked]


async def refused(client: httpx.AsyncClient, subjects: dict[str, list[str]]) -> None:
    """The catalogue says what each metric can be cut by, and why not by the rest; a refused request says the same."""
    told = {each["slug"]: each for each in (await client.get("/v1/metrics")).json()["metrics"]}
    assert told["completion_rate"]["by"] == list(inputs.DIMENSIONS[:6]) + list(BUCKETS)
    said = set()
    for row in METRICS:
        listed = told[row.slug]["cuts"]
        assert bool(listed) == (row.slug not in ISOLATION or row.slug in {"did", "estimate_adjusted"}), row.slug
        for each in listed:
            assert sorted([*each["by"], *each["refused"]]) == sorted(inputs.DIMENSIONS), each
            assert set(each["by"]) <= set(told[row.slug]["by"])
            for dimension, reason in each["refused"].items():
                assert len(reason) > 20
                kind = next((kind for kind in each["subjects"] if kind in subjects), None)
                if kind is not None and reason not in said:
                    said.add(reason)
                    asked = {"metric": each["metric"], "subject": subjects[kind], "by": dimension}
                    answer = await client.get("/v1/figures", params=asked)
                    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "no_such_segment"), asked
                    assert f"cannot be cut by {dimension}: {reason}" in answer.json()["detail"]
    assert len(said) > 20


async def test_every_metric_is_answered_and_cut_from_facts(school: School) -> None:
    client = school.client
    initiative = await learn(school)
    await evaluate(school, initiative)
    await make(client, "cost-items", 1, initiative_id=initiative, cost=EUR, incurred_on=ago(60))
    objective, outcome, band = await aim(client, initiative)
    earning, improved = await earn(client)
    tenant = (await client.get("/v1/tenant")).json()["id"]
    published = {"metric": "participants", "subject": initiative}
    assert (await client.post("/v1/figures/publish", json=published)).is_success

    wanted = [each for row in METRICS if row.slug not in ISOLATION for each in variants(row)]
    reasons: dict[Asked, list[str]] = {each: [] for each in wanted}
    for subject in (initiative, outcome, band, objective, earning, improved, tenant, school.source["id"]):
        for asked, why in (await answered(client, subject, wanted)).items():
            reasons[asked] += why
            if not why:
                wanted.remove(asked)

    assert not wanted, "\n".join(f"{each}: {reasons[each]}" for each in wanted)

    every = list(reasons)
    subjects = {"initiative": [initiative, earning], "outcome": [outcome, band, improved], "objective": [objective]}
    subjects |= {"tenant": [tenant], "source": [school.source["id"]]}
    segments = await cut(client, subjects, every)
    await refused(client, subjects)

    empty = [
        f"{each} by {dimension}"
        for each in every
        for dimension in WALKED
        if any(dimension in one.by for one in cuts(each)) and not segments[str(each), dimension]
    ]
    assert empty == [], empty
