"""Wrong clocks: a server's that jumps, a sender's that is ahead, and yesterday's message signed anew."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from app.db import Database
from app.lms import Delivery
from app.lms._signing import signed
from app.worker import KINDS
from tests.api.senders import MAPPING, Sender, connect, events
from tests.api.test_figures import Study
from tests.api.test_webhooks import basic
from tests.engines import Organisation

DAY = timedelta(days=1)


def told(key: str, **fields: Any) -> bytes:
    return json.dumps({"id": key, "who": "ana", "course": "fire", **fields}).encode()


def request_of(sender: Sender, body: bytes, at: datetime, message: str) -> dict[str, Any]:
    """What the sender posts at `at` by its own clock: the message under its id, signed then."""
    delivery = signed(Delivery({"webhook-id": message}, body, at), sender.setup())
    return {"content": delivery.body, "headers": {"authorization": "", **delivery.headers}}


async def test_a_server_whose_clock_is_wrong_refuses_signatures_loudly_and_loses_nothing(acme: Organisation) -> None:
    sender = await connect(acme, "standard_webhooks")
    plain = await connect(acme, "hmac_sha256", "plain")
    right = datetime.now(UTC)

    for number, shift in enumerate((timedelta(minutes=10), -DAY, timedelta(0))):
        request = request_of(sender, told(f"e-{number}"), right, f"m-{number}")
        with time_machine.travel(right + shift, tick=False):
            answer = await acme.client.post(sender.address(), **request)
            taken = await plain.post(acme.client, told(f"p-{number}", done=number))
        assert taken.json()["recorded"] == 1
        if shift:
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
            assert "clock" in answer.json()["detail"]
            again = await acme.client.post(sender.address(), **request)
            assert again.json()["recorded"] == 1
        else:
            assert answer.json()["recorded"] == 1

    taken_in_order = sorted(await events(acme), key=lambda event: event["recorded_at"])
    assert [event["event_key"] for event in taken_in_order] == ["p-0", "e-0", "p-1", "e-1", "e-2", "p-2"]
    assert len({event["recorded_at"] for event in taken_in_order}) == 6


async def test_an_old_message_signed_anew_under_its_id_has_no_second_effect_even_after_every_purge(
    acme: Organisation, database: Database
) -> None:
    sender = await connect(acme, "standard_webhooks", mapping=MAPPING | {"event_id": '_headers."webhook-id"'})
    now = datetime.now(UTC)
    first = await acme.client.post(sender.address(), **request_of(sender, told("x"), now, "m-1"))

    soon = await acme.client.post(sender.address(), **request_of(sender, told("x"), now, "m-1"))
    with time_machine.travel(now + DAY, tick=False):
        later = await acme.client.post(sender.address(), **request_of(sender, told("x"), now + DAY, "m-1"))
    in_a_year = now + 400 * DAY
    with time_machine.travel(in_a_year, tick=False):
        for kind in KINDS:
            assert kind.work is not None
            async with database.transaction(acme.scope) as session:
                await kind.work(session, {})
        last = await acme.client.post(sender.address(), **request_of(sender, told("x"), in_a_year, "m-1"))

    assert [one.json()["recorded"] for one in (first, soon, later, last)] == [1, 0, 0, 0]
    assert [one.json()["duplicates"] for one in (soon, later, last)] == [1, 1, 1]
    assert len(await events(acme)) == 1


async def test_an_event_dated_in_the_future_is_kept_marked_and_in_no_figure_until_then(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=8, done=6)
    ahead = datetime.now(UTC) + 30 * DAY
    at = ahead.strftime("%Y-%m-%d %H:%M:%S")
    payload = {"user_id": 7, "course_id": 884, "completion_date": at, "fired_at": at}
    body = {"event": "course.enrollment.completed", "message_id": "wh-ahead", "payload": payload}

    answer = await acme.client.post(study.source["webhook_path"], json=body, headers=basic(study.source["secret"]))

    assert answer.json()["status"] == "applied"
    marked = {event["occurred_at"][:10]: event["dated_ahead"] for event in await events(acme)}
    assert marked == {"2026-03-11": False, ahead.date().isoformat(): True}
    assert (await study.figures())["completion_rateaudience"]["numerator"] == "6"
    with time_machine.travel(ahead + DAY, tick=False):
        assert (await study.figures())["completion_rateaudience"]["numerator"] == "7"
