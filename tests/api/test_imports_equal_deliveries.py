"""What is imported counts as what was delivered: the same events give the same enrolments and the same figures."""

import base64
import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.config import Settings
from app.main import create_app
from tests.api.senders import Sender, connect
from tests.api.test_imports import CSV, NDJSON, Desk
from tests.engines import Organisation, organisation

KINDS = ("enrolled", "started", "progressed", "completed", "passed", "failed", "withdrawn", "voided")
PEOPLE, COURSES = 8, 2
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
MAPPING = {
    "kind": {"path": "kind", "values": {kind: kind for kind in KINDS}},
    "learner": [{"kind": "account", "path": "account"}],
    "activity": "activity",
    "time": "occurred_at",
    "score": "score_scaled",
    "event_id": "event_id",
    "voids": "voids",
}
COLUMNS = ("kind", "account", "activity", "occurred_at", "score_scaled", "event_id", "voids")
BY_CHANCE = {"id", "person_id", "activity_id", "source_id", "version", "created_at", "recorded_at"}
Told = Mapping[str, str]


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    """Events of some people in any order, every third kind of thing several times over, some of them taken back."""
    told: list[Told] = []
    for number in range(draw(st.integers(10, 16))):
        kind = draw(st.sampled_from(KINDS if number > 5 else KINDS[:-1]))
        minutes = draw(st.integers(0, 60 * 24 * 20))
        one = {"kind": kind, "event_id": f"e-{number}", "occurred_at": (START + timedelta(minutes=minutes)).isoformat()}
        if kind == "voided":
            one["voids"] = f"e-{draw(st.integers(0, number))}"
        else:
            one["account"] = f"u{draw(st.integers(0, PEOPLE - 1))}"
            one["activity"] = f"c{draw(st.integers(0, COURSES - 1))}"
            if kind in {"completed", "passed", "failed"}:
                one["score_scaled"] = f"0.{draw(st.integers(1, 9))}"
        told.append(one)
    return told + draw(st.lists(st.sampled_from(told), max_size=3))


def table(told: list[Told]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    return text.getvalue()


class School:
    """A tenant with a source, and an initiative whose audience and courses its events are about."""

    def __init__(self, app: FastAPI, org: Organisation) -> None:
        self.org, self.desk = org, Desk(app, org)

    async def arrange(self) -> Sender:
        sender = await connect(self.org, "hmac_sha256", mapping=MAPPING)
        self.initiative = await self.made("initiatives", title="Safety")
        for number in range(COURSES):
            course = await self.made("activities", title=f"Course {number}", initiative_id=self.initiative)
            reference = {"activity_id": course, "source_id": sender.id, "external_id_in_source": f"c{number}"}
            await self.made("activity-references", **reference)
        group = await self.made("audiences", name="All", initiative_id=self.initiative)
        members = []
        for number in range(PEOPLE):
            person = await self.made("people", name=f"u{number}")
            identity = {"kind": "account", "value": f"u{number}", "issuer": sender.id}
            await self.made(f"people/{person}/identities", **identity)
            members.append({"person_id": person, "offered_on": "2026-02-01"})
        added = await self.org.client.post(f"/v1/audiences/{group}/members", json={"items": members})
        assert added.status_code == 200, added.text
        return sender

    async def made(self, path: str, **fields: Any) -> str:
        answer = await self.org.client.post(f"/v1/{path}", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def learned(self) -> dict[str, list[str]]:
        """Every enrolment and every figure of the initiative as text, without what differs by chance."""
        client = self.org.client
        names = {row["id"]: row["name"] for row in (await client.get("/v1/people?limit=100")).json()["items"]}
        names |= {row["id"]: row["title"] for row in (await client.get("/v1/activities?limit=100")).json()["items"]}
        enrolments = (await client.get("/v1/enrolments?limit=200")).json()["items"]
        figures = (await client.get(f"/v1/initiatives/{self.initiative}/figures")).json()["items"]
        wanted = ("metric", "parameters", "value", "numerator", "denominator", "status")
        return {
            "enrolments": sorted(
                json.dumps(
                    [names[row["person_id"]], names[row["activity_id"]]]
                    + [[key, value] for key, value in sorted(row.items()) if key not in BY_CHANCE]
                )
                for row in enrolments
            ),
            "figures": sorted(json.dumps([each.get(name) for name in wanted]) for each in figures),
        }


@pytest.mark.anyio
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=stories())
async def test_importing_events_equals_delivering_them(app: FastAPI, told: list[Told]) -> None:
    found = []
    for way in ("delivered", "table", "payloads"):
        async with organisation(app, ["admin"]) as org:
            school = School(app, org)
            sender = await school.arrange()
            if way == "delivered":
                for one in told:
                    answer = await sender.post(org.client, json.dumps(one).encode())
                    assert answer.json()["status"] == "applied", answer.text
            elif way == "table":
                done = await school.desk.run(table(told), CSV, kind="events", source="lms")
                assert (done["status"], done["result"]["refused"]) == ("succeeded", 0), done
            else:
                lines = "".join(json.dumps(one) + "\n" for one in told)
                done = await school.desk.run(lines, NDJSON, kind="events", source="lms", rows="payloads")
                assert (done["status"], done["result"]["refused"]) == ("succeeded", 0), done
            found.append(await school.learned())

    delivered, imported, replayed = found
    assert len(delivered["figures"]) > 1
    assert imported == delivered
    assert replayed == delivered


@pytest.mark.anyio
async def test_the_raw_deliveries_of_a_month_give_the_same_on_an_empty_database_of_the_other_engine(
    sqlite_settings: Settings, postgresql_settings: Settings
) -> None:
    told = month()
    async with AsyncExitStack() as stack:
        schools = []
        for configured in (sqlite_settings, postgresql_settings):
            service = create_app(configured)
            await stack.enter_async_context(service.router.lifespan_context(service))
            org = await stack.enter_async_context(organisation(service, ["admin"]))
            school = School(service, org)
            schools.append((school, await school.arrange()))
        (first, sender), (second, other) = schools
        for one in told:
            assert (await sender.post(first.org.client, json.dumps(one).encode())).status_code == 200

        kept = [body async for body in raw_bodies(first.org)]
        for body in kept:
            assert (await other.post(second.org.client, body)).status_code == 200
        before, after = await first.learned(), await second.learned()

    assert len(kept) == len({json.dumps(one) for one in told})
    assert len(before["enrolments"]) > PEOPLE
    assert after == before


def month() -> list[Told]:
    """Events of every kind over a month, out of order, some twice and some taken back before they came."""
    told: list[Told] = []
    for number in range(60):
        kind = KINDS[number % (len(KINDS) - 1)]
        at = START + timedelta(hours=11 * (number * 7 % 60))
        one = {"kind": kind, "event_id": f"e-{number}", "occurred_at": at.isoformat()}
        one |= {"account": f"u{number * 5 % PEOPLE}", "activity": f"c{number // PEOPLE % COURSES}"}
        told.append(one | ({"score_scaled": f"0.{number % 9 + 1}"} if kind in {"passed", "failed"} else {}))
    voidings = [
        {"kind": "voided", "event_id": f"v-{number}", "occurred_at": START.isoformat(), "voids": f"e-{number}"}
        for number in range(0, 60, 9)
    ]
    return voidings[:3] + told[::-1] + voidings[3:] + told[::4]


async def raw_bodies(org: Organisation) -> AsyncIterator[bytes]:
    """Yield the bodies as they were kept, in the order in which they came."""
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        asked = {
            "sort": "received_at",
            "limit": "40",
            **({"cursor": page["next_cursor"]} if page["next_cursor"] else {}),
        }
        page = (await org.client.get("/v1/deliveries", params=asked)).json()
        for row in page["items"]:
            yield base64.b64decode((await org.client.get(f"/v1/deliveries/{row['id']}")).json()["body"])
