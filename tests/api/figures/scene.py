"""A scene in which every metric has a value: learning, opinions, deeds, goals and money; to be read, not written.

It is made once for all tests that only ask.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx

from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_facts import batch
from tests.api.impact.facts import study
from tests.builders import make

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
    window = {"opens_on": ago(20), "due_on": ago(10), "held_on": ago(12)}
    review = await make(client, "reviews", initiative_id=initiative, **window)
    await make(client, "decisions", review_id=review["id"], decided_on=ago(12))
    await make(client, "actions", review_id=review["id"], due_on=ago(3))
    assert (await client.post(f"/v1/reviews/{review['id']}/hold")).is_success
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
    aligned = await make(client, "alignments", initiative_id=initiative, outcome_id=outcome)
    await make(client, "agreements", alignment_id=aligned["id"], signed_on=ago(30))
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
"""Kinds of subject by the prefix of their ids."""


@dataclass(frozen=True)
class Scene:
    """Subjects of every kind: an initiative that is evaluated, one that earns, and what they serve."""

    school: School
    initiative: str
    earning: str
    outcome: str
    band: str
    improved: str
    objective: str
    tenant: str

    @property
    def client(self) -> httpx.AsyncClient:
        return self.school.client

    @property
    def subjects(self) -> tuple[str, ...]:
        outcomes = (self.outcome, self.band, self.improved)
        source: str = self.school.source["id"]
        return (self.initiative, self.earning, *outcomes, self.objective, self.tenant, source)


async def set_up(school: School) -> Scene:
    client = school.client
    initiative = await learn(school)
    await evaluate(school, initiative)
    await make(client, "cost-items", 1, initiative_id=initiative, cost=EUR, incurred_on=ago(60))
    objective, outcome, band = await aim(client, initiative)
    earning, improved = await earn(client)
    tenant = (await client.get("/v1/tenant")).json()["id"]
    published = {"metric": "participants", "subject": initiative}
    assert (await client.post("/v1/figures/publish", json=published)).is_success
    return Scene(school, initiative, earning, outcome, band, improved, objective, tenant)
