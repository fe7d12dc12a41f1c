"""A replay corrects: what a delivery told is read anew, and the enrolments follow; earlier answers stay."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.api import setups
from tests.api.senders import MAPPING, Sender, connect, deliveries, events
from tests.engines import Organisation

TIMED = MAPPING | {"time": {"path": "at"}, "score": {"path": "points", "scale": 100}}
BODY = {"id": "e-1", "who": "ana", "boss": "bob", "course": "fire", "section": "s-9", "at": "2026-03-11T10:00:00Z"}
BODY |= {"points": 80, "other_points": 40, "event": "done"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setups, "REMEMBERED_SECONDS", 0.0)


async def send(org: Organisation, sender: Sender, **changed: Any) -> dict[str, Any]:
    answer = await sender.post(org.client, json.dumps(BODY | changed).encode())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_as(org: Organisation, sender: Sender, mapping: dict[str, Any]) -> None:
    answer = await org.client.patch(f"/v1/sources/{sender.id}", json={"mapping": mapping})
    assert answer.status_code == 200, answer.text


async def replay(org: Organisation, delivery: str) -> dict[str, Any]:
    answer = await org.client.post(f"/v1/deliveries/{delivery}/replay")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def enrolled(org: Organisation) -> set[tuple[str, str, str, str | None]]:
    """(name of the learner, external id of the activity, state, best score) of every enrolment."""
    items = (await org.client.get("/v1/enrolments", params={"limit": 100})).json()["items"]
    references = (await org.client.get("/v1/activity-references")).json()["items"]
    places = {each["activity_id"]: each["external_id_in_source"] for each in references}
    names = {}
    for person in {each["person_id"] for each in items}:
        (identity,) = (await org.client.get(f"/v1/people/{person}/identities")).json()["items"]
        names[person] = identity["value"]
    return {
        (names[each["person_id"]], places[each["activity_id"]], each["state"], each["score_best"]) for each in items
    }


FIRE = ("ana", "fire", "completed", "0.8")


async def test_each_wrong_reading_is_corrected_twice_and_back_and_earlier_answers_stay(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    kept = (await send(acme, sender))["delivery"]
    assert await enrolled(acme) == {FIRE}
    (enrolment,) = (await acme.client.get("/v1/enrolments")).json()["items"]
    before = datetime.now(UTC).isoformat()
    readings = [
        (TIMED | {"activity": "section"}, {("ana", "s-9", "completed", "0.8")}),
        (TIMED | {"learner": [{"kind": "account", "path": "boss"}]}, {("bob", "fire", "completed", "0.8")}),
        (TIMED | {"score": {"path": "other_points", "scale": 100}}, {("ana", "fire", "completed", "0.4")}),
        (TIMED | {"kind": "failed"}, {("ana", "fire", "failed", "0.8")}),
        (TIMED | {"event_id": "section"}, {FIRE}),
        (TIMED | {"event_id": None, "activity": "section"}, {("ana", "s-9", "completed", "0.8")}),
        (TIMED | {"kind": {"path": "event", "values": {"done": None}}}, set()),
        (TIMED, {FIRE}),
    ]

    for mapping, expected in readings:
        await read_as(acme, sender, {key: value for key, value in mapping.items() if value is not None})
        first = await replay(acme, kept)
        assert await enrolled(acme) == expected, mapping
        assert (first["recorded"], first["duplicates"], first["conflicts"]) == (len(expected), 0, 0)
        shown = await events(acme)
        assert await replay(acme, kept) == first
        assert await events(acme) == shown
        earlier = (await acme.client.get(f"/v1/enrolments/{enrolment['id']}", params={"as_of": before})).json()
        assert earlier == enrolment
