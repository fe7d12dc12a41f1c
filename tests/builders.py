"""Bodies that make one valid row of each noun over REST, with what it depends on; every field can be overridden."""

import base64
from typing import Any

import httpx

from tests.fact_builders import FACT_BODIES, FACT_CONVENTIONS
from tests.making import BODIES, Body, Convention, id_of, make

__all__ = ["BODIES", "CONVENTIONS", "Body", "Convention", "complete", "make"]


async def _objective(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Objective {n:03}", "priority": n % 5 + 1}


async def _kpi(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Scrap rate {n:03}", "unit": "items per 100", "direction": "lower_is_better"}


async def _measurement(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    kpi_id = await id_of(client, "kpis", n, overrides, "kpi_id")
    first = f"{1900 + n}-01-01"
    return {"kpi_id": kpi_id, "period_start": first, "period_end": f"{1901 + n}-01-01", "value": "4.6"}


async def _outcome(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "title": f"Outcome {n:03}",
        "objective_id": await id_of(client, "objectives", n, overrides, "objective_id"),
        "kpi_id": await id_of(client, "kpis", n, overrides, "kpi_id"),
        "baseline": "4.6",
        "target": "3.45",
        "starts_on": "2026-01-01",
        "due_on": "2026-12-31",
    }


async def _initiative(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Initiative {n:03}"}


async def _alignment(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "outcome_id": await id_of(client, "outcomes", n, overrides, "outcome_id"),
        "hypothesis": f"Because {n:03}",
    }


async def _agreement(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "alignment_id": await id_of(client, "alignments", n, overrides, "alignment_id"),
        "goal_owner_id": await id_of(client, "people", n, overrides, "goal_owner_id"),
        "signed_on": "2026-02-01",
    }


async def _activity(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"title": f"Activity {n:03}"}


async def _source(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"LMS {n:03}", "slug": f"lms-{n:03}", "adapter": "docebo"}


async def _reference(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "activity_id": await id_of(client, "activities", n, overrides, "activity_id"),
        "source_id": await id_of(client, "sources", n, overrides, "source_id"),
        "external_id_in_source": f"course-{n:03}",
    }


async def _person(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Person {n:03}"}


async def _org_unit(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {"name": f"Plant {n:03}"}


async def _audience(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "name": f"Wave {n:03}",
    }


async def _cost_item(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "initiative_id": await id_of(client, "initiatives", n, overrides, "initiative_id"),
        "title": f"Trainer days {n:03}",
        "category": "delivery",
        "cost": {"amount": "1234.50", "currency": "EUR"},
        "incurred_on": "2026-02-01",
    }


async def _unit_value(client: httpx.AsyncClient, n: int, overrides: Body) -> Body:
    return {
        "kpi_id": await id_of(client, "kpis", n, overrides, "kpi_id"),
        "value": {"amount": "310", "currency": "EUR"},
        "basis": f"Controlling {n:03}",
        "valid_from": "2026-01-01",
    }


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


async def _identity_provider(_client: httpx.AsyncClient, n: int, _overrides: Body) -> Body:
    return {
        "name": f"Sign-on {n:03}",
        "issuer": f"https://login.example.org/{n}",
        "jwks_url": "https://93.184.215.14/keys",
        "grants": [{"claim_value": "editors", "scopes": ["read", "write"]}],
    }


BODIES.update(
    {
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
        "sources": _source,
        "identity-providers": _identity_provider,
        **FACT_BODIES,
    }
)


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
    **FACT_CONVENTIONS,
}
