"""Tenancy rule 4: every statement on a tenant's table names the tenant, for every table in it, on both engines."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from app import wire
from app.db import Database
from tests.builders import BODIES, CONVENTIONS, complete, make
from tests.engines import Organisation
from tests.models.test_tenancy import TENANT_TABLES

_NAMED = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+\"?(\w+)\"?(?:\s+AS\s+\"?(\w+)\"?)?", re.IGNORECASE)
_INSERTED = re.compile(r"INSERT INTO \"?(\w+)\"?\s*\(([^)]*)\)", re.IGNORECASE)
_STEP = re.compile(r"\b(?=(?:INSERT INTO|UPDATE) \w+ )(?<!DO )", re.IGNORECASE)
_SET = re.compile(r"\bSET\s+(.*?)(?:\bWHERE\b|$)", re.IGNORECASE | re.DOTALL)


def faults_in(statement: str) -> list[str]:
    """Return what in a statement reads or writes a tenant's table without naming the tenant, or moves a key."""
    inserted = _INSERTED.match(statement)
    if inserted:
        needs = inserted[1] in TENANT_TABLES
        return [] if not needs or "tenant_id" in inserted[2] else [f"inserts into {inserted[1]} without tenant"]
    found = []
    for table, alias in _NAMED.findall(statement):
        name = alias if alias and alias.upper() not in {"SET", "WHERE"} else table
        said = rf"\b{name}\.tenant_id\s*(?:=|IN)|=\s*{name}\.tenant_id\b"
        if table in TENANT_TABLES and not re.search(said, statement):
            found.append(f"{table} as {name} without tenant")
    if statement.lstrip().upper().startswith("UPDATE"):
        settings = _SET.search(statement)
        moved = re.findall(r"\b(tenant_id|id)\s*=", settings[1] if settings else "")
        found += [f"sets {name}" for name in moved]
    if re.search(r"\bFOR (?:UPDATE|SHARE)\b", statement):
        found.append("locks rows")
    return found


@pytest.fixture
def statements(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that the service sends, as it is sent; the steps of one with several each by itself."""
    database: Database = app.state.database
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    async def execute(session: AsyncSession, statement: str, parameters: Mapping[str, Any]) -> Any:
        seen.extend(_STEP.split(statement))
        return await directly(session, statement, parameters)

    directly = wire.execute
    monkeypatch.setattr(wire, "execute", execute)
    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("statement", "faulty"),
    [
        ("SELECT kpi.id, kpi.tenant_id FROM kpi WHERE kpi.id = ?", True),
        ("SELECT kpi.id FROM kpi WHERE kpi.id = ? AND kpi.tenant_id = ?", False),
        ("SELECT k.id FROM kpi AS k JOIN person AS p ON p.id = k.owner_id WHERE k.tenant_id = ?", True),
        ("SELECT k.id FROM kpi AS k JOIN person AS p ON p.tenant_id = k.tenant_id WHERE k.tenant_id = ?", False),
        ("SELECT tenant.id FROM tenant WHERE tenant.slug = ?", False),
        ("INSERT INTO kpi (id, name) VALUES (?, ?)", True),
        ("INSERT INTO kpi (tenant_id, id) VALUES (?, ?)", False),
        ("UPDATE kpi SET name=? WHERE kpi.id = ?", True),
        ("UPDATE kpi SET id=? WHERE kpi.tenant_id = ?", True),
        ("UPDATE kpi SET name=? WHERE kpi.tenant_id = ? AND kpi.id = ?", False),
        ("DELETE FROM kpi", True),
        ("SELECT 1 FROM kpi WHERE kpi.tenant_id = ? FOR UPDATE", True),
    ],
)
def test_the_reader_of_statements_sees_a_missing_tenant(statement: str, *, faulty: bool) -> None:
    assert bool(faults_in(statement)) == faulty


async def test_every_statement_of_a_broad_use_of_the_api_names_the_tenant(
    acme: Organisation, statements: list[str]
) -> None:
    client = acme.client
    made = {noun: await make(client, noun, n) for n, noun in enumerate(BODIES)}
    await complete(client, made["sources"], 884, 1)
    await complete(client, made["sources"], 884, 1)
    person = made["people"]["id"]
    audience = f"/v1/audiences/{made['audiences']['id']}"

    for noun, row in made.items():
        path = f"/v1/{noun}/{row['id']}"
        await client.get(f"/v1/{noun}", params={"q": "a"})
        listed = await client.get(f"/v1/{noun}", params={"limit": 1, "include_total": True})
        assert listed.status_code == 200
        await client.get(path)
        if noun in CONVENTIONS:
            assert (await client.patch(path, json=CONVENTIONS[noun].change)).status_code == 200
            assert (await client.get(path, params={"as_of": row["recorded_at"]})).status_code == 200
            if CONVENTIONS[noun].external_id:
                body = await BODIES[noun](client, 4, {})
                assert (await client.put(f"/v1/{noun}/by-external-id/x", json=body)).status_code == 201
    for method, path, body in (
        ("POST", f"/v1/people/{person}/identities", {"kind": "email", "value": "a@example.org"}),
        ("GET", f"/v1/people/{person}/identities", None),
        ("POST", "/v1/people/batch", {"items": [{"external_id": "1"}, {"external_id": "x", "name": "B"}]}),
        ("PATCH", f"/v1/people/{person}", {"org_unit_id": made["org-units"]["id"]}),
        (
            "PATCH",
            f"/v1/org-units/{made['org-units']['id']}",
            {"parent_id": (await make(client, "org-units", 9))["id"]},
        ),
        ("POST", f"{audience}/members", {"items": [{"person_id": person, "offered_on": "2026-01-01"}]}),
        ("POST", f"{audience}/members", {"items": [{"person_id": person, "offered_on": "2026-01-02"}]}),
        ("GET", f"{audience}/members", None),
        ("DELETE", f"{audience}/members/{person}", None),
        ("POST", f"/v1/initiatives/{made['initiatives']['id']}/start", None),
        ("POST", f"/v1/outcomes/{made['outcomes']['id']}/baseline", None),
        ("POST", f"/v1/measurements/{made['measurements']['id']}/void", None),
        ("PATCH", f"/v1/kpis/{made['kpis']['id']}", {"direction": "higher_is_better", "aggregation": "sum"}),
        (
            "PATCH",
            f"/v1/activity-references/{made['activity-references']['id']}",
            {"activity_id": made["activities"]["id"]},
        ),
        ("PATCH", "/v1/tenant", {"minimum_cohort": 7}),
        ("GET", "/v1/tenant", None),
        ("GET", "/v1/changes", None),
        ("GET", "/v1/deliveries", None),
        ("GET", "/v1/learning-events", None),
        ("GET", "/v1/enrolments", None),
        ("POST", "/v1/keys", {"name": "another"}),
        ("GET", "/v1/keys", None),
        ("DELETE", f"/v1/objectives/{made['objectives']['id']}", None),
        ("POST", f"/v1/objectives/{made['objectives']['id']}/restore", None),
    ):
        answer = await client.request(method, path, json=body, headers={"Idempotency-Key": path + str(body)})
        assert answer.status_code < 500, (path, answer.text)

    touched = {table for statement in statements for table, _ in _NAMED.findall(statement)}
    written = {found[1] for statement in statements if (found := _INSERTED.match(statement))}
    assert [(statement, faults) for statement in statements if (faults := faults_in(statement))] == []
    assert len(written & TENANT_TABLES.keys()) > 40, sorted(TENANT_TABLES.keys() - written)
    assert touched >= {"kpi", "measurement", "alignment", "org_membership", "audience_member", "identity"}
