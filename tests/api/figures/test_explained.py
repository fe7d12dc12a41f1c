"""Every figure can be followed to its facts: each input links to rows that can be read, or says why it does not."""

from typing import Any

import httpx

from app.services import inputs
from tests.api.figures.school import School
from tests.api.figures.test_every_metric import EUR, KINDS, ago, aim, earn, evaluate, learn
from tests.builders import make

LISTED = {
    "review_adherence": {"due"},
    "decision_rate": {"held", "with_decision"},
    "action_on_time": {"due"},
    "stakeholder_engagement": {"due"},
    "content_freshness": {"items"},
}
"""Metrics of an initiative that count rows, and their inputs that count some in the scene."""


async def explained(client: httpx.AsyncClient, subject: str) -> dict[str, list[dict[str, Any]]]:
    """Return the inputs of the explanation of every figure of a subject that has a value, by metric."""
    metrics = [str(each) for each in inputs.metrics_of(KINDS[subject.partition("_")[0]])]
    items = []
    for start in range(0, len(metrics), 20):
        asked = await client.get("/v1/figures", params={"subject": subject, "metric": metrics[start : start + 20]})
        assert asked.status_code == 200, asked.text
        items += asked.json()["items"]
    found: dict[str, list[dict[str, Any]]] = {}
    for figure in items:
        if figure["value"] is not None:
            answer = await client.get(figure["explain"])
            assert answer.status_code == 200, answer.text
            shown = answer.json()
            found.setdefault(figure["metric"], []).extend(shown["inputs"])
            assert shown["inputs"], figure["metric"]
    return found


async def test_each_input_of_each_figure_links_to_facts_that_can_be_read_or_says_why_not(school: School) -> None:
    client = school.client
    initiative = await learn(school)
    await evaluate(school, initiative)
    await make(client, "cost-items", 1, initiative_id=initiative, cost=EUR, incurred_on=ago(60))
    objective, outcome, _ = await aim(client, initiative)
    earning, _ = await earn(client)
    tenant = (await client.get("/v1/tenant")).json()["id"]

    links: set[str] = set()
    of = {subject: await explained(client, subject) for subject in (initiative, outcome, objective, earning, tenant)}
    for found in of.values():
        for metric, shown in found.items():
            for each in shown:
                assert bool(each["links"]) != bool(each["unlinked"]), (metric, each)
                assert each["links"] or each["unlinked"].endswith("."), (metric, each)
                links |= set(each["links"])
    for link in sorted(links):
        assert (await client.get(link)).status_code == 200, link

    mine = of[initiative]
    assert LISTED.keys() <= mine.keys()
    linked = {metric: {each["name"] for each in mine[metric] if each["links"]} for metric in LISTED}
    assert {metric: names & linked[metric] for metric, names in LISTED.items()} == LISTED
    counted = [each for metric in LISTED for each in mine[metric] if isinstance(each["value"], int)]
    assert [len(each["links"]) for each in counted] == [each["value"] for each in counted]
    nowhere = [each for each in mine["review_adherence"] if each["name"] == "waived"]
    assert nowhere[0]["unlinked"] == "No fact was found that counts for it."
    assert all("single people" in each["unlinked"] for each in mine["learning_nps"])
