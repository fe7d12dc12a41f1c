"""Times at the edges of calendars and clocks: refused or quarantined with a reason, or one defined instant."""

import json
from datetime import datetime

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
DEFINED = {
    "naive": "2026-06-30T10:00:00Z",
    "told twice": "2026-10-25T00:30:00Z",
    "fourteen hours east": "2026-06-29T22:00:00Z",
}
"""In the zone of the source, Paris; of a time that its clocks show twice, the first."""


async def kept_as(org: Organisation) -> dict[str, str]:
    return {event["event_key"]: event["occurred_at"] for event in await events(org)}


async def test_a_webhook_keeps_an_instant_or_says_why_not(acme: Organisation) -> None:
    sender = await connect(acme, "hmac_sha256", zone="Europe/Paris", mapping=MAPPING | {"time": "done"})

    answers = {name: await sender.post(acme.client, body_of(name, at)) for name, at in ODD.items()}

    assert {answer.status_code for answer in answers.values()} == {200}
    kept = await kept_as(acme)
    for name, answer in answers.items():
        told = answer.json()
        assert (told["recorded"] == 1) == (name in kept), (name, told)
        assert told["recorded"] == 1 or (told["status"] == "quarantined" and told["reason"]), (name, told)
    assert {name: kept[name] for name in DEFINED} == DEFINED
    assert len(await deliveries(acme)) == len(ODD)


def body_of(name: str, at: str) -> bytes:
    return json.dumps({"id": name, "who": "ana", "course": "fire", "done": at}).encode()


async def test_a_statement_is_stored_and_shown_again_or_is_400(acme: Organisation) -> None:
    store = await connect_store(acme)

    for name, at in ODD.items():
        one = statement(timestamp=at)
        answer = await store.post(one)
        assert answer.status_code in {200, 400}, (name, answer.text)
        shown = await store.call("GET", "statements", params={"statementId": one["id"]})
        assert shown.status_code == (200 if answer.status_code == 200 else 404), name
        if answer.status_code == 400:
            assert len(answer.text) > len("bad"), name

    for event in await events(acme):
        assert datetime.fromisoformat(event["occurred_at"]).tzinfo is not None


async def test_an_imported_line_is_kept_or_refused_by_its_number(app: FastAPI, acme: Organisation) -> None:
    await connect(acme, "hmac_sha256", zone="Europe/Paris")
    desk = Desk(app, acme)
    told = {"kind": "completed", "account": "ana", "activity": "fire"}
    lines = [json.dumps({**told, "occurred_at": at, "event_id": name}) for name, at in ODD.items()]

    done = await desk.run("\n".join(lines), NDJSON, kind="events", source="lms")

    assert done["status"] == "succeeded"
    refused = dict(await desk.items(done))
    assert {name for line, name in enumerate(ODD, 1) if line not in refused} == set(await kept_as(acme))


async def test_a_measurement_of_an_odd_day_is_kept_or_422(acme: Organisation) -> None:
    kpi_id = (await make(acme.client, "kpis"))["id"]
    last = {"0001-01-01": "0001-02-01", "9999-11-30": "9999-12-31", "99999-01-01": "99999-02-01"}

    for start, end in {**last, "2026-02-30": "2026-03-30", "2026-06-30T24:00:00Z": "2026-07-31"}.items():
        fields = {"kpi_id": kpi_id, "period_start": start, "period_end": end, "value": "1"}
        answer = await acme.client.post("/v1/measurements", json=fields)
        assert answer.status_code == (201 if start in {"0001-01-01", "9999-11-30"} else 422), (start, answer.text)
    listed = await acme.client.get("/v1/measurements")
    assert (listed.status_code, len(listed.json()["items"])) == (200, 2)
