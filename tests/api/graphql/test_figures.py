"""Figures in the graph: the same as REST's, with all that makes them defensible."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.api.graphql.conftest import Ask, ask
from tests.api.graphql.test_as_of import change, clock
from tests.api.test_figures import Study
from tests.builders import make
from tests.engines import Organisation

FIGURE = """metric definitionVersion parameters subject { kind id } segment status reason value valueType unit numerator
    denominator nPeople interval { low high level method } period { from to zone } asOf revision basis
    caveats { code detail } override { id value reason authorId from to } explain"""


def as_rest(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure of the graph as REST writes it, without the instant, which differs with every request."""
    found = {re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in figure.items()}
    found |= {"status": found["status"].lower(), "value_type": found["value_type"].lower()}
    return {key: value for key, value in found.items() if key != "as_of"}


async def rest_figures(client: httpx.AsyncClient, noun: str, noun_id: str, **params: str) -> list[dict[str, Any]]:
    items = (await client.get(f"/v1/{noun}/{noun_id}/figures", params=params)).json()["items"]
    return [{key: value for key, value in item.items() if key != "as_of"} for item in items]


async def test_the_figures_of_an_initiative_are_those_of_rest(graph: Ask, acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=8, done=6, outside=2)
    query = f"query($id: ID!) {{ initiative(id: $id) {{ figures {{ {FIGURE} }} }} }}"

    found = (await graph(query, id=study.initiative))["initiative"]["figures"]

    assert [as_rest(figure) for figure in found] == await rest_figures(acme.client, "initiatives", study.initiative)
    assert (found[0]["value"], found[0]["numerator"], found[0]["denominator"]) == ("0.75", "6", "8")
    assert found[0]["interval"]["method"].startswith("wilson")


async def test_the_figures_of_an_outcome_are_those_of_rest_and_can_be_unfolded(
    graph: Ask, client: httpx.AsyncClient
) -> None:
    kpi = (await make(client, "kpis", 1))["id"]
    outcome = (await make(client, "outcomes", 1, kpi_id=kpi))["id"]
    period = {"period_start": "2026-01-01", "period_end": "2026-02-01"}
    measurement = (await make(client, "measurements", 1, kpi_id=kpi, value="4.1", **period))["id"]
    at = datetime.now(UTC).isoformat()
    query = f"""query($id: ID!, $at: DateTime) {{ outcome(id: $id) {{ figures(asOf: $at) {{ {FIGURE}
        definition {{ slug title }}
        explanation {{ title formula source edgeRules measurements {{ id value }}
            inputs {{ name value description links links_total: linksTotal unlinked }} }}
    }} }} }}"""

    found = (await graph(query, id=outcome, at=at))["outcome"]["figures"]

    explanations = [figure.pop("explanation") for figure in found]
    definitions = [figure.pop("definition") for figure in found]
    assert [as_rest(figure) for figure in found] == await rest_figures(client, "outcomes", outcome, as_of=at)
    place = [figure["metric"] for figure in found].index("progress")
    rest = (await client.get(found[place]["explain"])).json()
    first = explanations[place]
    assert (first["title"], first["formula"], first["source"]) == (rest["title"], rest["formula"], rest["source"])
    assert (first["inputs"], first["edgeRules"]) == (rest["inputs"], rest["edge_rules"])
    assert first["measurements"] == [{"id": measurement, "value": "4.1"}]
    assert definitions[place] == {"slug": "progress", "title": rest["title"]}


async def test_a_figure_of_too_few_people_shows_none_of_its_parts(graph: Ask, acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=4, done=3)
    query = (
        f"query($id: ID!) {{ initiative(id: $id) {{ figures {{ {FIGURE} explanation {{ inputs {{ name }} }} }} }} }}"
    )

    found = (await graph(query, id=study.initiative))["initiative"]["figures"][0]

    assert (found["status"], found["value"], found["numerator"], found["nPeople"]) == ("SUPPRESSED", None, None, None)
    assert found["explanation"]["inputs"] == []


async def test_figures_can_be_asked_as_of_an_instant_alone_or_with_their_node(
    graph: Ask, client: httpx.AsyncClient
) -> None:
    kpi = (await make(client, "kpis", 1))["id"]
    outcome = (await make(client, "outcomes", 1, kpi_id=kpi))["id"]
    period = {"period_start": "2026-01-01", "period_end": "2026-02-01"}
    measurement = (await make(client, "measurements", 1, kpi_id=kpi, value="4.1", **period))["id"]
    then = await clock(client)
    await change(client, "measurements", measurement, value="3.5")
    query = """query($id: ID!, $at: DateTime) {
        now: outcome(id: $id) { figures(metrics: ["improvement_abs"]) { value } }
        own: outcome(id: $id) { figures(asOf: $at, metrics: ["improvement_abs"]) { value asOf } }
        node: outcome(id: $id, asOf: $at) { figures(metrics: ["improvement_abs"]) { value asOf } } }"""

    found = await graph(query, id=outcome, at=then)

    assert [found[key]["figures"][0]["value"] for key in ("now", "own", "node")] == ["1.1", "0.5", "0.5"]
    assert found["own"]["figures"][0]["asOf"] == found["node"]["figures"][0]["asOf"] == then


async def test_figures_from_before_their_subject_was_there_are_not_found(client: httpx.AsyncClient) -> None:
    await make(client, "people", 1)
    then = await clock(client)
    initiative = (await make(client, "initiatives", 1))["id"]

    query = "query($id: ID!, $at: DateTime) { initiative(id: $id) { title figures(asOf: $at) { value } } }"
    found = await ask(client, query, id=initiative, at=then)

    assert found["data"]["initiative"] == {"title": "Initiative 001", "figures": None}
    assert found["errors"][0]["extensions"]["code"] == "not_found"


async def test_figures_are_cut_filtered_and_followed_to_their_events_as_in_rest(graph: Ask, acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=8, done=6)
    asked = "completion_rate{denominator=audience}"
    query = f"""query($activity: ID!, $id: ID!) {{
        activity(id: $activity) {{ figures {{ {FIGURE} }} }}
        initiative(id: $id) {{
            cut: figures(metrics: ["{asked}"], by: ["role"]) {{ {FIGURE} }}
            one: figures(metrics: ["{asked}"]) {{
                explanation {{ events(first: 4) {{ id delivery {{ id }} }} }}
    }} }} }}"""

    found = await graph(query, activity=study.activity, id=study.initiative)

    of_activity = await rest_figures(acme.client, "activities", study.activity)
    assert [as_rest(figure) for figure in found["activity"]["figures"]] == of_activity
    params = {"metric": asked, "subject": study.initiative}
    cut = (await acme.client.get("/v1/figures", params=params | {"by": "role"})).json()["items"]
    assert [figure["segment"] for figure in found["initiative"]["cut"]] == [each["segment"] for each in cut]
    explained = (await acme.client.get("/v1/figures/explain", params=params)).json()
    behind = [(each["id"], each["delivery"]["id"]) for each in found["initiative"]["one"][0]["explanation"]["events"]]
    assert behind == [(each["id"], each["delivery_id"]) for each in explained["events"][:4]]
    assert len(behind) == 4


async def test_the_catalogue_stands_at_the_root(graph: Ask, client: httpx.AsyncClient) -> None:
    asked = "slug unit by cuts { metric subjects by refused }"
    found = await graph(f'{{ metric(slug: "completion_rate") {{ {asked} }} metrics {{ slug }} }}')
    rest = (await client.get("/v1/metrics/completion_rate")).json()

    assert found["metric"] == {name: rest[name] for name in ("slug", "unit", "by", "cuts")}
    assert "completion_rate" in [each["slug"] for each in found["metrics"]]


async def test_a_metric_or_dimension_that_is_none_is_named(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    query = """query($id: ID!, $by: [String!], $m: [String!]) {
        initiative(id: $id) { figures(by: $by, metrics: $m) { value } } }"""

    dimension = await ask(client, query, id=initiative, by=["shoe_size"])
    many = await ask(client, query, id=initiative, m=["completion_rate"] * 21)
    unknown = await ask(client, query, id=initiative, m=["nonsense"])

    assert dimension["errors"][0]["extensions"]["errors"][0]["code"] == "no_such_segment"
    assert many["errors"][0]["extensions"]["errors"][0]["code"] == "too_long"
    assert unknown["errors"][0]["extensions"]["code"] == "unknown_metric"
