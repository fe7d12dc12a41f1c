"""Bodies that make one valid row of each noun over REST, with what it depends on; every field can be overridden."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

Body = dict[str, Any]


async def make(client: httpx.AsyncClient, noun: str, n: int = 0, **overrides: Any) -> Body:
    """Create one row and return it as read; `n` keeps rows of one test apart."""
    body = await BODIES[noun](client, n, overrides) | overrides
    answer = await client.post(f"/v1/{noun}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def _id(client: httpx.AsyncClient, noun: str, n: int, overrides: Body, field: str, **needed: Any) -> str:
    """Return the id that an override names, else that of a new row."""
    return overrides[field] if field in overrides else (await make(client, noun, n, **needed))["id"]


async def _objective(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Objective {n:03}", "priority": n % 5 + 1}


async def _kpi(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Scrap rate {n:03}", "unit": "items per 100", "direction": "lower_is_better"}


async def _measurement(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    kpi_id = await _id(client, "kpis", n, overrides, "kpi_id")
    first = f"{1900 + n}-01-01"
    return {"kpi_id": kpi_id, "period_start": first, "period_end": f"{1901 + n}-01-01", "value": "4.6"}


async def _outcome(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "title": f"Outcome {n:03}",
        "objective_id": await _id(client, "objectives", n, overrides, "objective_id"),
        "kpi_id": await _id(client, "kpis", n, overrides, "kpi_id"),
        "baseline": "4.6",
        "target": "3.45",
        "starts_on": "2026-01-01",
        "due_on": "2026-12-31",
    }


async def _initiative(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Initiative {n:03}"}


async def _alignment(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "outcome_id": await _id(client, "outcomes", n, overrides, "outcome_id"),
        "hypothesis": f"Because {n:03}",
    }


async def _agreement(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "alignment_id": await _id(client, "alignments", n, overrides, "alignment_id"),
        "goal_owner_id": await _id(client, "people", n, overrides, "goal_owner_id"),
        "signed_on": "2026-02-01",
    }


async def _activity(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Activity {n:03}"}


async def _source(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"LMS {n:03}", "slug": f"lms-{n:03}", "adapter": "docebo"}


async def _reference(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "activity_id": await _id(client, "activities", n, overrides, "activity_id"),
        "source_id": await _id(client, "sources", n, overrides, "source_id"),
        "external_id_in_source": f"course-{n:03}",
    }


async def _person(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Person {n:03}"}


async def _org_unit(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Plant {n:03}"}


async def _audience(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "name": f"Wave {n:03}",
    }


async def _cost_item(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Trainer days {n:03}",
        "category": "delivery",
        "cost": {"amount": "1234.50", "currency": "EUR"},
        "incurred_on": "2026-02-01",
    }


async def _unit_value(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "kpi_id": await _id(client, "kpis", n, overrides, "kpi_id"),
        "value": {"amount": "310", "currency": "EUR"},
        "basis": f"Controlling {n:03}",
        "valid_from": "2026-01-01",
    }


async def _survey(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Survey {n:03}",
        "asks": ["recommend", "intent", "planned_percent", "within_six_weeks", "applied", "manager_support", "comment"],
        "opens_on": "2026-04-20",
    }


async def _survey_response(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    survey_id = await _id(client, "surveys", n, overrides, "survey_id")
    return {"survey_id": survey_id, "answered_on": _day(n), "recommend": n % 11}


async def _behaviour(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Behaviour {n:03}",
    }


async def _observation(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "behaviour_id": await _id(client, "behaviours", n, overrides, "behaviour_id"),
        "person_id": await _id(client, "people", n, overrides, "person_id"),
        "observed_on": _day(n),
        "at_criterion": True,
        "observer": "manager",
    }


async def _support_deed(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "person_id": await _id(client, "people", n, overrides, "person_id"),
        "deed": "goal_agreed",
        "noted_on": _day(n),
    }


async def _commitment(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await _id(client, "initiatives", n, overrides, "initiative_id"),
        "stakeholder_id": await _id(client, "people", n, overrides, "stakeholder_id"),
        "role": "manager",
        "promise": f"Time to practise {n:03}",
        "due_on": _day(n),
    }


def _day(n: int) -> str:
    """Return a day of its own for each `n`, from the first day on which the builders' surveys are open."""
    return (date(2026, 4, 20) + timedelta(days=n)).isoformat()


async def complete(
    client: httpx.AsyncClient,
    source: Body,
    course: int,
    user: int,
    at: str = "2026-03-11 09:44:58",
    **payload: Any,
) -> Body:
    """Deliver one completion as the LMS of `source` (as created, with its secret) does; return the answer to it."""
    key = base64.b64encode(source["secret"].encode()).decode()
    event = {
        "event": "course.enrollment.completed",
        "message_id": f"{course}-{user}-{at}",
        "payload": {
            "fired_at": at,
            "user_id": user,
            "username": f"user-{user}",
            "course_id": course,
            "course_name": f"Course {course}",
            "completion_date": at,
            "status": "completed",
            **payload,
        },
    }
    answer = await client.post(source["webhook_path"], json=event, headers={"Authorization": f"Basic {key}"})
    assert answer.json()["status"] == "applied", answer.text
    return answer.json()


BODIES: dict[str, Callable[[httpx.AsyncClient, int, Body], Awaitable[Body]]] = {
    "objectives": _objective,
    "kpis": _kpi,
    "measurements": _measurement,
    "outcomes": _outcome,
    "initiatives": _initiative,
    "alignments": _alignment,
    "agreements": _agreement,
    "activities": _activity,
    "activity-references": _reference,
    "people": _person,
    "org-units": _org_unit,
    "audiences": _audience,
    "cost-items": _cost_item,
    "unit-values": _unit_value,
    "surveys": _survey,
    "survey-responses": _survey_response,
    "behaviours": _behaviour,
    "observations": _observation,
    "support-deeds": _support_deed,
    "commitments": _commitment,
    "sources": _source,
}


@dataclass(frozen=True)
class Convention:
    """What the tests of the shared conventions need to know of a noun.

    `change` is a merge patch with another value; `cleared` a field that is set by `filled` and can be cleared;
    `filter` a list filter with the value that rows have after `filled`; `sort` a column that tells rows apart;
    `references` are the fields that name rows of other nouns.
    """

    change: Body
    filled: Body
    cleared: str
    filter: str
    sort: str
    references: tuple[str, ...] = ()
    external_id: bool = True


CONVENTIONS = {
    "objectives": Convention(
        {"title": "Another"}, {"category": "quality"}, "category", "category", "title", ("parent_id", "goal_owner_id")
    ),
    "kpis": Convention({"name": "Another"}, {"definition": "Per 100"}, "definition", "cadence", "name", ("owner_id",)),
    "measurements": Convention({"value": "5"}, {}, "", "subject_kind", "period_start", ("kpi_id",), external_id=False),
    "outcomes": Convention(
        {"title": "Another"},
        {"due_on": "2027-01-01"},
        "due_on",
        "target_kind",
        "title",
        ("objective_id", "kpi_id", "org_unit_id", "owner_id"),
    ),
    "initiatives": Convention(
        {"title": "Another"}, {"description": "How"}, "description", "assignment", "title", ("owner_id",)
    ),
    "alignments": Convention(
        {"weight": "2"}, {"hypothesis": "Why"}, "hypothesis", "status", "weight", ("initiative_id", "outcome_id")
    ),
    "agreements": Convention(
        {"signed_on": "2026-03-01"},
        {"duties": "Time to practise"},
        "duties",
        "status",
        "signed_on",
        ("alignment_id", "goal_owner_id"),
        external_id=False,
    ),
    "activities": Convention(
        {"title": "Another"}, {"description": "How"}, "description", "kind", "title", ("initiative_id",)
    ),
    "activity-references": Convention(
        {"content_version": "2"},
        {"content_version": "1"},
        "content_version",
        "external_id_in_source",
        "external_id_in_source",
        ("activity_id", "source_id"),
        external_id=False,
    ),
    "people": Convention({"name": "Another"}, {"role": "operator"}, "role", "role", "name", ("org_unit_id",)),
    "org-units": Convention({"name": "Another"}, {"kind": "plant"}, "kind", "kind", "name", ("parent_id",)),
    "audiences": Convention(
        {"name": "Another"}, {"external_id": "w1"}, "external_id", "external_id", "name", ("initiative_id",)
    ),
    "cost-items": Convention(
        {"title": "Another"}, {}, "", "category", "incurred_on", ("initiative_id",), external_id=False
    ),
    "unit-values": Convention(
        {"basis": "Another"},
        {"valid_to": "2027-01-01"},
        "valid_to",
        "currency",
        "valid_from",
        ("kpi_id", "approver_id"),
        external_id=False,
    ),
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
}
