"""Every figure in every response has all that makes it defensible (metrics.md, G1), and hides what it must."""

from typing import Any

from app.models.figures import FigureRead
from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_attainment import aim, measure
from tests.builders import make

G1 = {
    "metric",
    "definition_version",
    "value",
    "unit",
    "status",
    "numerator",
    "denominator",
    "n_people",
    "interval",
    "period",
    "as_of",
    "basis",
    "caveats",
}
STATUSES = {"ok", "no_data", "not_applicable", "insufficient", "suppressed", "provisional", "inconsistent"}
GRAPH = (
    "metric definitionVersion parameters subject { kind id } segment status reason value valueType unit numerator "
    "denominator nPeople interval { low high level method } period { from to zone } asOf revision basis "
    "caveats { code detail } override { value } explain"
)


def figures_in(answer: Any) -> list[dict[str, Any]]:
    """Every object of an answer that is a figure, wherever it stands."""
    if isinstance(answer, list):
        return [found for each in answer for found in figures_in(each)]
    if not isinstance(answer, dict):
        return []
    mine = [answer] if {"metric", "status", "value"} <= answer.keys() else []
    return mine + [found for each in answer.values() for found in figures_in(each)]


def snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


async def test_every_figure_of_every_response_has_every_field(school: School) -> None:
    client = school.client
    initiative = await school.initiative("c")
    await school.hire(*numbers(8), role="operator")
    await school.hire(*numbers(2, 20), role="welder")
    await school.offer(initiative, numbers(8) + numbers(2, 20))
    await school.tell(*(event("completed", each, "c", "2026-02-01") for each in numbers(8)))
    outcome = await aim(client, baseline="60", target="40")
    await measure(client, outcome, "52")
    objective = (await client.get(f"/v1/outcomes/{outcome}")).json()["objective_id"]
    rate = {"metric": "participation_rate", "subject": initiative}
    published = (await client.post("/v1/figures/publish", json=rate)).json()

    paths = [
        f"/v1/initiatives/{initiative}/figures",
        f"/v1/outcomes/{outcome}/figures",
        f"/v1/objectives/{objective}/figures",
        f"/v1/activities/{school.activities['c']}/figures",
        f"/v1/sources/{school.source['id']}/figures",
        "/v1/tenant/figures",
        f"/v1/figures?metric=participants&metric=participation_rate&subject={initiative}&by=role&by=month",
        f"/v1/initiatives/{initiative}/figures/participation_rate/explain",
        f"/v1/figures/explain?metric=progress&subject={outcome}",
        f"/v1/published-figures/{published['id']}",
        "/v1/published-figures",
    ]
    answers = {path: await client.get(path) for path in paths}
    evaluated = {"inputs": {"audience": 10, "started_in_audience": 4}}
    answers["evaluate"] = await client.post("/v1/metrics/participation_rate/evaluate", json=evaluated)
    exported = answers[paths[7]].json()
    answers["replay"] = await client.post("/v1/figures/replay", json=exported)
    fields = set(FigureRead.model_json_schema(by_alias=True)["properties"])

    assert fields >= G1
    for path, answer in answers.items():
        assert answer.is_success, f"{path}: {answer.text}"
        found = figures_in(answer.json())
        assert found, path
        for each in found:
            assert fields <= each.keys(), (path, fields - each.keys())
            assert each["status"] in STATUSES
            assert (each["value"] is not None) == (each["status"] in {"ok", "provisional"}), each
            assert each["status"] == "ok" or each["reason"] or each["caveats"], each

    nodes = {"initiative": initiative, "outcome": outcome, "objective": objective}
    query = " ".join(f'{kind}(id: "{id_}") {{ figures {{ {GRAPH} }} }}' for kind, id_ in nodes.items())
    graph = (await client.post("/graphql", json={"query": f"{{ {query} tenant {{ figures {{ {GRAPH} }} }} }}"})).json()
    shown = figures_in(graph)
    assert "errors" not in graph, graph
    assert len(shown) > len(figures_in(answers[paths[0]].json()))
    for each in shown:
        assert fields <= {snake(name) for name in each}


async def test_what_is_hidden_cannot_be_had_by_subtracting_any_two_answers(school: School) -> None:
    """Twelve operators and three welders: no sum or difference of two published denominators is the welders'."""
    initiative = await school.initiative("c")
    everyone = {"operator": numbers(12), "fitter": numbers(9, 20), "welder": numbers(3, 40)}
    unit = (await make(school.client, "org-units", 1))["id"]
    for role, people in everyone.items():
        await school.hire(*people, role=role, **({"org_unit_id": unit} if role == "welder" else {}))
        await school.offer(initiative, people, wave=role)
        await school.tell(*(event("started", each, "c", "2026-02-10") for each in people))
    metric = "participation_rate"
    asked = [{"by": by} for by in ("role", "wave", "org_unit", "month", "activity")]
    asked += [{"by": ["role", "month"]}, {"by": ["wave", "role"]}, {}, {"from": "2026-02-01", "to": "2026-03-01"}]

    shown: set[int] = set()
    for query in asked:
        for each in await school.figures(metric, initiative, **query):
            assert each["status"] == "suppressed" or each["denominator"] is not None or each["value"] is None
            if each["denominator"]:
                shown.add(int(each["denominator"]))
    graph = f'{{ initiative(id: "{initiative}") {{ figures(metrics: ["{metric}"], by: ["role"]) {{ denominator }} }} }}'
    items = (await school.client.post("/graphql", json={"query": graph})).json()["data"]["initiative"]["figures"]
    shown |= {int(each["denominator"]) for each in items if each["denominator"]}

    differences = {abs(first - second) for first in shown for second in shown}
    assert not {1, 2, 3, 4} & (shown | differences), shown
