"""A tenant with one row of everything, linked in every way that the graph can follow."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.db import Database
from app.domain import ids
from app.models.effect_results import EffectResultRead
from app.models.effects import EffectEstimate
from app.models.hooks import WebhookAttempt, WebhookEndpointWrite
from app.models.panels import Panel
from app.models.publications import Restatement
from app.models.rollouts import RolloutDesign
from app.models.statements import ImpactStatement
from app.models.unit import unit_of
from app.outbound import Answer
from app.services import changes, hooks, operations, outgoing
from app.services.bulk import born
from app.services.outgoing import Outcome
from app.vault import Vault
from tests.api.test_webhooks import basic, connect
from tests.builders import make
from tests.engines import SECRET_KEY, Organisation

Scene = dict[str, str]
"""Public ids by the name of the GraphQL type; `Parent...` for the row above one in its tree."""


async def arrange(org: Organisation, database: Database) -> Scene:
    """Make one of everything over REST, the sources' own way in where there is one."""
    scene: Scene = {}
    await _people(org, scene)
    await _goals(org, scene)
    await _efforts(org, scene)
    await _learning(org, scene)
    await _evidence(org, scene)
    await _loop(org, scene)
    await _judgements(org, database, scene)
    await _hooks(org, database, scene)
    await _said(org, database, scene)
    return scene


async def _said(org: Organisation, database: Database, scene: Scene) -> None:
    """Publish a figure, say that it was restated, and begin an operation."""
    about = {"metric": "participation_rate", "subject": scene["Initiative"]}
    published = await org.client.post("/v1/figures/publish", json=about)
    assert published.status_code == 201, published.text
    scene["PublishedFigure"] = published.json()["id"]
    said = ids.decode("pub", scene["PublishedFigure"])
    async with database.transaction(org.scope) as session:
        begun = await operations.start(session, operations.Order("test_scene", {}, "rows", 3))
        restated = Restatement(
            **born(session),
            metric="participation_rate",
            subject_id=ids.decode("ini", scene["Initiative"]),
            from_id=said,
            to_id=said,
            because={"reason": "late_events", "detail": "One came late.", "facts": []},
        )
        session.add(restated)
    scene["Operation"] = ids.encode("opn", begun.id)
    scene["Restatement"] = ids.encode("rst", restated.id)


async def _people(org: Organisation, scene: Scene) -> None:
    scene["ParentOrgUnit"] = (await make(org.client, "org-units", 1))["id"]
    scene["OrgUnit"] = (await make(org.client, "org-units", 2, parent_id=scene["ParentOrgUnit"], kind="plant"))["id"]
    scene["IdentityProvider"] = (await make(org.client, "identity-providers", 1))["id"]
    scene["Person"] = (await make(org.client, "people", 1, org_unit_id=scene["OrgUnit"], role="operator"))["id"]


async def _goals(org: Organisation, scene: Scene) -> None:
    person, unit = scene["Person"], scene["OrgUnit"]
    scene["ParentObjective"] = (await make(org.client, "objectives", 1))["id"]
    objective = {"parent_id": scene["ParentObjective"], "goal_owner_id": person, "period_start": "2026-01-01"}
    scene["Objective"] = (await make(org.client, "objectives", 2, **objective))["id"]
    scene["Kpi"] = (await make(org.client, "kpis", 1, owner_id=person))["id"]
    outcome = {"objective_id": scene["Objective"], "kpi_id": scene["Kpi"], "org_unit_id": unit, "owner_id": person}
    scene["Outcome"] = (await make(org.client, "outcomes", 1, **outcome))["id"]
    measured = {"kpi_id": scene["Kpi"], "subject_kind": "org_unit", "subject_id": unit}
    scene["Measurement"] = (await make(org.client, "measurements", 1, **measured))["id"]
    value = {"kpi_id": scene["Kpi"], "approver_id": person}
    scene["UnitValue"] = (await make(org.client, "unit-values", 1, **value))["id"]


async def _efforts(org: Organisation, scene: Scene) -> None:
    person = scene["Person"]
    initiative = scene["Initiative"] = (await make(org.client, "initiatives", 1, owner_id=person))["id"]
    link = {"initiative_id": initiative, "outcome_id": scene["Outcome"]}
    scene["Alignment"] = (await make(org.client, "alignments", 1, **link))["id"]
    signed = {"alignment_id": scene["Alignment"], "goal_owner_id": person}
    scene["Agreement"] = (await make(org.client, "agreements", 1, **signed))["id"]
    scene["CostItem"] = (await make(org.client, "cost-items", 1, initiative_id=initiative))["id"]
    scene["Audience"] = (await make(org.client, "audiences", 1, initiative_id=initiative))["id"]
    member = {"person_id": person, "offered_on": "2026-01-01", "wave": "first"}
    added = await org.client.post(f"/v1/audiences/{scene['Audience']}/members", json={"items": [member]})
    assert added.status_code == 200, added.text
    scene["Activity"] = (await make(org.client, "activities", 1, initiative_id=initiative))["id"]


async def _evidence(org: Organisation, scene: Scene) -> None:
    person, initiative = {"person_id": scene["Person"]}, {"initiative_id": scene["Initiative"]}
    asked = initiative | {"activity_id": scene["Activity"]}
    scene["Survey"] = (await make(org.client, "surveys", 1, **asked))["id"]
    said = person | {"survey_id": scene["Survey"]}
    scene["SurveyResponse"] = (await make(org.client, "survey-responses", 1, **said))["id"]
    shown = initiative | {"outcome_id": scene["Outcome"]}
    scene["Behaviour"] = (await make(org.client, "behaviours", 1, **shown))["id"]
    seen = person | {"behaviour_id": scene["Behaviour"], "observer_id": scene["Person"]}
    scene["Observation"] = (await make(org.client, "observations", 1, **seen))["id"]
    helped = initiative | person | {"manager_id": scene["Person"]}
    scene["SupportDeed"] = (await make(org.client, "support-deeds", 1, **helped))["id"]
    promised = initiative | {"stakeholder_id": scene["Person"], "agreement_id": scene["Agreement"]}
    scene["Commitment"] = (await make(org.client, "commitments", 1, **promised))["id"]


async def _loop(org: Organisation, scene: Scene) -> None:
    person, outcome = {"person_id": scene["Person"]}, {"outcome_id": scene["Outcome"]}
    initiative, activity = {"initiative_id": scene["Initiative"]}, {"activity_id": scene["Activity"]}
    author, owner = {"author_id": scene["Person"]}, {"owner_id": scene["Person"]}

    async def add(name: str, noun: str, **fields: str) -> None:
        scene[name] = (await make(org.client, noun, 1, **fields))["id"]

    await add("AssessmentScore", "assessment-scores", **initiative, **activity, **person)
    await add("ProficiencyStandard", "proficiency-standards", **initiative)
    standard = {"standard_id": scene["ProficiencyStandard"]}
    await add("StandardAttainment", "standard-attainments", **standard, **person)
    await add("Review", "reviews", **initiative, **owner, objective_id=scene["Objective"])
    await add("Decision", "decisions", review_id=scene["Review"], decider_id=scene["Person"])
    await add("Action", "actions", review_id=scene["Review"], decision_id=scene["Decision"], **owner)
    await add("Forecast", "forecasts", **outcome, **author)
    await add("StatusOverride", "status-overrides", **outcome, **author)
    asked = {"survey_id": scene["Survey"]}
    await add("PersonalEstimate", "personal-estimates", **initiative, **outcome, **asked, **person)
    await add("ContentVersion", "content-versions", **activity, reviewer_id=scene["Person"])
    await add("ReviewInterval", "review-intervals")
    await add("Requirement", "requirements", **activity, org_unit_id=scene["OrgUnit"])


async def _learning(org: Organisation, scene: Scene) -> None:
    source = (await connect(org, "docebo", "docebo")).json()
    scene["Source"] = source["id"]
    reference = {"activity_id": scene["Activity"], "source_id": source["id"], "external_id_in_source": "884"}
    scene["ActivityReference"] = (await make(org.client, "activity-references", 1, **reference))["id"]
    identity = {"kind": "account", "value": "7", "issuer": source["id"]}
    named = await org.client.post(f"/v1/people/{scene['Person']}/identities", json=identity)
    scene["Identity"] = named.json()["id"]
    await complete(org, source, 7)
    for name, noun in (("Delivery", "deliveries"), ("LearningEvent", "learning-events"), ("Enrolment", "enrolments")):
        scene[name] = (await org.client.get(f"/v1/{noun}")).json()["items"][0]["id"]


async def complete(org: Organisation, source: dict[str, Any], number: int, course: int = 884) -> None:
    """Deliver a completion by the person whom the source calls `number`."""
    at = "2026-03-11 09:44:58"
    body = {
        "event": "course.enrollment.completed",
        "message_id": f"wh-{number}-{course}",
        "payload": {"user_id": number, "course_id": course, "completion_date": at, "fired_at": at},
    }
    answer = await org.client.post(source["webhook_path"], json=body, headers=basic(source["secret"]))
    assert answer.json()["status"] == "applied", answer.text


async def _judgements(org: Organisation, database: Database, scene: Scene) -> None:
    plan = {"initiative_id": scene["Initiative"], "outcome_id": scene["Outcome"], "estimators": ["first_difference"]}
    planned = await org.client.post("/v1/evaluation-plans", json=plan)
    assert planned.status_code == 201, planned.text
    scene["EvaluationPlan"] = planned.json()["id"]
    initiative = ids.decode("ini", scene["Initiative"])
    async with database.transaction(org.scope) as session:
        common: dict[str, Any] = {"tenant_id": org.scope.id, "recorded_at": unit_of(session).tick()}
        audience = ids.decode("aud", scene["Audience"])
        dealt = RolloutDesign(
            **common, initiative_id=initiative, audience_id=audience, request={}, drawn=DRAWN, sha256="0" * 64
        )
        panel = Panel(**common, description={"outcome": "y"}, summary=SUMMARY, row_count=8, sha256="1" * 64)
        session.add_all([dealt, panel])
        await session.flush()
        estimate = EffectEstimate(
            **common,
            initiative_id=initiative,
            outcome_id=ids.decode("out", scene["Outcome"]),
            panel_id=panel.id,
            request={"estimators": ["first_difference"]},
            results=[RESULT],
            panel={"units": 54},
            plan={"status": "none"},
        )
        session.add(estimate)
        await session.flush()
        stated = ImpactStatement(
            **common,
            effect_estimate_id=estimate.id,
            initiative_id=initiative,
            outcome_id=estimate.outcome_id,
            unit_value_id=ids.decode("uvl", scene["UnitValue"]),
            request={},
            body=STATED | {"plan_id": scene["EvaluationPlan"]},
            sha256="2" * 64,
        )
        session.add(stated)
    scene["ImpactStatement"] = ids.encode("stm", stated.id)
    scene["EffectEstimate"] = ids.encode("eff", estimate.id)
    scene["Panel"] = ids.encode("pan", panel.id)
    scene["RolloutDesign"] = ids.encode("rol", dealt.id)
    scene["Tenant"] = ids.encode("ten", org.scope.id)
    scene["Change"] = (await org.client.get("/v1/changes")).json()["items"][0]["id"]


async def _hooks(org: Organisation, database: Database, scene: Scene) -> None:
    """Make an endpoint that has been sent the tenant's first change."""
    vault, now = Vault([SECRET_KEY]), datetime.now(UTC)
    fields = WebhookEndpointWrite(name="Warehouse", url=HOOK, event_types=["tenant_settings.created"])
    async with database.transaction(org.scope) as session:
        row, _ = await hooks.create(session, vault, fields)
        row.position, row.ordinal = changes.BEGINNING
        batch = await outgoing.take(session, vault, row.id, now)
        assert batch is not None
        outcomes = [Outcome(each, now, Answer(204, None, 84)) for each in batch.parcels]
        await outgoing.note(session, row.id, outcomes, now)
        attempt = await session.scalar(select(WebhookAttempt))
    assert attempt is not None
    assert attempt.message_id is not None
    scene["WebhookEndpoint"] = ids.encode("hook", row.id)
    scene["WebhookMessage"] = ids.encode("msg", attempt.message_id)
    scene["WebhookAttempt"] = ids.encode("att", attempt.id)


HOOK = "https://hooks.example.org/throughline"
DRAWN: dict[str, Any] = {
    "seed": 2**52,
    "units": [{"unit": "Team 1", "wave": 1, "starts_on": "2027-01-01"}],
    "sizes": [1],
    "balance": [{"covariate": "people", "means": [4.5], "largest": 0.1, "flagged": False}],
    "offers": [],
    "smallest_effect": None,
}
SUMMARY: dict[str, Any] = {
    "shape": "panel",
    "units": 4,
    "exposed_units": 2,
    "clusters": None,
    "periods": [2000, 2001],
    "observations": 8,
    "exposure_lasts": True,
    "balance": [
        {"variable": "y", "mean_exposed": 1.0, "mean_others": 2.0, "standardised_difference": None, "flagged": False}
    ],
    "diagnostics": [],
}
STATED: dict[str, Any] = {
    "effect": {"value": -0.317, "grade": 2},
    "statement": "The grant is consistent with less scrap.",
    "usage": "indicative",
    "reason": "Grade 2.",
    "unit_value": {"amount": "310.00", "currency": "EUR"},
    "cost": {"amount": "1234.50", "currency": "EUR"},
    "stakes": {"units": 54},
    "observed": None,
    "with_assumption": None,
    "break_even_share": 0.4,
    "break_even_effect": -0.1,
    "caveats": ["One year only."],
    "provenance": {"seed": 0},
    "claim": None,
}
_WORDS = {name: "word" for name, info in EffectResultRead.model_fields.items() if info.annotation is str}
RESULT: dict[str, Any] = _WORDS | {
    "estimator": "first_difference",
    "estimand": "att",
    "value": -0.317,
    "transform": "log",
    "standard_error": {"value": 0.164, "kind": "classical"},
    "alternatives": [],
    "interval": {"low": -0.646, "high": 0.012, "level": 0.95, "method": "t"},
    "p_value": 0.059,
    "p_value_reason": None,
    "df": 52.0,
    "sample": {"units": 54},
    "coefficients": [],
    "aggregations": [],
    "diagnostics": [{"code": "balance", "verdict": "ok", "detail": "Balanced.", "values": {}}],
    "grade": 2,
    "reasons": [{"code": "design", "detail": "No randomisation.", "cap": 3, "steps": 0}],
    "words": "is consistent with",
    "statement": "The grant is consistent with less scrap.",
    "exploratory": True,
    "provenance": {},
}
