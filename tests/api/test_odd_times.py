"""Times at the edges of calendars and clocks: refused or quarantined with a reason, or one defined instant."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from tests.api.senders import MAPPING, connect, deliveries, events
from tests.api.test_imports import NDJSON, Desk
from tests.api.xapi.conftest import connect as connect_store
from tests.api.xapi.conftest import statement
from tests.builders import make
from tests.engines import Organisation

ODD = {
    "year 1": "0001-01-01T00:00:00Z",
    "year 1, east": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59Z",
    "year 9999, west": "9999-12-31T23:59:59-12:00",
    "year 99999": "99999-01-01T00:00:00Z",
    "leap second": "2016-12-31T23:59:60Z",
    "24 o'clock": "2026-06-30T24:00:00Z",
    "naive": "2026-06-30T12:00:00",
    "told twice": "2026-10-25T02:30:00",
    "never told": "2026-03-29T02:30:00",
    "fourteen hours east": "2026-06-30T12:00:00+14:00",
}
NOW, REFUSED = "the time of receipt", None
TOLD = {
    "year 1": NOW,
    "year 1, east": NOW,
    "year 9999": REFUSED,
    "year 9999, west": REFUSED,
    "year 99999": REFUSED,
    "leap second": "2017-01-01T00:00:00Z",
    "24 o'clock": "2026-07-01T00:00:00Z",
    "naive": "2026-06-30T10:00:00Z",
    "told twice": "2026-10-25T00:30:00Z",
    "never told": "2026-03-29T01:30:00Z",
    "fourteen hours east": "2026-06-29T22:00:00Z",
}
"""What a webhook and a line of an import become, by docs/platform-gotchas.md; the source's zone is Paris."""

STATED = TOLD | {
    "year 1, east": REFUSED,
    "naive": "2026-06-30T12:00:00Z",
    "told twice": "2026-10-25T02:30:00Z",
    "never told": "2026-03-29T02:30:00Z",
}
"""What the event of a statement becomes: xAPI knows no zone but UTC where none is told."""

OUTSIDE = {"year 1, east", "year 9999, west", "year 99999"}
"""No instants of the years 1 to 9999 in UTC: the only ones whose statements are not stored."""


async def kept_as(org: Organisation) -> dict[str, str]:
    return {event["event_key"]: event["occurred_at"] for event in await events(org)}


def expected(rule: Mapping[str, str | None], kept: Mapping[str, str]) -> dict[str, str]:
    """What is to be kept by a rule; of what has no time of its own, anything that is today."""
    today = datetime.now(UTC) - timedelta(hours=1)
    return {
        name: kept[name] if at == NOW and name in kept and datetime.fromisoformat(kept[name]) > today else at
        for name, at in rule.items()
        if at is not REFUSED
    }


async def test_a_webhook_keeps_an_instant_or_says_why_not(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256", zone="Europe/Paris", mapping=MAPPING | {"time": "done"})

    answers = {name: await sender.post(acme.client, body_of(name, at)) for name, at in ODD.items()}

    assert {answer.status_code for answer in answers.values()} == {200}
    kept = await kept_as(acme)
    for name, answer in answers.items():
        told = answer.json()
        assert (told["recorded"] == 1) == (name in kept), (name, told)
        assert told["recorded"] == 1 or (told["status"] == "quarantined" and told["reason"]), (name, told)
    assert kept == expected(TOLD, kept)
    assert len(await deliveries(acme)) == len(ODD)


def body_of(name: str, at: str) -> bytes:
    return json.dumps({"id": name, "who": "ana", "course": "fire", "done": at}).encode()


async def test_a_statement_is_stored_and_shown_again_or_is_400(acme: Organisation) -> None:
    store = await connect_store(acme)

    sent = {name: statement(timestamp=at) for name, at in ODD.items()}
    for name, one in sent.items():
        answer = await store.post(one)
        assert answer.status_code == (400 if name in OUTSIDE else 200), (name, answer.text)
        shown = await store.call("GET", "statements", params={"statementId": one["id"]})
        assert shown.status_code == (404 if name in OUTSIDE else 200), name
        if answer.status_code == 400:
            assert len(answer.text) > len("bad"), name

    by_id = await kept_as(acme)
    kept = {name: by_id[one["id"]] for name, one in sent.items() if one["id"] in by_id}
    assert kept == expected(STATED, kept)


async def test_an_imported_line_is_kept_or_refused_by_its_number(app: FastAPI, acme: Organisation) -> None:
    await connect(acme, "hmac_sha256", zone="Europe/Paris")
    desk = Desk(app, acme)
    told = {"kind": "completed", "account": "ana", "activity": "fire"}
    lines = [json.dumps({**told, "occurred_at": at, "event_id": name}) for name, at in ODD.items()]

    done = await desk.run("\n".join(lines), NDJSON, kind="events", source="lms")

    assert done["status"] == "succeeded"
    kept = await kept_as(acme)
    assert kept == expected(TOLD, kept)
    refused = [line for line, name in enumerate(ODD, 1) if TOLD[name] is REFUSED]
    assert await desk.items(done) == [(line, "/occurred_at") for line in refused]


async def test_a_measurement_of_an_odd_day_is_kept_or_422(acme: Organisation) -> None:
    kpi_id = (await make(acme.client, "kpis"))["id"]
    last = {"0001-01-01": "0001-02-01", "9999-11-30": "9999-12-31", "99999-01-01": "99999-02-01"}

    for start, end in {**last, "2026-02-30": "2026-03-30", "2026-06-30T24:00:00Z": "2026-07-31"}.items():
        fields = {"kpi_id": kpi_id, "period_start": start, "period_end": end, "value": "1"}
        answer = await acme.client.post("/v1/measurements", json=fields)
        assert answer.status_code == (201 if start in {"0001-01-01", "9999-11-30"} else 422), (start, answer.text)
    listed = await acme.client.get("/v1/measurements")
    assert (listed.status_code, len(listed.json()["items"])) == (200, 2)
