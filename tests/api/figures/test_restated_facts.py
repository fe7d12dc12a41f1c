"""A published figure is restated by every kind of fact behind it that comes late, is corrected or is taken back."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

from app.domain import ids
from app.models.people import AudienceMemberWrite
from app.services import audiences, publications
from tests.api.figures.scene import EUR, TODAY, ago, earn, evaluate, learn
from tests.api.figures.school import School, numbers
from tests.builders import make


async def publish(school: School, subject: str, metric: str) -> str:
    answer = await school.client.post("/v1/figures/publish", json={"metric": metric, "subject": subject})
    assert answer.status_code == 201, answer.text
    assert answer.json()["figure"]["value"] is not None, answer.json()["figure"]
    published: str = answer.json()["id"]
    return published


async def restated(school: School) -> dict[str, dict[str, Any]]:
    """Let the worker look; return every restatement so far by its id."""
    async with school.database.transaction(school.org.scope) as session:
        await publications.check(session, {})
    answer = await school.client.get("/v1/restatements", params={"limit": 200})
    return {each["id"]: each for each in answer.json()["items"]}


async def first(school: School, noun: str, **filters: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await school.client.get(f"/v1/{noun}", params=filters)).json()["items"][0]
    return found


Change = Callable[[], Awaitable[Any]]


async def test_each_kind_of_fact_restates_what_was_said_and_is_named(school: School) -> None:
    client = school.client
    initiative = await learn(school)
    await evaluate(school, initiative)
    await school.hire("new", joined_on=date(2020, 1, 1))
    cost = (await make(client, "cost-items", 1, initiative_id=initiative, cost=EUR, incurred_on=ago(60)))["id"]
    earning, _ = await earn(client)
    nouns = ("survey-responses", "observations", "support-deeds", "decisions", "reviews", "commitments")
    one = {noun: (await first(school, noun))["id"] for noun in (*nouns, "content-versions", "unit-values")}
    group = (await first(school, "audiences", initiative_id=initiative))["id"]
    score = (await first(school, "assessment-scores", moment="post"))["id"]

    def corrected(noun: str, fact: str, **fields: Any) -> Change:
        return lambda: client.patch(f"/v1/{noun}/{fact}", json=fields)

    def withdrawn(noun: str, fact: str) -> Change:
        return lambda: client.delete(f"/v1/{noun}/{fact}")

    def offered(*who: str, **fields: Any) -> Change:
        async def change() -> None:
            on = TODAY - timedelta(days=90)
            writes = [AudienceMemberWrite(person_id=school.people[each], offered_on=on, **fields) for each in who]
            async with school.database.transaction(school.org.scope) as session:
                await audiences.put_members(session, ids.decode("aud", group), writes)

        return change

    late = {"initiative_id": initiative, "cost": EUR, "incurred_on": ago(50), "category": "travel", "title": "Late"}
    money = {"amount": "7", "currency": "EUR"}
    seen_by_others = "application_rate{denominator=respondents}"
    answered, observed, review = one["survey-responses"], one["observations"], one["reviews"]
    promise = one["commitments"]
    cases: list[tuple[str, Change, str, str]] = [
        ("cost", lambda: client.post("/v1/cost-items", json=late), "cst_", "cost item late"),
        ("cost", corrected("cost-items", cost, cost=money), cost, "cost item corrected"),
        ("cost", withdrawn("cost-items", cost), cost, "cost item taken back"),
        ("learning_nps", corrected("survey-responses", answered, recommend=0), answered, "survey response corrected"),
        ("response_rate", withdrawn("survey-responses", answered), answered, "survey response taken back"),
        (seen_by_others, corrected("observations", observed, at_criterion=False), observed, "observation corrected"),
        (seen_by_others, withdrawn("observations", observed), observed, "observation taken back"),
        (
            "manager_support_index",
            corrected("support-deeds", one["support-deeds"], done=False),
            one["support-deeds"],
            "support deed corrected",
        ),
        ("score_gain", corrected("assessment-scores", score, score="1"), score, "assessment score corrected"),
        ("decision_rate", withdrawn("decisions", one["decisions"]), review, "review corrected"),
        ("review_adherence", corrected("reviews", review, held_on=ago(5)), review, "review corrected"),
        (
            "stakeholder_engagement",
            lambda: client.post(f"/v1/commitments/{promise}/keep"),
            promise,
            "commitment corrected",
        ),
        (
            "content_freshness",
            corrected("content-versions", one["content-versions"], published_on=ago(2000)),
            one["content-versions"],
            "content version corrected",
        ),
        ("participation_rate", offered("new"), group, "audience corrected"),
        ("learner_on_time_rate", offered(*numbers(12), due_on=TODAY - timedelta(days=59)), group, "audience corrected"),
        (
            "annual_benefit",
            corrected("unit-values", one["unit-values"], value={"amount": "311", "currency": "EUR"}),
            one["unit-values"],
            "unit value corrected",
        ),
    ]
    seen: set[str] = set()
    for metric, change, fact, happened in cases:
        said = await publish(school, earning if metric == "annual_benefit" else initiative, metric)
        answer = await change()
        assert answer is None or answer.is_success, answer.text
        found = await restated(school)
        mine = [each for key, each in found.items() if key not in seen and each["from_id"] == said]
        seen.update(found)

        assert len(mine) == 1, (metric, happened, mine)
        because = mine[0]["because"]
        assert (because["reason"], because["detail"]) == (
            "changed_facts",
            f"Facts of that time changed: {happened}.",
        ), (metric, because)
        assert [each[: len(fact)] for each in because["facts"]] == [fact], (metric, because)
        later = (await client.get(f"/v1/published-figures/{mine[0]['to_id']}")).json()
        assert (later["revision"], later["current"]) == (2, True)
    feed: set[str] = set()
    query: dict[str, Any] = {"limit": 200}
    while not feed >= {"restatement.created", "published_figure.restated"}:
        page = (await client.get("/v1/changes", params=query)).json()
        feed |= {each["type"] for each in page["items"]}
        assert page["items"], "the change feed tells of restatements"
        query["cursor"] = page["next_cursor"]
