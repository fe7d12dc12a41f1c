"""Bodies and conventions of the nouns of facts: surveys, behaviours, scores, reviews, forecasts, contents."""

import httpx

from tests.making import Body, Convention, day, id_of


async def _survey(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Survey {n:03}",
        "asks": ["recommend", "intent", "planned_percent", "within_six_weeks", "applied", "manager_support", "comment"],
        "opens_on": "2026-04-20",
    }


async def _survey_response(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    survey_id = await id_of(client, "surveys", n, overrides, "survey_id")
    return {"survey_id": survey_id, "answered_on": day(n), "recommend": n % 11}


async def _behaviour(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Behaviour {n:03}",
    }


async def _observation(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "behaviour_id": await id_of(client, "behaviours", n, overrides, "behaviour_id"),
        "person_id": await id_of(client, "people", n, overrides, "person_id"),
        "observed_on": day(n),
        "at_criterion": True,
        "observer": "manager",
    }


async def _support_deed(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "person_id": await id_of(client, "people", n, overrides, "person_id"),
        "deed": "goal_agreed",
        "noted_on": day(n),
    }


async def _commitment(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "stakeholder_id": await id_of(client, "people", n, overrides, "stakeholder_id"),
        "role": "manager",
        "promise": f"Time to practise {n:03}",
        "due_on": day(n),
    }


async def _review(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Review {n:03}", "opens_on": "2026-04-20", "due_on": day(n)}


async def _decision(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    review_id = await id_of(client, "reviews", n, overrides, "review_id")
    return {"review_id": review_id, "kind": "continue", "decided_on": day(n)}


async def _action(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    review_id = await id_of(client, "reviews", n, overrides, "review_id")
    return {"review_id": review_id, "title": f"Action {n:03}", "due_on": day(n)}


async def _assessment_score(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "person_id": await id_of(client, "people", n, overrides, "person_id"),
        "moment": "pre",
        "score": str(n % 100),
        "taken_on": day(n),
    }


async def _proficiency_standard(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Standard {n:03}"}


async def _standard_attainment(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "standard_id": await id_of(client, "proficiency-standards", n, overrides, "standard_id"),
        "person_id": await id_of(client, "people", n, overrides, "person_id"),
    }


async def _forecast(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "outcome_id": await id_of(client, "outcomes", n, overrides, "outcome_id"),
        "made_on": day(n),
        "for_on": "2026-12-31",
        "point": "3.6",
        "low": "3.2",
        "high": "4.1",
    }


async def _status_override(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "outcome_id": await id_of(client, "outcomes", n, overrides, "outcome_id"),
        "author_id": await id_of(client, "people", n, overrides, "author_id"),
        "status": "at_risk",
        "reason": "New steel",
        "from_on": day(n),
    }


async def _personal_estimate(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "outcome_id": await id_of(client, "outcomes", n, overrides, "outcome_id"),
        "role": "manager",
        "change": "-1.2",
        "share_rate": "0.4",
        "confidence_rate": "0.7",
        "given_on": day(n),
    }


async def _content_version(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    activity_id = await id_of(client, "activities", n, overrides, "activity_id")
    return {"activity_id": activity_id, "label": f"{n}", "published_on": day(n)}


async def _review_interval(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"risk_class": f"class {n:03}", "days": 180}


async def _requirement(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {"activity_id": await id_of(client, "activities", n, overrides, "activity_id"), "starts_on": day(n)}


FACT_BODIES = {
    "surveys": _survey,
    "survey-responses": _survey_response,
    "behaviours": _behaviour,
    "observations": _observation,
    "support-deeds": _support_deed,
    "commitments": _commitment,
    "assessment-scores": _assessment_score,
    "proficiency-standards": _proficiency_standard,
    "standard-attainments": _standard_attainment,
    "reviews": _review,
    "decisions": _decision,
    "actions": _action,
    "forecasts": _forecast,
    "status-overrides": _status_override,
    "personal-estimates": _personal_estimate,
    "content-versions": _content_version,
    "review-intervals": _review_interval,
    "requirements": _requirement,
}

FACT_CONVENTIONS = {
    "surveys": Convention(
        {"title": "Another"}, {"closes_on": "2026-05-20"}, "closes_on", "moment", "title", ("initiative_id",)
    ),
    "survey-responses": Convention(
        {"recommend": 9},
        {"intent": "will_apply"},
        "intent",
        "intent",
        "answered_on",
        ("survey_id", "person_id"),
    ),
    "behaviours": Convention(
        {"title": "Another"},
        {"external_id": "b1"},
        "external_id",
        "external_id",
        "title",
        ("initiative_id", "outcome_id"),
    ),
    "observations": Convention(
        {"at_criterion": False},
        {"external_id": "o1"},
        "external_id",
        "observer",
        "observed_on",
        ("behaviour_id", "person_id", "observer_id"),
    ),
    "support-deeds": Convention(
        {"done": False},
        {"external_id": "d1"},
        "external_id",
        "deed",
        "noted_on",
        ("initiative_id", "person_id", "manager_id"),
    ),
    "commitments": Convention(
        {"promise": "Another"},
        {"kept_on": "2026-05-01"},
        "kept_on",
        "role",
        "due_on",
        ("initiative_id", "agreement_id", "stakeholder_id"),
    ),
    "assessment-scores": Convention(
        {"score": "99"},
        {"instrument": "A"},
        "instrument",
        "instrument",
        "taken_on",
        ("initiative_id", "activity_id", "person_id"),
    ),
    "proficiency-standards": Convention(
        {"title": "Another"}, {"role": "operator"}, "role", "role", "title", ("initiative_id",)
    ),
    "standard-attainments": Convention(
        {"starts_on": "2026-01-02"},
        {"attained_on": "2026-06-01"},
        "attained_on",
        "person_id",
        "created_at",
        ("standard_id", "person_id"),
    ),
    "reviews": Convention(
        {"title": "Another"},
        {"reason": "Because"},
        "reason",
        "status",
        "title",
        ("initiative_id", "objective_id", "owner_id"),
    ),
    "decisions": Convention(
        {"kind": "stop"}, {"rationale": "Why"}, "rationale", "kind", "decided_on", ("review_id", "decider_id")
    ),
    "actions": Convention(
        {"title": "Another"},
        {"closed_on": "2026-05-01"},
        "closed_on",
        "status",
        "title",
        ("review_id", "decision_id", "owner_id"),
    ),
    "forecasts": Convention(
        {"actual": "3.7"}, {"actual": "3.5"}, "actual", "outcome_id", "made_on", ("outcome_id", "author_id")
    ),
    "status-overrides": Convention(
        {"reason": "Another"},
        {"to_on": "2027-01-01"},
        "to_on",
        "status",
        "from_on",
        ("outcome_id", "author_id"),
        external_id=False,
    ),
    "personal-estimates": Convention(
        {"change": "-2"},
        {"all_shares_rate": "1"},
        "all_shares_rate",
        "role",
        "given_on",
        ("initiative_id", "outcome_id", "survey_id", "person_id"),
    ),
    "content-versions": Convention(
        {"published_on": "2026-01-02"},
        {"reviewed_on": "2027-01-01"},
        "reviewed_on",
        "label",
        "published_on",
        ("activity_id", "reviewer_id"),
    ),
    "review-intervals": Convention({"days": 90}, {}, "", "risk_class", "risk_class", external_id=False),
    "requirements": Convention(
        {"grace_days": 7}, {"role": "operator"}, "role", "role", "starts_on", ("activity_id", "org_unit_id")
    ),
}
