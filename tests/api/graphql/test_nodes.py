"""Nodes: the same things as in REST, each link where it should lead."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from app.api.graphql.schema import schema
from tests.api.graphql.conftest import Ask
from tests.api.graphql.scene import Scene
from tests.engines import Organisation

REST = {
    "Objective": "objectives",
    "Outcome": "outcomes",
    "Kpi": "kpis",
    "Measurement": "measurements",
    "Initiative": "initiatives",
    "Alignment": "alignments",
    "Agreement": "agreements",
    "CostItem": "cost-items",
    "UnitValue": "unit-values",
    "Activity": "activities",
    "ActivityReference": "activity-references",
    "Enrolment": "enrolments",
    "Person": "people",
    "OrgUnit": "org-units",
    "Audience": "audiences",
    "Source": "sources",
    "Delivery": "deliveries",
    "LearningEvent": "learning-events",
    "EffectEstimate": "effect-estimates",
    "EvaluationPlan": "evaluation-plans",
    "Panel": "panels",
    "RolloutDesign": "rollout-designs",
    "ImpactStatement": "impact-statements",
    "Survey": "surveys",
    "SurveyResponse": "survey-responses",
    "Behaviour": "behaviours",
    "Observation": "observations",
    "SupportDeed": "support-deeds",
    "Commitment": "commitments",
    "WebhookEndpoint": "webhook-endpoints",
    "WebhookMessage": "webhook-messages",
    "IdentityProvider": "identity-providers",
    "WebhookAttempt": "webhook-attempts",
    "Operation": "operations",
    "PublishedFigure": "published-figures",
    "Restatement": "restatements",
    "AssessmentScore": "assessment-scores",
    "ProficiencyStandard": "proficiency-standards",
    "StandardAttainment": "standard-attainments",
    "Review": "reviews",
    "Decision": "decisions",
    "Action": "actions",
    "Forecast": "forecasts",
    "StatusOverride": "status-overrides",
    "PersonalEstimate": "personal-estimates",
    "ContentVersion": "content-versions",
    "ReviewInterval": "review-intervals",
    "Requirement": "requirements",
}
LINKS = {
    "Objective": {
        "parent": "ParentObjective",
        "goalOwner": "Person",
        "outcomes": "Outcome",
        "reviews": "Review",
    },
    "ParentObjective": {"children": "Objective"},
    "Outcome": {
        "objective": "Objective",
        "kpi": "Kpi",
        "orgUnit": "OrgUnit",
        "owner": "Person",
        "alignments": "Alignment",
        "initiatives": "Initiative",
        "measurements": "Measurement",
        "effectEstimates": "EffectEstimate",
        "evaluationPlans": "EvaluationPlan",
        "impactStatements": "ImpactStatement",
        "forecasts": "Forecast",
        "statusOverrides": "StatusOverride",
        "personalEstimates": "PersonalEstimate",
    },
    "Kpi": {"owner": "Person", "measurements": "Measurement", "outcomes": "Outcome", "unitValues": "UnitValue"},
    "Measurement": {"kpi": "Kpi", "subject": "OrgUnit"},
    "Initiative": {
        "owner": "Person",
        "alignments": "Alignment",
        "outcomes": "Outcome",
        "activities": "Activity",
        "audiences": "Audience",
        "costItems": "CostItem",
        "surveys": "Survey",
        "behaviours": "Behaviour",
        "supportDeeds": "SupportDeed",
        "commitments": "Commitment",
        "assessmentScores": "AssessmentScore",
        "proficiencyStandards": "ProficiencyStandard",
        "personalEstimates": "PersonalEstimate",
        "reviews": "Review",
        "rolloutDesigns": "RolloutDesign",
        "effectEstimates": "EffectEstimate",
        "evaluationPlans": "EvaluationPlan",
        "impactStatements": "ImpactStatement",
    },
    "Alignment": {"initiative": "Initiative", "outcome": "Outcome", "agreements": "Agreement"},
    "Agreement": {"alignment": "Alignment", "goalOwner": "Person"},
    "CostItem": {"initiative": "Initiative"},
    "UnitValue": {"kpi": "Kpi", "approver": "Person"},
    "Activity": {
        "initiative": "Initiative",
        "references": "ActivityReference",
        "enrolments": "Enrolment",
        "contentVersions": "ContentVersion",
        "requirements": "Requirement",
    },
    "ActivityReference": {"activity": "Activity", "source": "Source", "learningEvents": "LearningEvent"},
    "Enrolment": {"person": "Person", "activity": "Activity"},
    "Person": {
        "orgUnit": "OrgUnit",
        "identities": "Identity",
        "enrolments": "Enrolment",
        "audiences": "Audience",
    },
    "Identity": {"person": "Person", "learningEvents": "LearningEvent"},
    "OrgUnit": {"parent": "ParentOrgUnit", "people": "Person", "outcomes": "Outcome"},
    "ParentOrgUnit": {"children": "OrgUnit"},
    "Audience": {"initiative": "Initiative"},
    "Source": {"deliveries": "Delivery", "learningEvents": "LearningEvent", "references": "ActivityReference"},
    "Delivery": {"source": "Source", "learningEvents": "LearningEvent"},
    "LearningEvent": {
        "source": "Source",
        "delivery": "Delivery",
        "identity": "Identity",
        "reference": "ActivityReference",
        "person": "Person",
        "activity": "Activity",
    },
    "EffectEstimate": {
        "initiative": "Initiative",
        "outcome": "Outcome",
        "postedPanel": "Panel",
        "impactStatements": "ImpactStatement",
    },
    "ImpactStatement": {
        "effectEstimate": "EffectEstimate",
        "initiative": "Initiative",
        "outcome": "Outcome",
        "plan": "EvaluationPlan",
    },
    "Panel": {"effectEstimates": "EffectEstimate"},
    "RolloutDesign": {"initiative": "Initiative", "audience": "Audience"},
    "EvaluationPlan": {"initiative": "Initiative", "outcome": "Outcome"},
    "Survey": {"initiative": "Initiative", "activity": "Activity", "responses": "SurveyResponse"},
    "SurveyResponse": {"survey": "Survey", "person": "Person"},
    "Behaviour": {"initiative": "Initiative", "outcome": "Outcome", "observations": "Observation"},
    "Observation": {"behaviour": "Behaviour", "person": "Person", "observedBy": "Person"},
    "SupportDeed": {"initiative": "Initiative", "person": "Person", "manager": "Person"},
    "Commitment": {"initiative": "Initiative", "agreement": "Agreement", "stakeholder": "Person"},
    "WebhookEndpoint": {"messages": "WebhookMessage", "attempts": "WebhookAttempt"},
    "WebhookMessage": {"endpoint": "WebhookEndpoint", "change": "Change", "log": "WebhookAttempt"},
    "WebhookAttempt": {"endpoint": "WebhookEndpoint", "message": "WebhookMessage"},
    "PublishedFigure": {"restatements": "Restatement"},
    "Restatement": {"replaced": "PublishedFigure", "replacement": "PublishedFigure"},
    "AssessmentScore": {"initiative": "Initiative", "activity": "Activity", "person": "Person"},
    "ProficiencyStandard": {"initiative": "Initiative", "attainments": "StandardAttainment"},
    "StandardAttainment": {"standard": "ProficiencyStandard", "person": "Person"},
    "Review": {
        "initiative": "Initiative",
        "objective": "Objective",
        "owner": "Person",
        "decisions": "Decision",
        "actions": "Action",
    },
    "Decision": {"review": "Review", "decider": "Person", "actions": "Action"},
    "Action": {"review": "Review", "decision": "Decision", "owner": "Person"},
    "Forecast": {"outcome": "Outcome", "author": "Person"},
    "StatusOverride": {"outcome": "Outcome", "author": "Person"},
    "PersonalEstimate": {"initiative": "Initiative", "outcome": "Outcome", "survey": "Survey", "person": "Person"},
    "ContentVersion": {"activity": "Activity", "reviewer": "Person"},
    "Requirement": {"activity": "Activity", "orgUnit": "OrgUnit"},
    "Change": {"resource": "Tenant"},
}
ELSEWHERE = {
    ("OrgUnit", "children"),
    ("Objective", "children"),
    ("Audience", "members"),
    ("Operation", "items"),
    ("LearningEvent", "corrects"),
}


def node_types() -> Iterator[GraphQLObjectType]:
    for found in schema().type_map.values():
        if isinstance(found, GraphQLObjectType) and "Node" in {each.name for each in found.interfaces}:
            yield found


def links_of(found: GraphQLObjectType) -> dict[str, bool]:
    """The links of a type to nodes by name: whether they are lists."""
    links = {}
    for name, field in found.fields.items():
        target = get_named_type(field.type)
        if "first" in field.args:
            links[name] = True
        elif target.name == "Node" or "Node" in {each.name for each in getattr(target, "interfaces", ())}:
            links[name] = False
    return links


def selection_of(found: Any, depth: int = 3) -> str:
    """Every field of a type that needs no query of its own."""
    links = links_of(found)
    parts = []
    for name, field in found.fields.items():
        target = get_named_type(field.type)
        if name in links or name == "figures" or any(is_required_argument(each) for each in field.args.values()):
            continue
        if is_leaf_type(target):
            parts.append(name)
        elif depth:
            parts.append(f"{name} {{ {selection_of(target, depth - 1)} }}")
    return " ".join(parts)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def as_rest(value: Any, found: Any) -> Any:
    """A value of the graph as REST writes it."""
    target = get_named_type(found)
    if isinstance(value, list):
        return [as_rest(each, found) for each in value]
    if isinstance(target, GraphQLEnumType) and value is not None:
        return target.values[value].value
    if isinstance(value, dict) and not isinstance(target, GraphQLScalarType):
        return {snake(name): as_rest(each, target.fields[name].type) for name, each in value.items()}
    return value


BEHIND_LINKS = {"Delivery": {"learning_events", "learning_events_total", "learning_events_path"}}
"""What REST shows beside a row, and the graph at a link of its node."""


def test_every_node_type_is_in_the_scene_and_every_link_has_an_expected_end():
    expected = {(name.removeprefix("Parent"), link) for name, links in LINKS.items() for link in links} | ELSEWHERE

    found = {(each.name, link) for each in node_types() for link in links_of(each)}

    assert found == expected


async def test_a_node_says_what_rest_says(graph: Ask, scene: Scene, client: httpx.AsyncClient) -> None:
    for name, noun in REST.items():
        found = schema().type_map[name]
        query = f"query($id: ID!) {{ node(id: $id) {{ __typename ... on {name} {{ {selection_of(found)} }} }} }}"

        node = (await graph(query, id=scene[name]))["node"]

        rest = (await client.get(f"/v1/{noun}/{scene[name]}")).json()
        assert node.pop("__typename") == name
        said = as_rest(node, found)
        shared = said.keys() & rest.keys()
        assert {key: said[key] for key in shared} == {key: rest[key] for key in shared}, name
        assert {key for key in rest.keys() - said.keys() if not key.endswith("_id")} == BEHIND_LINKS.get(name, set())


async def test_every_link_leads_where_it_should(graph: Ask, scene: Scene) -> None:
    for name, ends in LINKS.items():
        kind = name.removeprefix("Parent")
        links = links_of(schema().type_map[kind])
        parts = [f"{each} {{ nodes {{ id }} totalCount }}" if links[each] else f"{each} {{ id }}" for each in ends]

        found = await graph(
            f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {' '.join(parts)} }} }} }}", id=scene[name]
        )

        for link, end in ends.items():
            listed = {"nodes": [{"id": scene[end]}], "totalCount": 1}
            assert found["node"][link] == (listed if links[link] else {"id": scene[end]}), (name, link)


async def test_a_type_has_a_field_of_its_own_at_the_root(graph: Ask, scene: Scene) -> None:
    for name in sorted(each.name for each in node_types()):
        single = f'{name[:1].lower()}{name[1:]}(id: "{scene[name]}")'
        field = {"Tenant": "tenant", "Change": f'node(id: "{scene[name]}")'}.get(name, single)

        found = await graph(f"{{ {field} {{ id }} }}")

        assert list(found.values()) == [{"id": scene[name]}], name


async def test_the_members_of_an_audience_come_with_their_dates(graph: Ask, scene: Scene) -> None:
    query = (
        "query($id: ID!) { audience(id: $id) { members { nodes { offeredOn wave person { id } audience { id } } } } }"
    )

    found = await graph(query, id=scene["Audience"])

    member = {"offeredOn": "2026-01-01", "wave": "first"}
    ends = {"person": {"id": scene["Person"]}, "audience": {"id": scene["Audience"]}}
    assert found["audience"]["members"]["nodes"] == [member | ends]


async def test_the_tenant_tells_its_settings(graph: Ask, acme: Organisation) -> None:
    found = await graph("{ tenant { slug name zone minimumCohort version } }")

    settings = {"name": "Test", "zone": "UTC", "minimumCohort": 5, "version": 1}
    assert found["tenant"] == {"slug": acme.scope.slug} | settings


async def test_the_estimate_of_an_effect_comes_with_its_grade_and_its_words(graph: Ask, scene: Scene) -> None:
    query = """query($id: ID!) { effectEstimate(id: $id) { results {
        estimator value standardError { value kind } grade words diagnostics { code verdict } } } }"""

    found = await graph(query, id=scene["EffectEstimate"])

    result = found["effectEstimate"]["results"][0]
    assert (result["value"], result["standardError"]) == (-0.317, {"value": 0.164, "kind": "classical"})
    assert (result["grade"], result["words"]) == (2, "is consistent with")
    assert result["diagnostics"] == [{"code": "balance", "verdict": "ok"}]
