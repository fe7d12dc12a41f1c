"""Arranging the study in the service: through its API as any client would, the people and values in bulk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from app.db import Database
from app.demo.deliveries import GRANT_COURSE, LEARNUPON, OTHER_COURSE, THINKIFIC, email
from app.demo.study import AFTER, BEFORE, Firm
from app.domain import ids
from app.domain.learning import IdentityKind
from app.models.kpis import MeasurementWrite, SubjectKind
from app.models.people import AudienceMemberWrite, IdentityWrite, PersonWrite
from app.models.unit import TenantScope
from app.services import audiences, measurements, people
from app.services.batches import ItemResult

_BATCH = 1000
_ROUND_BEGAN = date(AFTER, 1, 1)
_ROUND_ENDED = date(AFTER, 12, 31)


@dataclass(frozen=True, slots=True)
class Arranged:
    """Public ids of what the statement is about."""

    initiative: str
    outcome: str


class Api:
    """A client of the service that says what went wrong."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def put(self, noun: str, external_id: str, fields: Mapping[str, Any]) -> str:
        """Create or replace a noun by an id of ours; return its public id."""
        answer = await self.client.put(f"/v1/{noun}/by-external-id/{external_id}", json=fields)
        return str(_checked(answer)["id"])

    async def post(self, path: str, fields: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """Post and return the answer."""
        return _checked(await self.client.post(path, json=fields, headers=headers))

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Get and return the answer."""
        return _checked(await self.client.get(path, params=query))


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


async def arrange(api: Api, database: Database, scope: TenantScope, firms: Sequence[Firm]) -> Arranged:
    """Bring the whole study into the service; again, it changes nothing."""
    objective = await api.put("objectives", "cut-scrap", _OBJECTIVE)
    kpi = await api.put("kpis", "scrap-rate", _KPI)
    outcome = await api.put(
        "outcomes", "less-scrap", _OUTCOME | {"objective_id": objective, "kpi_id": kpi, "baseline": _baseline(firms)}
    )
    initiative = await api.put("initiatives", "training-grant", _INITIATIVE)
    await api.put("alignments", "grant-cuts-scrap", _ALIGNMENT | {"initiative_id": initiative, "outcome_id": outcome})
    await _plan(api, {"initiative_id": initiative, "outcome_id": outcome})
    await _activities(api, initiative)
    audience = await api.put("audiences", "grant-1988", {"initiative_id": initiative, "name": "Grant firms, 1988"})
    units = {firm.code: await api.put("org-units", f"firm-{firm.code}", _unit(firm)) for firm in firms}
    await _people(database, scope, firms, units, audience)
    await _values(database, scope, firms, units, kpi)
    return Arranged(initiative, outcome)


async def _plan(api: Api, about: Mapping[str, str]) -> None:
    """Lock the evaluation plan before the service knows any value of 1988."""
    known = (await api.get("/v1/evaluation-plans", **about))["items"]
    plan = known[0] if known else await api.post("/v1/evaluation-plans", PLANNED | dict(about))
    await api.post(f"/v1/evaluation-plans/{plan['id']}/lock", {})


async def _activities(api: Api, initiative: str) -> None:
    """Make both trainings known with the ids that the two LMSs have for them; only one belongs to the initiative."""
    sources = {row["slug"]: row["id"] for row in (await api.get("/v1/sources"))["items"]}
    for course, external_id, fields in (
        (GRANT_COURSE, "grant-training", {"title": "Training paid by the grant", "initiative_id": initiative}),
        (OTHER_COURSE, "other-training", {"title": "The firms' own training"}),
    ):
        activity = await api.put("activities", external_id, fields)
        for slug in (LEARNUPON, THINKIFIC):
            known = await api.get("/v1/activity-references", source_id=sources[slug], activity_id=activity)
            if not known["items"]:
                told = {"activity_id": activity, "source_id": sources[slug], "external_id_in_source": str(course)}
                await api.post("/v1/activity-references", told)


async def _people(
    database: Database, scope: TenantScope, firms: Sequence[Firm], units: Mapping[str, str], audience: str
) -> None:
    """Import every employee with an address, and put those of the grant's firms into its audience."""
    everyone = [(firm, number) for firm in firms for number in range(1, firm.employees + 1)]
    for start in range(0, len(everyone), _BATCH):
        part = everyone[start : start + _BATCH]
        async with database.transaction(scope) as session:
            fields = [
                PersonWrite(external_id=f"{firm.code}-{number}", org_unit_id=ids.decode("org", units[firm.code]))
                for firm, number in part
            ]
            person_ids = [_accepted(result) for result in await people.put_many(session, fields)]
            addresses = [
                (person_id, IdentityWrite(kind=IdentityKind.EMAIL, value=email(firm, number)))
                for person_id, (firm, number) in zip(person_ids, part, strict=True)
            ]
            await people.put_identities(session, addresses)
            members = [
                AudienceMemberWrite(person_id=person_id, offered_on=_ROUND_BEGAN, due_on=_ROUND_ENDED, wave="1988")
                for person_id, (firm, _) in zip(person_ids, part, strict=True)
                if firm.granted
            ]
            await audiences.put_members(session, ids.decode("aud", audience), members)


async def _values(
    database: Database, scope: TenantScope, firms: Sequence[Firm], units: Mapping[str, str], kpi: str
) -> None:
    """Import the scrap rates of the firms that report them."""
    values = [
        MeasurementWrite(
            kpi_id=ids.decode("kpi", kpi),
            subject_kind=SubjectKind.ORG_UNIT,
            subject_id=ids.decode("org", units[firm.code]),
            period_start=date(year, 1, 1),
            period_end=date(year + 1, 1, 1),
            value=value,
        )
        for firm in firms
        for year, value in firm.scrap.items()
    ]
    async with database.transaction(scope) as session:
        for result in await measurements.put_many(session, values):
            _accepted(result)


def _accepted(result: ItemResult) -> UUID:
    """Return the id of an item that was taken in."""
    if result.id is None:
        raise RuntimeError("; ".join(fault.detail for fault in result.faults))
    return result.id


def _baseline(firms: Sequence[Firm]) -> str:
    """Return the mean scrap rate of 1987, to six places."""
    values = [firm.scrap[BEFORE] for firm in firms if BEFORE in firm.scrap]
    return str((sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.000001")))


def _unit(firm: Firm) -> dict[str, Any]:
    return {"name": f"Firm {firm.code}", "kind": "firm"}


PLANNED: dict[str, Any] = {
    "estimators": ["first_difference"],
    "options": {"transform": "log", "standard_error": "classical", "periods": ["1987-01-01", "1988-01-01"]},
    "decision_rule": "Go on with the grant if the effect is below zero and at least consistent with one.",
}
_OBJECTIVE = {
    "title": "Cut scrap",
    "problem_statement": "Manufacturers in Michigan scrap some 4.6 of every 100 items that they produce.",
    "category": "quality",
    "priority": 1,
}
_KPI = {
    "name": "scrap rate",
    "definition": "Scrapped items per 100 produced, as the firm reports it for the year.",
    "unit": "items per 100",
    "direction": "lower_is_better",
    "aggregation": "mean",
    "cadence": "year",
    "zone": "America/Detroit",
}
_OUTCOME = {
    "title": "A quarter less scrap within the year",
    "target_kind": "relative",
    "target": "25",
    "starts_on": "1988-01-01",
    "due_on": "1988-12-31",
}
_INITIATIVE = {
    "title": "The training grant",
    "description": "The state pays for job training in firms that apply, first come, first served.",
    "starts_on": "1988-01-01",
    "ends_on": "1988-12-31",
    "assignment": "voluntary",
}
_ALIGNMENT = {
    "hypothesis": "Operators who are trained on their machines make fewer parts that must be thrown away.",
    "expected_effect": "-1",
}
