"""`throughline import`: tables of people and measurements from CSV, line by line, again and again."""

import secrets
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import Result

from app.api import tables
from app.cli.tenants import found
from app.domain.errors import ThroughlineError, Unavailable
from app.services.event_imports import EVENTS
from app.services.imports import MEASUREMENTS, PEOPLE, Line, Outcome, Plan, Sheet
from app.work import imports
from tests.cli.conftest import Command, answered
from tests.engines import Organisation

Importer = Callable[..., Result]


@pytest.fixture
def tenant(command: Command) -> str:
    """A new tenant's slug."""
    name = f"i-{secrets.token_hex(6)}"
    command("tenant", "create", name)
    return name


@pytest.fixture
def imported(command: Command, tenant: str, tmp_path: Path) -> Importer:
    """Import a table that a test writes down."""

    def imported(sheet: str, table: str | bytes, *options: str) -> Result:
        path = tmp_path / f"{sheet}.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return command("import", sheet, path.name, "--tenant", tenant, *options)

    return imported


def counts(result: Result) -> dict[str, int]:
    """How many lines were created, updated, unchanged and refused."""
    document = answered(result)
    return {name: document[name] for name in ("created", "updated", "unchanged", "refused") if document[name]}


TEN = "external_id,name,email\n" + "".join(f"p{number},Person {number},p{number}@example.org\n" for number in range(10))


def test_people_are_created_and_the_same_table_again_changes_nothing(imported: Importer) -> None:
    assert counts(imported("people", TEN, "--json")) == {"created": 10}
    assert counts(imported("people", TEN, "--json")) == {"unchanged": 10}


def test_a_changed_line_updates_only_its_person(imported: Importer) -> None:
    imported("people", TEN)

    assert counts(imported("people", TEN.replace("Person 3", "Persephone"), "--json")) == {"updated": 1, "unchanged": 9}


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(imported: Importer) -> None:
    tried = imported("people", TEN, "--dry-run")

    assert tried.exit_code == 0
    assert tried.stdout == "10 lines tried, nothing written: 10 created, 0 updated, 0 unchanged, 0 refused.\n"
    assert counts(imported("people", TEN, "--json")) == {"created": 10}


def test_every_fault_is_named_by_line_and_column_and_the_other_lines_are_written(imported: Importer) -> None:
    table = (
        b"external_id,name,org_unit,joined_on\n"
        b"a,Good,,2026-01-01\n"
        b"b,Bad date,,2026-02-30\n"
        b"c,Bad unit,nowhere,\n"
        b",No id,,\n"
        b"e,Too few\n"
        b'f,"Two\nlines",,\n'
        b"g,N\0L,,\n"
        b"h,Caf\xe9,,\n"
        b"\n"
        b"i,Good too,,\n"
    )

    result = imported("people", table)

    assert result.exit_code == 1
    assert [line.partition("people.csv:")[2] for line in result.stderr.splitlines()] == [
        "3: joined_on: Input should be a valid date or datetime, day value is outside expected range",
        "4: org_unit: names no org unit of this tenant by its external id or its public id",
        "5: external_id: is empty",
        "6: has 2 cells where the header has 4",
        "9: name: holds a NUL character",
        "10: name: is not in UTF-8",
    ]
    assert result.stdout == "9 lines: 3 created, 0 updated, 0 unchanged, 6 refused. Faults in 6, named above.\n"


def test_what_excel_writes_is_read(imported: Importer) -> None:
    table = "\ufeffExternal_ID;Name\r\n007;Bond; James\r\n008;Zoë\r\n".replace("Bond; James", '"Bond; James"')

    assert counts(imported("people", table, "--json")) == {"created": 2}


def test_a_column_left_out_leaves_its_field_and_an_empty_cell_clears_it(
    imported: Importer,
) -> None:
    imported("people", "external_id,name,role\np1,Ada,engineer\np2,Bob,welder\n")

    only_role = imported("people", "external_id,role\np1,\np2,welder\n", "--json")
    whole = imported("people", "external_id,name,role\np1,Ada,\np2,Bob,welder\n", "--json")

    assert counts(only_role) == {"updated": 1, "unchanged": 1}
    assert counts(whole) == {"unchanged": 2}


def test_of_two_lines_with_the_same_key_the_later_one_wins_wherever_they_stand(imported: Importer) -> None:
    result = imported("people", "external_id,name\np1,First\np2,Other\np1,Second\n", "--json")

    assert counts(result) == {"created": 2, "updated": 1}
    assert counts(imported("people", "external_id,name\np1,Second\n", "--json")) == {"unchanged": 1}


def test_a_stretch_has_a_thousand_lines_at_most_and_no_key_twice() -> None:
    keys = [*range(1500), 7, 7]
    data = "external_id\n" + "".join(f"{key}\n" for key in keys)
    table = tables.opened(data.encode(), tables.Layout.CSV)
    place, cut = len(table.opening), []
    while place < len(data):
        found = tables.stretch(table, data[place:].encode(), 2, whole=True, key_of=Plan(PEOPLE).key_of)
        place += found.bytes_read
        cut.append(len(found.rows))

    assert cut == [1000, 501, 1]


def test_a_line_that_goes_on_beyond_what_is_at_hand_is_left_for_the_next_stretch() -> None:
    data = b'external_id,name\na,x\nb,"two\nlines"\nc,y'
    table = tables.opened(data, tables.Layout.CSV)
    body = data[len(table.opening) :]
    found = [
        tables.stretch(table, body[:end], 2, whole=end == len(body), key_of=Plan(PEOPLE).key_of)
        for end in range(4, len(body) + 1)
    ]

    assert {len(each.rows) for each in found} == {1, 2, 3}
    assert all(body[: each.bytes_read].endswith(b"\n") for each in found[:-1])
    assert (found[-1].bytes_read, found[-1].lines_read) == (len(body), 4)
    assert [row.number for row in found[-1].rows if isinstance(row, Line)] == [2, 3, 5]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("external_id,nmae\np1,x\n", "There is no column 'nmae' in a table of people; it takes external_id, name"),
        ("name\nx\n", "The column external_id is missing in the header"),
        ("", "The column external_id is missing in the header"),
        ("external_id,name,name\np1,x,y\n", "The column name stands twice"),
        ("external_id,account:moon\np1,x\n", "'account:moon' names no source of this tenant"),
        ('external_id,name\np1,"open\n', "people.csv: Line 2: this is no CSV"),
        ("external_id,name\np1,x\n".encode("utf-16"), "people.csv: The file is not in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_in_a_sentence(
    imported: Importer, table: str | bytes, said: str
) -> None:
    result = imported("people", table)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


KPI = {"name": "Scrap rate", "unit": "%", "direction": "lower_is_better"}


async def connected(app: FastAPI, tenant: str) -> tuple[httpx.AsyncClient, Any]:
    """A client of a new tenant with a source `lms`, an org unit `graz`, and the KPIs `scrap` and `defects`."""
    scope, made = await found(app.state.database, tenant, tenant)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://test",
        headers={"Authorization": f"Bearer {made.token}"},
    )
    for path, fields in (
        ("org-units/by-external-id/graz", {"name": "Plant Graz"}),
        ("kpis/by-external-id/scrap", KPI),
        ("kpis/by-external-id/defects", KPI | {"aggregation": "ratio"}),
    ):
        assert (await client.put(f"/v1/{path}", json=fields)).status_code == 201
    source = {"name": "LMS", "slug": "lms", "adapter": "xapi"}
    assert (await client.post("/v1/sources", json=source)).status_code == 201
    return client, scope


async def imported_here(app: FastAPI, scope: Any, sheet: Sheet, table: str) -> list[Outcome]:
    """Import a table on the test's own database."""
    found = tables.opened(table.encode(), tables.Layout.CSV)
    async with app.state.database.reading(scope) as session:
        work = await imports.planned(session, sheet, found, dry_run=False, connected=None, payloads=False)
    data, outcomes = table.encode()[len(found.opening) :], []
    while data:
        part = tables.stretch(found, data, 2, whole=True, key_of=work.plan.key_of)
        outcomes += await written(app, scope, work, part.rows)
        data = data[part.bytes_read :]
    return outcomes


async def written(app: FastAPI, scope: Any, work: imports.Import, rows: Any) -> list[Outcome]:
    async with app.state.database.transaction(scope) as session:
        return await work.write(session, rows)


async def test_people_get_their_org_unit_and_the_names_that_sources_have_for_them(app: FastAPI) -> None:
    client, scope = await connected(app, f"i-{secrets.token_hex(6)}")
    table = "external_id,org_unit,email,account:lms\np1,graz,Ada@Example.org,4711\n"

    [outcome] = await imported_here(app, scope, PEOPLE, table)
    [again] = await imported_here(app, scope, PEOPLE, table)
    [moved] = await imported_here(app, scope, PEOPLE, table.replace("4711", "4712"))
    [taken] = await imported_here(app, scope, PEOPLE, "external_id,email\np2,ada@example.org\n")

    assert (outcome.result, outcome.faults) == ("created", [])
    assert (again.result, moved.result) == ("unchanged", "updated")
    assert taken.result == "created"
    assert [fault.column for fault in taken.faults] == ["email"]
    person = (await client.get("/v1/people", params={"external_id": "p1"})).json()["items"][0]
    assert person["org_unit_id"].startswith("org_")
    identities = (await client.get(f"/v1/people/{person['id']}/identities")).json()["items"]
    named = {(each["kind"], each["value"], each["issuer"].partition("_")[0]) for each in identities}
    digest = sha1(b"mailto:ada@example.org", usedforsecurity=False).hexdigest()
    assert named == {
        ("email", "ada@example.org", ""),
        ("email_sha1", digest, ""),
        ("account", "4711", "src"),
        ("account", "4712", "src"),
    }
    await client.aclose()


async def test_measurements_name_their_kpi_and_subject_and_are_restated(app: FastAPI) -> None:
    client, scope = await connected(app, f"i-{secrets.token_hex(6)}")
    await imported_here(app, scope, PEOPLE, "external_id\np1\n")
    header = "kpi,subject_kind,subject,period_start,period_end,value,numerator,denominator,provisional\n"
    good = (
        "scrap,,,2026-01-01,2026-02-01,4.5,,,\n"
        "scrap,org_unit,graz,2026-01-01,2026-02-01,3.25,,,yes\n"
        "defects,person,p1,2026-01-01,2026-02-01,,13,400,\n"
    )
    bad = (
        "scarp,,,2026-01-01,2026-02-01,1,,,\n"
        "scrap,,graz,2026-01-01,2026-02-01,1,,,\n"
        "scrap,plant,graz,2026-01-01,2026-02-01,1,,,\n"
        "scrap,org_unit,linz,2026-01-01,2026-02-01,1,,,\n"
        "scrap,,,2026-02-01,2026-01-01,1,,,\n"
        'scrap,,,2026-03-01,2026-04-01,"1,5",,,\n'
        "scrap,,,2026-03-01,2026-04-01,NaN,,,\n"
        "scrap,,,2026-03-01,2026-04-01,,13,,\n"
    )

    first = await imported_here(app, scope, MEASUREMENTS, header + good + bad)
    second = await imported_here(app, scope, MEASUREMENTS, header + good.replace("4.5", "4.75"))

    assert [outcome.result for outcome in first] == ["created"] * 3 + ["refused"] * 8
    assert [outcome.faults[0].column for outcome in first[3:]] == [
        "kpi", "subject_kind", "subject_kind", "subject", None, "value", "value", None,
    ]  # fmt: skip
    assert [outcome.result for outcome in second] == ["updated", "unchanged", "unchanged"]
    items = (await client.get("/v1/measurements", params={"subject_kind": "tenant"})).json()["items"]
    assert [(item["value"], item["status"]) for item in items] == [("4.75", "restated")]
    await client.aclose()


async def test_a_line_that_the_database_refuses_does_not_take_its_neighbours_with_it(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(PEOPLE, frozenset({"external_id", "name"}))
    put = imports.imports.put
    calls = []

    async def refusing(session: Any, plan: Plan, lines: Any) -> Any:
        calls.append(len(lines))
        if any(line.cells["name"] == "poison" for line in lines):
            raise ThroughlineError("The database refuses this.")
        return await put(session, plan, lines)

    monkeypatch.setattr(imports.imports, "put", refusing)
    work = imports.Import(plan, dry_run=False)
    lines = [
        Line(number, {"external_id": str(number), "name": "poison" if number == 5 else "x"}) for number in range(16)
    ]

    outcomes = await written(app, acme.scope, work, lines)

    assert [outcome.result == "refused" for outcome in outcomes] == [number == 5 for number in range(16)]
    assert outcomes[5].faults[0].reason == "The database refuses this."
    assert len(calls) <= 9


def test_a_database_that_goes_away_stops_the_import_with_what_to_do(
    imported: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(imports.imports, "put", away)

    result = imported("people", TEN)

    assert result.exit_code == 2
    assert "before line 2 was written: run the same command again" in result.stderr


def test_events_and_ndjson_are_imported_too(command: Command, tenant: str, tmp_path: Path) -> None:
    assert command("import", "events", "x.csv", "--tenant", tenant).exit_code == 2
    assert command("import", "ghosts", "x.csv", "--tenant", tenant).exit_code == 2
    (tmp_path / "people.ndjson").write_text('{"external_id": "a", "name": "Ada"}\n')

    done = command("import", "people", "people.ndjson", "--tenant", tenant, "--json")

    assert counts(done) == {"created": 1}


async def test_events_are_imported_for_a_source(app: FastAPI) -> None:
    client, scope = await connected(app, f"i-{secrets.token_hex(6)}")
    table = b"kind,account,activity,occurred_at\ncompleted,1,884,2026-03-11T09:44:58Z\n"
    found = tables.opened(table, tables.Layout.CSV)
    results = []
    for _ in range(2):
        async with app.state.database.reading(scope) as session:
            lms = await imports.source_of(session, app.state.vault, scope, "lms")
            work = await imports.planned(session, EVENTS, found, dry_run=False, connected=lms, payloads=False)
        data = table[len(found.opening) :]
        rows = (await work.read(found, data, 2, whole=True)).rows
        results += [outcome.result for outcome in await written(app, scope, work, rows)]

    assert results == ["created", "unchanged"]
    await client.aclose()
