"""A replay corrects: what a delivery told is read anew, and the enrolments follow; earlier answers stay."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.api import setups
from app.db import Database
from app.domain.learning import LearningEvent
from app.models.learning import LearningEventRow
from app.models.sources import Delivery
from app.services import telling
from app.services.inbound import Inbound
from tests.api.senders import MAPPING, Sender, connect, deliveries, events
from tests.api.test_imports import Desk
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
        (TIMED | {"kind": {"path": "event", "values": {"other": "completed"}}}, set()),
        (TIMED, {FIRE}),
    ]

    for mapping, expected in readings:
        await read_as(acme, sender, mapping)
        first = await replay(acme, kept)
        assert await enrolled(acme) == expected, mapping
        assert (first["recorded"], first["duplicates"], first["conflicts"]) == (len(expected), 0, 0)
        shown = await events(acme)
        assert await replay(acme, kept) == first
        assert await events(acme) == shown
        earlier = (await acme.client.get(f"/v1/enrolments/{enrolment['id']}", params={"as_of": before})).json()
        assert earlier == enrolment


async def test_of_two_deliveries_the_first_wins_and_what_cannot_be_read_takes_nothing_back(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    first = (await send(acme, sender))["delivery"]
    other = await send(acme, sender, points=10)
    assert (other["recorded"], other["duplicates"]) == (0, 1)

    contrary = await replay(acme, other["delivery"])
    await read_as(acme, sender, TIMED | {"learner": [{"kind": "account", "path": "nobody"}]})
    broken = [await replay(acme, each) for each in (first, other["delivery"])]
    assert await enrolled(acme) == {FIRE}
    await read_as(acme, sender, TIMED | {"activity": "section"})
    both = await acme.client.post(
        "/v1/deliveries/replay", json={"source_id": sender.id, "status": ["quarantined", "applied"]}
    )

    assert (contrary["recorded"], contrary["conflicts"]) == (0, 1)
    assert [(each["status"], each["recorded"]) for each in broken] == [("quarantined", 1), ("quarantined", 0)]
    assert [(each["recorded"], each["conflicts"]) for each in both.json()["items"]] == [(1, 0), (0, 1)]
    assert await enrolled(acme) == {("ana", "s-9", "completed", "0.8")}


async def test_a_voiding_finds_a_fact_however_often_it_was_corrected_and_is_corrected_itself(
    acme: Organisation,
) -> None:
    kinds = {"path": "event", "values": {"done": "completed", "void": "voided"}}
    mapping = TIMED | {"kind": kinds, "voids": "voids"}
    sender = await connect(acme, "basic", mapping=mapping)
    kept = (await send(acme, sender))["delivery"]
    for place in ("section", "course"):
        await read_as(acme, sender, mapping | {"activity": place})
        await replay(acme, kept)

    voiding = (await send(acme, sender, id="v-1", event="void", voids="e-1"))["delivery"]
    voided = await enrolled(acme)
    await read_as(acme, sender, mapping | {"activity": "section"})
    await replay(acme, kept)
    still = await enrolled(acme)
    misread = TIMED | {"kind": {"path": "event", "values": {"done": "completed", "void": "started"}}}
    await read_as(acme, sender, misread | {"voids": None})
    await replay(acme, voiding)

    assert (voided, still) == (set(), set())
    states = {each[1]: each[2] for each in await enrolled(acme)}
    assert states == {"s-9": "completed", "fire": "in_progress"}
    await read_as(acme, sender, mapping)
    await replay(acme, voiding)
    assert await enrolled(acme) == set()


async def test_what_was_taken_back_is_told_again_by_whoever_tells_it(acme: Organisation, app: FastAPI) -> None:
    mapping = {key: value for key, value in MAPPING.items() if key != "event_id"}
    sender = await connect(acme, "basic", mapping=mapping)
    kept = await send(acme, sender)
    await read_as(acme, sender, mapping | {"activity": "section"})
    await replay(acme, kept["delivery"])
    await read_as(acme, sender, mapping)

    later = await send(acme, sender, points=1)
    again = await send(acme, sender, points=2)
    for place in ("section", "course", "section"):
        await read_as(acme, sender, mapping | {"activity": place})
        for each in (kept, later):
            await replay(acme, each["delivery"])
    gone = await enrolled(acme)
    done = await Desk(app, acme).run("kind,account,activity\ncompleted,ana,fire\n", kind="events", source="lms")

    assert [(each["recorded"], each["duplicates"]) for each in (later, again)] == [(1, 0), (0, 1)]
    assert await enrolled(acme) == {("ana", "fire", "completed", None), ("ana", "s-9", "completed", None)}
    assert gone == {("ana", "s-9", "completed", None)}
    assert {name: count for name, count in done["result"].items() if count} == {"lines": 1, "created": 1}, done


async def test_every_event_shows_how_it_was_corrected(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    kept = (await send(acme, sender))["delivery"]
    await read_as(acme, sender, TIMED | {"activity": "section"})
    await replay(acme, kept)
    await read_as(acme, sender, TIMED | {"event_id": "section"})
    await replay(acme, kept)

    shown = (await acme.client.get("/v1/learning-events", params={"delivery_id": kept, "sort": "recorded_at"})).json()
    first, second, *third = shown["items"]
    gone = next(each for each in third if each["kind"] == "voided")
    stands = next(each for each in third if each["kind"] == "completed")

    assert [each["corrects_id"] for each in (first, second, gone, stands)] == [None, first["id"], first["id"], None]
    assert [each["corrected_at"] for each in (first, second)] == [second["recorded_at"], gone["recorded_at"]]
    assert (gone["corrected_at"], stands["corrected_at"], gone["person_id"]) == (None, None, None)
    made = await acme.client.get("/v1/learning-events", params={"corrects_id": first["id"], "sort": "recorded_at"})
    assert made.json()["items"] == [second, gone]
    query = "{ learningEvents(first: 10) { nodes { id correctedAt corrects { id } } } }"
    answer = (await acme.client.post("/graphql", json={"query": query})).json()
    told = {each["id"]: each for each in answer["data"]["learningEvents"]["nodes"]}
    for each in shown["items"]:
        assert told[each["id"]]["correctedAt"] == each["corrected_at"]
        assert (told[each["id"]]["corrects"] or {"id": None})["id"] == each["corrects_id"]
    (delivery,) = await deliveries(acme)
    assert (delivery["id"], delivery["recorded"], delivery["duplicates"]) == (kept, 1, 0)


async def figure(org: Organisation, metric: str, **query: str) -> dict[str, Any]:
    answer = await org.client.get("/v1/tenant/figures", params={"metric": metric, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["items"][0]
    return found


async def test_figures_and_their_explanations_count_what_stands(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=TIMED | {"items": "learners"})
    now = datetime.now(UTC)
    items = [BODY | {"id": f"e-{number}", "who": f"p{number}", "at": now.isoformat()} for number in range(8)]
    for number in range(8):
        person = await acme.client.post("/v1/people", json={"external_id": f"p{number}"})
        name = {"kind": "account", "value": f"p{number}", "issuer": sender.id}
        linked = await acme.client.post(f"/v1/people/{person.json()['id']}/identities", json=name)
        assert linked.status_code == 201, linked.text
    kept = (await send(acme, sender, learners=items))["delivery"]
    active = await figure(acme, "active_learners")
    unmatched = await figure(acme, "unmatched_rate")
    then = {"as_of": (await events(acme))[0]["recorded_at"]}
    await read_as(acme, sender, {"activity": "section", "score": {"path": "other_points"}})
    await replay(acme, kept)
    await read_as(acme, sender, {"kind": {"path": "who", "values": {f"p{number}": "completed" for number in range(6)}}})
    assert (await replay(acme, kept))["recorded"] == 6

    assert (active["value"], unmatched["denominator"]) == ("8", "8")
    assert [(await figure(acme, "active_learners", **at))["value"] for at in ({}, then)] == ["6", "8"]
    assert [(await figure(acme, "unmatched_rate", **at))["denominator"] for at in ({}, then)] == ["6", "8"]
    for at, count, places in (({}, 6, {"s-9"}), (then, 8, {"fire"})):
        explained = (await acme.client.get((await figure(acme, "active_learners", **at))["explain"])).json()
        references = (await acme.client.get("/v1/activity-references")).json()["items"]
        names = {each["activity_id"]: each["external_id_in_source"] for each in references}
        assert len(explained["events"]) == count
        assert {names[each["activity_id"]] for each in explained["events"]} == places


async def test_what_was_read_wrongly_did_not_arrive_late(acme: Organisation, database: Database) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    then = datetime.now(UTC) - timedelta(hours=100)
    for number in range(20):
        kept = (await send(acme, sender, id=f"e-{number}", at=(then - timedelta(hours=1)).isoformat()))["delivery"]
    async with database.transaction(acme.scope) as session:
        await session.execute(update(Delivery).values(received_at=then, recorded_at=then))
        await session.execute(update(LearningEventRow).values(recorded_at=then))
    assert (await figure(acme, "late_arrival_p95"))["value"] == "1"
    await read_as(acme, sender, {"activity": "section"})
    many = {"source_id": sender.id, "status": ["applied"]}
    replayed = (await acme.client.post("/v1/deliveries/replay", json=many)).json()["items"]
    assert (len(replayed), replayed[-1]["id"]) == (20, kept)

    late = await figure(acme, "late_arrival_p95")

    assert (late["value"], late["unit"]) == ("1", "hours")
    assert {each["corrected_at"] is None for each in await events(acme)} == {True, False}


async def test_erasing_whom_an_event_was_wrongly_read_as_leaves_no_trace_of_them(acme: Organisation) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    kept = (await send(acme, sender, id="ana@example.org 1", who="ana@example.org"))["delivery"]
    (wrong,) = (await acme.client.get("/v1/people")).json()["items"]
    await read_as(acme, sender, {"learner": [{"kind": "account", "path": "boss"}]})
    await replay(acme, kept)

    erased = await acme.client.post(f"/v1/people/{wrong['id']}/erase")

    assert erased.status_code == 200, erased.text
    assert "ana@example.org" not in json.dumps(await events(acme))
    assert await enrolled(acme) == {("bob", "fire", "completed", "0.8")}
    assert (await acme.client.post(f"/v1/deliveries/{kept}/replay")).status_code == 409


async def test_a_corrected_fact_stays_out_when_people_are_merged_and_names_of_activities_are_linked_elsewhere(
    acme: Organisation,
) -> None:
    sender = await connect(acme, "basic", mapping=TIMED)
    kept = (await send(acme, sender))["delivery"]
    await read_as(acme, sender, {"learner": [{"kind": "account", "path": "boss"}], "activity": "section"})
    await replay(acme, kept)
    people = {
        (await acme.client.get(f"/v1/people/{each['id']}/identities")).json()["items"][0]["value"]: each["id"]
        for each in (await acme.client.get("/v1/people")).json()["items"]
    }
    names = {
        each["external_id_in_source"]: each
        for each in (await acme.client.get("/v1/activity-references")).json()["items"]
    }

    merged = await acme.client.post(f"/v1/people/{people['bob']}/merge", json={"person_id": people["ana"]})
    assert merged.is_success, merged.text
    linked = {"activity_id": names["s-9"]["activity_id"]}
    moved = await acme.client.patch(f"/v1/activity-references/{names['fire']['id']}", json=linked)
    assert moved.is_success, moved.text

    (enrolment,) = (await acme.client.get("/v1/enrolments")).json()["items"]
    assert (enrolment["events"], enrolment["activity_id"]) == (1, names["s-9"]["activity_id"])
    assert enrolment["person_id"] == people["bob"]
    await replay(acme, kept)
    (after,) = (await acme.client.get("/v1/enrolments")).json()["items"]
    assert after == enrolment


async def test_a_delivery_that_the_database_refuses_keeps_no_other_from_being_replayed(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await connect(acme, "hmac_sha256", mapping={**TIMED, "kind": "passed"})
    for number in range(4):
        await send(acme, sender, id=f"r-{number}", who=f"p{number}")
    await read_as(acme, sender, TIMED)
    values_of = telling._event_values

    def unstorable(item: Inbound, event: LearningEvent) -> dict[str, Any]:
        values = values_of(item, event)
        return {**values, "source_id": uuid4()} if event.event_key == "r-2" else values

    monkeypatch.setattr(telling, "_event_values", unstorable)
    answer = await acme.client.post(
        "/v1/deliveries/replay", json={"source_id": sender.id, "status": ["applied", "quarantined"]}
    )

    assert answer.status_code == 200, answer.text
    assert [item["status"] for item in answer.json()["items"]] == ["applied", "applied", "quarantined", "applied"]
    assert "the database refuses" in answer.json()["items"][2]["reason"]
    kinds = {(one["event_key"], one["kind"], one["corrected_at"] is None) for one in await events(acme)}
    assert {("r-1", "completed", True), ("r-2", "passed", True), ("r-3", "completed", True)} <= kinds
