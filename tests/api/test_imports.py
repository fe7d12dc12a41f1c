"""`POST /v1/imports`: tables of every kind as operations, line by line, again and again, on both engines."""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.db import Database
from app.services import jobs, operations
from app.services.jobs import Turn
from app.services.sheets import SHEETS
from app.vault import Vault
from app.work import imports
from app.worker import Worker, long_kinds
from tests import builders
from tests.engines import Organisation

CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}
PEOPLE = "external_id,name\n" + "".join(f"p{number},Person {number}\n" for number in range(5))


class Desk:
    """Imports of one test: posted, and carried out by a worker that touches nothing else."""

    def __init__(self, app: FastAPI, acme: Organisation) -> None:
        self.client = acme.client
        self.database: Database = app.state.database
        self.vault: Vault = app.state.vault

    async def post(self, body: str | bytes, headers: dict[str, str] = CSV, **params: Any) -> httpx.Response:
        return await self.client.post("/v1/imports", content=body, headers=headers, params=params)

    async def run(self, body: str | bytes, headers: dict[str, str] = CSV, **params: Any) -> dict[str, Any]:
        """The operation after it is over."""
        answer = await self.post(body, headers, **params)
        assert answer.status_code == 202, answer.text
        await self.work()
        done: dict[str, Any] = (await self.client.get(answer.headers["Location"])).json()
        return done

    async def work(self) -> None:
        worker = Worker(self.database, long_kinds(self.vault))
        while await worker.work_off():
            pass

    async def items(self, operation: dict[str, Any]) -> list[tuple[int, str]]:
        """Lines at fault with the column or code."""
        listed = (await self.client.get(f"/v1/operations/{operation['id']}/items", params={"limit": 200})).json()
        return [(item["line"], item["errors"][0]["pointer"] or item["errors"][0]["code"]) for item in listed["items"]]

    async def total(self, path: str) -> int:
        found: int = (await self.client.get(f"/v1/{path}", params={"include_total": True})).json()["total"]
        return found


@pytest.fixture
def desk(app: FastAPI, acme: Organisation) -> Desk:
    return Desk(app, acme)


def counted(operation: dict[str, Any]) -> dict[str, int]:
    assert operation["status"] == "succeeded", operation
    return {name: count for name, count in operation["result"].items() if count}


async def test_an_import_is_accepted_at_once_and_carried_out_as_an_operation(desk: Desk) -> None:
    answer = await desk.post(PEOPLE, kind="people")
    waiting = answer.json()
    await desk.work()
    done = (await desk.client.get(answer.headers["Location"])).json()

    assert answer.status_code == 202
    assert answer.headers["Retry-After"] == "2"
    assert (waiting["kind"], waiting["status"]) == ("import", "waiting")
    assert waiting["progress"] == {"done": 0, "total": len(PEOPLE), "unit": "bytes"}
    assert counted(done) == {"lines": 5, "created": 5}
    assert done["progress"]["done"] == len(PEOPLE)
    assert await desk.total("people") == 5


async def test_the_same_table_again_changes_nothing_and_a_dry_run_writes_nothing(desk: Desk) -> None:
    tried = await desk.run(PEOPLE, kind="people", dry_run=True)
    between = await desk.total("people")
    first = await desk.run(PEOPLE, kind="people")
    again = await desk.run(PEOPLE, kind="people")

    assert (counted(tried), between) == ({"lines": 5, "created": 5}, 0)
    assert counted(first) == {"lines": 5, "created": 5}
    assert counted(again) == {"lines": 5, "unchanged": 5}


async def test_lines_at_fault_are_listed_with_column_code_and_what_to_do(desk: Desk) -> None:
    table = (
        b"external_id,name,org_unit,joined_on\n"
        b"a,Good,,\n"
        b"b,Bad date,,2026-02-30\n"
        b"c,Bad unit,nowhere,\n"
        b",No id,,\n"
        b"e,Too few\n"
        b'f,"Two\nlines",,\n'
        b"g,N\0L,,\n"
        b"h,Caf\xe9,,\n"
    )

    done = await desk.run(table, kind="people")

    assert counted(done) == {"lines": 8, "created": 2, "refused": 6, "faulty": 6}
    assert await desk.items(done) == [
        (3, "/joined_on"), (4, "/org_unit"), (5, "/external_id"), (6, "wrong_width"), (9, "/name"), (10, "/name"),
    ]  # fmt: skip
    [first, *_] = (await desk.client.get(f"/v1/operations/{done['id']}/items")).json()["items"]
    assert first["result"] == "refused"
    assert "valid date" in first["errors"][0]["detail"]


async def test_a_table_of_measurements_cannot_overlap_what_is_recorded_or_itself(desk: Desk) -> None:
    await builders.make(desk.client, "kpis", external_id="scrap")
    months = "kpi,period_start,period_end,value\nscrap,2026-01-01,2026-02-01,4\nscrap,2026-02-01,2026-03-01,5\n"
    table = f"{months}scrap,2026-02-10,2026-03-10,6\nscrap,2026-03-10,2026-04-01,7\n"

    first = await desk.run(months, kind="measurements")
    tried = await desk.run(table, kind="measurements", dry_run=True)
    second = await desk.run(table, kind="measurements")

    assert counted(first) == {"lines": 2, "created": 2}
    assert counted(tried) == counted(second) == {"lines": 4, "created": 1, "unchanged": 2, "refused": 1, "faulty": 1}
    assert await desk.items(second) == [(4, "/period_start")]


async def test_ndjson_lines_have_their_own_fields_and_what_is_no_json_is_refused_alone(desk: Desk) -> None:
    rows = [{"external_id": "a", "name": "Ada", "role": "welder"}, {"external_id": "b", "name": "Bob"}]
    await desk.run("\n".join(map(json.dumps, rows)), NDJSON, kind="people")
    lines = ['{"external_id": "a", "role": null}', '{"external_id": "b"', "[1]", '{"external_id": "c", "nmae": "x"}']

    done = await desk.run("\n".join(lines), NDJSON, kind="people")

    [ada] = (await desk.client.get("/v1/people", params={"external_id": "a"})).json()["items"]
    assert counted(done) == {"lines": 4, "updated": 1, "refused": 3, "faulty": 3}
    assert (ada["name"], ada["role"]) == ("Ada", None)
    assert await desk.items(done) == [(2, "invalid_json"), (3, "invalid_json"), (4, "/nmae")]


@pytest.mark.parametrize(
    ("body", "headers", "params", "status", "code"),
    [
        ("external_id,nmae\n", CSV, {"kind": "people"}, 422, "invalid_request"),
        ("name\nx\n", CSV, {"kind": "people"}, 422, "invalid_request"),
        ("", CSV, {"kind": "people"}, 422, "invalid_request"),
        (PEOPLE.encode("utf-16"), CSV, {"kind": "people"}, 422, "invalid_request"),
        (PEOPLE, CSV, {"kind": "ghosts"}, 422, "invalid_request"),
        (PEOPLE, CSV, {"kind": "people", "dryrun": "true"}, 422, "invalid_request"),
        (PEOPLE, CSV, {"kind": "people", "source": "lms"}, 422, "invalid_request"),
        ("kind\n", CSV, {"kind": "events"}, 422, "invalid_request"),
        ("kind\n", CSV, {"kind": "events", "source": "moon"}, 422, "invalid_request"),
        (PEOPLE, {"Content-Type": "application/json"}, {"kind": "people"}, 415, "unsupported_media_type"),
        (PEOPLE, {"Content-Type": "text/csv; charset=latin1"}, {"kind": "people"}, 415, "unsupported_media_type"),
        (PEOPLE, CSV | {"Content-Encoding": "gzip"}, {"kind": "people"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_begins(
    desk: Desk, body: str | bytes, headers: dict[str, str], params: dict[str, str], status: int, code: str
) -> None:
    answer = await desk.post(body, headers, **params)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await desk.total("operations") == 0


async def test_a_file_that_stops_being_a_table_fails_with_the_line_and_keeps_what_was_written(desk: Desk) -> None:
    answer = await desk.post('external_id,name\na,Ada\nb,"open\n', kind="people")
    await desk.work()

    failed = (await desk.client.get(answer.headers["Location"])).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_request")
    assert failed["error"]["detail"].startswith("Line 3: this is no CSV")


async def test_the_same_idempotency_key_begins_one_import(desk: Desk) -> None:
    headers = CSV | {"Idempotency-Key": "monday"}

    answers = [await desk.post(PEOPLE, headers, kind="people") for _ in range(2)]
    other = await desk.post(PEOPLE + "x,y\n", headers, kind="people")

    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["Location"] == answers[0].headers["Location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_cell_that_a_spreadsheet_was_kept_from_running_is_the_text_again(desk: Desk) -> None:
    await desk.run("external_id,name\na,'=HYPERLINK(1)\nb,'-x\nc,'tis\n", kind="people")

    found = {each["external_id"]: each["name"] for each in (await desk.client.get("/v1/people")).json()["items"]}
    assert found == {"a": "=HYPERLINK(1)", "b": "-x", "c": "'tis"}


async def test_nouns_are_imported_by_their_fields_and_name_each_other_by_external_ids(desk: Desk) -> None:
    tables = {
        "org-units": "external_id,name,parent\nat,Austria,\ngraz,Graz,\n",
        "objectives": "external_id,title,priority\nscrap,Cut scrap,1\n",
        "kpis": "external_id,name,unit,direction\nrate,Scrap rate,%,lower_is_better\n",
        "outcomes": "external_id,title,objective,kpi,org_unit,baseline,target,starts_on,due_on\n"
        "less,A quarter less,scrap,rate,graz,4.6,3.45,2026-01-01,2026-12-31\n",
        "initiatives": "external_id,title\npress,Press set-up\n",
        "activities": "external_id,title,initiative,required\nc1,Basics,press,no\n",
    }
    for kind, table in tables.items():
        assert "refused" not in counted(await desk.run(table, kind=kind)), kind

    moved = await desk.run("external_id,parent,name\ngraz,at,Graz\n", kind="org-units")
    renamed = await desk.run("external_id,title\nless,Another\nless2,None\n", kind="outcomes")

    [outcome] = (await desk.client.get("/v1/outcomes", params={"external_id": "less"})).json()["items"]
    [activity] = (await desk.client.get("/v1/activities", params={"external_id": "c1"})).json()["items"]
    assert counted(moved) == {"lines": 1, "updated": 1}
    assert (outcome["title"], outcome["target"]) == ("Another", "3.45")
    assert activity["required"] is False
    assert activity["initiative_id"].startswith("ini_")
    assert counted(renamed) == {"lines": 2, "updated": 1, "refused": 1, "faulty": 1}
    assert await desk.items(renamed) == [(3, "/objective")]


def test_every_sheet_is_documented_by_its_columns() -> None:
    assert {"people", "measurements", "events", "survey-responses", "observations"} <= SHEETS.keys()
    for sheet in SHEETS.values():
        assert sheet.required
        assert set(sheet.key) <= set(sheet.required) | set(sheet.optional)


EVENTS = (
    "kind,account,activity,activity_title,occurred_at,event_id,passed\n"
    "enrolled,1,884,Safe lifting,2026-03-01T08:00:00Z,,\n"
    "completed,1,884,Safe lifting,2026-03-11T09:44:58Z,,\n"
    "completed,2,884,Safe lifting,2026-03-11 09:44:58,own-7,true\n"
)


async def test_events_are_recorded_once_folded_and_followed_to_their_bytes(desk: Desk) -> None:
    source = await builders.make(desk.client, "sources")

    first = await desk.run(EVENTS, kind="events", source=source["slug"])
    again = await desk.run(EVENTS, kind="events", source=source["slug"])

    [delivery] = (await desk.client.get("/v1/deliveries")).json()["items"]
    body = base64.b64decode((await desk.client.get(f"/v1/deliveries/{delivery['id']}")).json()["body"])
    enrolments = (await desk.client.get("/v1/enrolments", params={"state": "completed"})).json()["items"]
    assert counted(first) == {"lines": 3, "created": 3}
    assert counted(again) == {"lines": 3, "unchanged": 3}
    assert body.decode() == EVENTS
    assert delivery["headers"] == {"content-type": "text/csv", ":import": "events"}
    assert len(enrolments) == 2
    replayed = await desk.client.post(f"/v1/deliveries/{delivery['id']}/replay")
    assert (replayed.status_code, replayed.json()["code"]) == (409, "wrong_state")


async def test_what_a_webhook_delivered_is_known_again_with_and_without_the_senders_ids(desk: Desk) -> None:
    source = await builders.make(desk.client, "sources")
    for user in (1, 2):
        await builders.complete(desk.client, source, 884, user)
    [live, _] = (await desk.client.get("/v1/learning-events", params={"kind": "completed"})).json()["items"]
    table = (
        "kind,account,activity,occurred_at\n"
        "completed,1,884,2026-03-11 09:44:58\n"
        "completed,2,884,2026-03-11T09:44:58Z\n"
        "completed,3,884,2026-03-11T09:44:58Z\n"
    )

    done = await desk.run(table, kind="events", source=source["slug"])
    keyed = await desk.run(
        f"kind,account,activity,occurred_at,event_id\ncompleted,9,884,2026-03-12T09:44:58Z,{live['event_key']}\n",
        kind="events",
        source=source["slug"],
    )

    assert counted(done) == {"lines": 3, "created": 1, "unchanged": 2}
    assert counted(keyed) == {"lines": 1, "unchanged": 1, "faulty": 1}
    assert await desk.items(keyed) == [(2, "conflict")]
    assert await desk.total("learning-events") == 3


async def test_payloads_are_read_by_the_sources_adapter_and_known_again_byte_by_byte(desk: Desk) -> None:
    source = await builders.make(desk.client, "sources")
    await builders.complete(desk.client, source, 884, 1)
    [delivery] = (await desk.client.get("/v1/deliveries")).json()["items"]
    live = base64.b64decode((await desk.client.get(f"/v1/deliveries/{delivery['id']}")).json()["body"])
    other = live.replace(b'"user_id":1', b'"user_id":2').replace(b"884-1-", b"884-2-")
    params = {"kind": "events", "source": source["slug"], "rows": "payloads"}

    done = await desk.run(live + b"\n" + other + b'\n{"event": "course.enrollment.completed"}\n', NDJSON, **params)

    assert counted(done) == {"lines": 3, "created": 1, "unchanged": 1, "refused": 1, "faulty": 1}
    assert await desk.total("learning-events") == 2
    assert await desk.total("deliveries") == 2
    mixed = await desk.post(EVENTS, CSV, **params)
    assert mixed.status_code == 422


async def test_bad_events_are_refused_line_by_line(desk: Desk) -> None:
    source = await builders.make(desk.client, "sources")
    good = {"kind": "completed", "account": "1", "activity": "884", "occurred_at": "2026-03-01"}
    bad: list[tuple[str, dict[str, str]]] = [
        ("kind", {"kind": "finished"}),
        ("account", {"account": ""}),
        ("account", {"account": "x" * 300}),
        ("username", {"username": "x" * 300}),
        ("email", {"account": "", "email": "no address"}),
        ("activity", {"activity": ""}),
        ("activity", {"activity": "x" * 600}),
        ("activity", {"activity": "x" * 3_000}),
        ("occurred_at", {"occurred_at": "the other day"}),
        ("occurred_at", {"occurred_at": "0001-01-01T12:00:00Z"}),
        ("occurred_at", {"occurred_at": "99999-01-01T00:00:00Z"}),
        ("due_at", {"due_at": "9999-12-31T23:59:59Z"}),
        ("expires_at", {"expires_at": "2026-02-30"}),
        ("event_id", {"event_id": "x" * 3_000}),
        ("score_scaled", {"score_scaled": "7"}),
        ("score_raw", {"score_raw": "1e200000"}),
        ("duration", {"duration": "P99999Y"}),
        ("passed", {"passed": "perhaps"}),
        ("item", {"item": "x"}),
        ("voids", {"kind": "voided"}),
    ]
    columns = ["kind", "account", "username", "email", "activity", "occurred_at", "due_at", "expires_at", "event_id"]
    columns += ["score_scaled", "score_raw", "duration", "passed", "item", "voids"]
    rows = [good | changed for _, changed in bad] + [good | {"score_scaled": "0.5"}]
    lines = [",".join(row.get(name, "") for name in columns) for row in rows]

    done = await desk.run("\n".join([",".join(columns), *lines]), kind="events", source=source["slug"])

    assert counted(done) == {"lines": 21, "created": 1, "refused": 20, "faulty": 20}
    assert [place for _, place in await desk.items(done)] == [f"/{column}" for column, _ in bad]


async def test_an_import_killed_between_portions_ends_with_the_same_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await builders.make(desk.client, "sources")
    rows = [f"completed,{n % 40},c{n % 7},2026-03-{n % 28 + 1:02}T00:00:{n % 60:02}Z,e{n}\n" for n in range(60)]
    header = "kind,account,activity,occurred_at,event_id\n"
    monkeypatch.setattr(imports.tables.stretch, "__kwdefaults__", {"most": 10})
    answer = await desk.post(header + "".join(rows), kind="events", source=source["slug"])
    seen = []
    advance = operations.advance

    async def dies_late(*arguments: Any, **options: Any) -> Any:
        seen.append(options["done"])
        if len(seen) == 4:
            raise KeyboardInterrupt
        return await advance(*arguments, **options)

    monkeypatch.setattr(operations, "advance", dies_late)
    turn = await taken(desk)
    carry = long_kinds(desk.vault)[0].carry
    assert carry is not None
    with pytest.raises(KeyboardInterrupt):
        await carry(turn)
    between = await desk.total("learning-events")
    await carry(turn)

    done = (await desk.client.get(answer.headers["Location"])).json()
    assert between == 30
    assert counted(done) == {"lines": 60, "created": 60}
    assert await desk.total("learning-events") == 60
    assert await desk.total("deliveries") == 6


async def taken(desk: Desk) -> Turn:
    async with desk.database.founding() as session:
        [claim] = await jobs.claim(session, ["import"], datetime.now(UTC), lease=timedelta(seconds=60), limit=9)
    return Turn(desk.database, claim, lambda: False)


async def test_another_tenants_source_is_none(desk: Desk, rival: Organisation) -> None:
    await builders.make(rival.client, "sources", slug=f"s-{secrets.token_hex(4)}")
    [theirs] = (await rival.client.get("/v1/sources")).json()["items"]

    answer = await desk.post(EVENTS, kind="events", source=theirs["slug"])

    assert answer.status_code == 422


async def test_a_table_changes_neither_what_is_settled_nor_what_was_measured_under(desk: Desk) -> None:
    kpi = await builders.make(desk.client, "kpis", 1, external_id="k-1")
    await builders.make(desk.client, "measurements", 1, kpi_id=kpi["id"])
    behaviour = await builders.make(desk.client, "behaviours", 1, external_id="v-1")
    await builders.make(desk.client, "initiatives", 9, external_id="i-9")

    summed = await desk.run("external_id,aggregation\nk-1,sum\n", kind="kpis")
    moved = await desk.run("external_id,initiative\nv-1,i-9\n", kind="behaviours")

    assert [await desk.items(each) for each in (summed, moved)] == [[(2, "/aggregation")], [(2, "/initiative")]]
    assert (await desk.client.get(f"/v1/kpis/{kpi['id']}")).json() == kpi
    assert (await desk.client.get(f"/v1/behaviours/{behaviour['id']}")).json() == behaviour
