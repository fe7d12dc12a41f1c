"""Every figure can be followed to its facts: each input links to rows that can be read, or says why it does not."""

from typing import Any
from urllib.parse import urlencode

import httpx

from app.domain import ids
from app.services import inputs
from app.services.inputs._listed import OF_FEW, OF_PARTS
from tests.api.figures.scene import KINDS, Scene
from tests.api.figures.school import School, numbers
from tests.api.figures.test_facts import batch
from tests.builders import make

LINKED = {
    ("participation_rate", "audience"): {"audiences"},
    ("learner_on_time_rate", "due"): {"audiences"},
    ("validity_rate", "required"): {"audiences", "requirements"},
    ("utilisation", "courses_offered"): {"activities"},
    ("real_work_share", "hours_real"): {"activities"},
    ("learning_nps", "scores"): {"survey-responses"},
    ("scrap_rate", "plans"): {"survey-responses"},
    ("scrap_cost", "scrap_rate"): {"survey-responses"},
    ("response_rate", "invited"): {"surveys"},
    ("application_rate", "applied"): {"observations"},
    ("manager_support_index", "learners"): {"support-deeds"},
    ("score_gain", "pairs"): {"assessment-scores"},
    ("time_to_proficiency", "durations"): {"standard-attainments"},
    ("review_adherence", "due"): {"reviews"},
    ("decision_rate", "with_decision"): {"reviews"},
    ("action_on_time", "due"): {"actions"},
    ("stakeholder_engagement", "due"): {"commitments"},
    ("content_freshness", "items"): {"content-versions"},
    ("accountability_coverage", "objects"): {"objectives", "outcomes", "initiatives", "kpis"},
    ("alignment_coverage", "links"): {"initiatives", "alignments", "agreements", "cost-items"},
    ("objective_support", "objectives"): {"objectives", "alignments"},
    ("evaluability_score", "behaviour"): {"behaviours"},
    ("evaluability_score", "baseline"): {"outcomes"},
    ("delivery_on_time_rate", "due"): {"initiatives"},
    ("annual_benefit", "unit_value"): {"unit-values"},
    ("annual_benefit", "periods_per_year"): {"kpis"},
    ("roi", "cost"): {"cost-items"},
    ("roi_range", "effect_low"): {"effect-estimates"},
    ("progress", "current"): {"measurements"},
    ("pace_index", "due_on"): {"outcomes"},
    ("improvement_abs", "direction"): {"kpis"},
    ("restated_share", "published"): {"published-figures"},
    ("duplicate_rate", "received"): {"sources"},
}
"""Inputs, each with nouns that it must link to in the scene."""

COUNTED = (
    ("review_adherence", "held_in_window"),
    ("decision_rate", "with_decision"),
    ("intent_to_apply", "will_apply"),
    ("response_rate", "valid_responses"),
    ("application_rate", "applied"),
    ("delivery_on_time_rate", "due"),
    ("stakeholder_engagement", "due"),
)
"""Inputs of the initiative that count rows of one noun: as many as they link to."""


async def figures(client: httpx.AsyncClient, subject: str) -> list[dict[str, Any]]:
    """Return every figure of a subject that has a value."""
    metrics = [str(each) for each in inputs.metrics_of(KINDS[subject.partition("_")[0]])]
    items: list[dict[str, Any]] = []
    for start in range(0, len(metrics), 20):
        asked = await client.get("/v1/figures", params={"subject": subject, "metric": metrics[start : start + 20]})
        assert asked.status_code == 200, asked.text
        items += asked.json()["items"]
    return [each for each in items if each["value"] is not None]


def _named(figure: dict[str, Any]) -> str:
    return "{}{{{}}}".format(figure["metric"], ",".join(map(str, figure["parameters"].values())))


async def explained(client: httpx.AsyncClient, address: str, **query: Any) -> dict[str, Any]:
    answer = await client.get(f"{address}&{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def all_links(client: httpx.AsyncClient, address: str, limit: int) -> dict[str, list[str]]:
    """Follow the pages of an explanation; return the links of each input."""
    found: dict[str, list[str]] = {}
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = await explained(client, address, **query)
        for each in page["inputs"]:
            found.setdefault(each["name"], []).extend(each["links"])
        assert len({link for each in page["inputs"] for link in each["links"]}) <= limit
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_each_input_of_each_figure_links_to_facts_or_says_why_not_and_each_export_holds(scene: Scene) -> None:
    client = scene.client
    links: dict[str, str] = {}
    of: dict[str, dict[str, dict[str, Any]]] = {}
    walked: set[tuple[str, str]] = set()
    listed_then = {scene.initiative, scene.tenant, scene.school.source["id"]}
    for subject in scene.subjects:
        for figure in await figures(client, subject):
            name = _named(figure)
            if (subject[:3], name) in walked:
                continue
            walked.add((subject[:3], name))
            then = {"as_of": figure["as_of"]} if subject in listed_then else {}
            shown = await explained(client, figure["explain"], **then)
            assert shown["inputs"], figure
            for each in shown["inputs"]:
                assert bool(each["links_total"]) != bool(each["unlinked"]), (figure["metric"], each)
                assert each["links_total"] or each["unlinked"].endswith("."), (figure["metric"], each)
                links |= {link.rpartition("_")[0]: link for link in each["links"]}
            replayed = (await client.post("/v1/figures/replay", json=shown)).json()
            assert replayed["holds"] is True, (figure["metric"], replayed)
            of.setdefault(subject, {})[name] = {each["name"]: each for each in shown["inputs"]}
    now = await figures(client, scene.tenant)
    for figure in (
        each for each in now if each["metric"] in {"alignment_coverage", "restated_share", "duplicate_rate"}
    ):
        for each in (await explained(client, figure["explain"]))["inputs"]:
            assert each["links"] == of[scene.tenant][_named(figure)][each["name"]]["links"]
    for link in links.values():
        assert (await client.get(link)).status_code == 200, link

    linked = {
        (metric.partition("{")[0], name): {link.split("/")[2] for link in each["links"]}
        for found in of.values()
        for metric, shown in found.items()
        for name, each in shown.items()
        if each["links"]
    }
    assert {key: linked.get(key, set()) & nouns for key, nouns in LINKED.items()} == LINKED
    mine = {metric.partition("{")[0]: shown for metric, shown in of[scene.initiative].items()}
    for metric, name in COUNTED:
        each = mine[metric][name]
        assert each["links_total"] == int(each["value"]), (metric, name, each)
    assert mine["review_adherence"]["waived"]["unlinked"] == "No fact was found that counts for it."
    assert mine["net_benefit" if "net_benefit" in mine else "cost_per"]["cost_basis"]["unlinked"].endswith("no fact.")
    above = {metric.partition("{")[0]: shown for metric, shown in of[scene.tenant].items()}
    for metric, name in (("learning_nps", "scores"), ("application_rate", "applied"), ("score_gain", "pairs")):
        assert above[metric][name]["unlinked"] == OF_PARTS


async def test_links_come_page_by_page_in_rest_and_in_the_graph(scene: Scene) -> None:
    client = scene.client
    [figure] = await scene.school.figures("learning_nps", scene.initiative)
    whole = await all_links(client, figure["explain"], 200)
    by_four = await all_links(client, figure["explain"], 4)
    query = """query($id: ID!, $after: ID) { initiative(id: $id) { figures(metrics: ["learning_nps"]) {
        explanation { inputs { name linksTotal links(first: 5, after: $after) unlinked } } } } }"""
    in_graph: list[str] = []
    while len(in_graph) % 5 == 0:
        variables = {"id": scene.initiative, "after": in_graph[-1] if in_graph else None}
        answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
        [scores, invited] = answer["data"]["initiative"]["figures"][0]["explanation"]["inputs"]
        in_graph += scores["links"]

    unit = (await client.get("/v1/org-units")).json()["items"][0]["id"]
    parts = await scene.school.figures("participation_rate", unit)
    parts += await scene.school.figures("participation_rate", scene.initiative, by="role")
    for part in parts:
        assert part["status"] == "ok"
        [audience, *_] = (await explained(client, part["explain"]))["inputs"]
        assert audience["links"], part

    assert by_four == whole
    assert (len(whole["scores"]), len(whole["invited"])) == (12, 1)
    assert (in_graph, scores["linksTotal"], invited["linksTotal"]) == (whole["scores"], 12, 1)


async def test_answers_of_people_are_linked_only_where_no_few_of_them_can_be_told_apart(school: School) -> None:
    client = school.client
    initiative = await school.initiative("c")
    await school.hire(*numbers(9))
    surveys = [await make(client, "surveys", n, initiative_id=initiative, asks=["recommend"]) for n in range(2)]
    said = {"answered_on": "2026-04-21", "recommend": 9}

    async def answer(survey: int, *people: str) -> dict[str, Any]:
        about = {"survey_id": surveys[survey]["id"]}
        items = [
            said | about | {"external_id": each, "person_id": ids.encode("per", school.people[each])} for each in people
        ]
        await batch(client, "survey-responses", items)
        figure = await school.figure("learning_nps", initiative)
        assert figure["value"] == "100", (figure["status"], figure["reason"])
        shown = (await explained(client, figure["explain"]))["inputs"]
        found: dict[str, Any] = next(each for each in shown if each["name"] == "scores")
        return found

    enough = await answer(0, *numbers(6))
    few = await answer(1, *numbers(3, first=6))
    [month] = await school.figures("learning_nps", initiative, by="month")
    part = (await explained(client, month["explain"]))["inputs"][0]

    assert (enough["links_total"], enough["unlinked"]) == (6, None)
    assert (few["links_total"], few["unlinked"]) == (0, OF_FEW)
    assert (part["links_total"], part["unlinked"]) == (0, OF_PARTS)
