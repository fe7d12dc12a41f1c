"""Documents of the State, Activity Profile and Agent Profile resources, and what is told of activities and agents."""

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.api.xapi.conftest import ACTIVITY, AGENT, Store, connect, statement
from tests.engines import Organisation

REGISTRATION = "0f1e6a52-3c2b-4f5e-9a51-7c1d8e4b2a60"
STATE = ("activities/state", {"activityId": ACTIVITY["id"], "agent": json.dumps(AGENT), "stateId": "bookmark"})
ACTIVITY_PROFILE = ("activities/profile", {"activityId": ACTIVITY["id"], "profileId": "bookmark"})
AGENT_PROFILE = ("agents/profile", {"agent": json.dumps(AGENT), "profileId": "bookmark"})

Place = tuple[str, dict[str, str]]

every_resource = pytest.mark.parametrize("place", [STATE, ACTIVITY_PROFILE, AGENT_PROFILE], ids=lambda place: place[0])
both_profiles = pytest.mark.parametrize("place", [ACTIVITY_PROFILE, AGENT_PROFILE], ids=lambda place: place[0])


async def send(store: Store, method: str, place: Place, body: bytes | None = None, **sent: Any) -> httpx.Response:
    resource, params = place
    params = {name: value for name, value in (params | sent.pop("params", {})).items() if value is not None}
    headers = {"Content-Type": "application/json"} | sent.pop("headers", {})
    return await store.call(method, resource, params=params, content=body, headers=headers)


async def create(store: Store, place: Place, body: bytes, **sent: Any) -> httpx.Response:
    """Put a document that is not there yet."""
    sent["headers"] = {"If-None-Match": "*", **sent.get("headers", {})}
    answer = await send(store, "PUT", place, body, **sent)
    assert answer.status_code == 204, answer.text
    return answer


@every_resource
async def test_a_document_comes_back_byte_by_byte(store: Store, place: Place) -> None:
    body, kind = b"\x00\xff\r\n any bytes", "application/x-any; a=b"

    await create(store, place, body, headers={"Content-Type": kind})
    found = await send(store, "GET", place)

    assert (found.status_code, found.content) == (200, body)
    assert found.headers["content-type"] == kind
    assert found.headers["etag"] == f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
    assert found.headers["last-modified"]


@every_resource
async def test_a_posted_object_is_merged_into_the_one_that_is_there(store: Store, place: Place) -> None:
    await send(store, "POST", place, b'{"x": "foo", "y": {"a": 1}}')

    merged = await send(store, "POST", place, b'{"x": "bash", "y": {"b": 2}, "z": null}')

    assert merged.status_code == 204
    assert (await send(store, "GET", place)).json() == {"x": "bash", "y": {"b": 2}, "z": None}


@every_resource
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("text/plain", b"{}"), ("application/json", b"{}")),
        (("application/json", b"{}"), ("text/plain", b"{}")),
        (("application/json", b"[]"), ("application/json", b"{}")),
        (("application/json", b"{}"), ("application/json", b"[]")),
        (("application/json", b"{}"), ("application/json", b"{")),
        (("application/json", b"{}"), ("application/json", b'{"a": 1, "a": 2}')),
    ],
    ids=str,
)
async def test_what_is_no_object_is_not_merged(
    store: Store, place: Place, first: tuple[str, bytes], second: tuple[str, bytes]
) -> None:
    await create(store, place, first[1], headers={"Content-Type": first[0]})

    answer = await send(store, "POST", place, second[1], headers={"Content-Type": second[0]})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")
    assert (await send(store, "GET", place)).content == first[1]


@both_profiles
async def test_a_profile_is_only_replaced_with_its_etag(store: Store, place: Place) -> None:
    unconditional = await send(store, "PUT", place, b"{}")
    await create(store, place, b"{}")
    etag = (await send(store, "GET", place)).headers["etag"]

    unguarded = await send(store, "PUT", place, b"[1]")
    stale = await send(store, "PUT", place, b"[1]", headers={"If-Match": '"0"'})
    unexpected = await send(store, "PUT", place, b"[1]", headers={"If-None-Match": "*"})
    good = await send(store, "PUT", place, b"[1]", headers={"If-Match": etag})

    statuses = [each.status_code for each in (unconditional, unguarded, stale, unexpected, good)]
    assert statuses == [400, 409, 412, 412, 204]
    assert "If-Match" in unguarded.json()["detail"]
    assert (await send(store, "GET", place)).json() == [1]


@every_resource
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_stale_etag_changes_nothing(store: Store, place: Place, method: str) -> None:
    await create(store, place, b'{"a": 1}')

    answer = await send(store, method, place, b'{"b": 2}', headers={"If-Match": '"0"'})

    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert (await send(store, "GET", place)).json() == {"a": 1}


async def test_of_many_writers_with_one_etag_one_wins(store: Store) -> None:
    await create(store, AGENT_PROFILE, b"{}")
    etag = (await send(store, "GET", AGENT_PROFILE)).headers["etag"]

    answers = await asyncio.gather(
        *(send(store, "PUT", AGENT_PROFILE, b"[%d]" % n, headers={"If-Match": etag}) for n in range(20))
    )

    assert sorted(each.status_code for each in answers) == [204] + [412] * 19


async def test_state_is_replaced_without_etag_in_1_0_3_only(store: Store) -> None:
    await send(store, "PUT", STATE, b"{}")
    replaced = await send(store, "PUT", STATE, b"[1]")
    store.version = "2.0.0"
    guarded = await send(store, "PUT", STATE, b"[2]")

    assert (replaced.status_code, guarded.status_code) == (204, 409)


@every_resource
async def test_ids_are_listed_and_since_leaves_out_what_is_older(store: Store, place: Place) -> None:
    name = "stateId" if place is STATE else "profileId"
    for each in ("b", "a"):
        await create(store, place, b"{}", params={name: each})
    listed = await send(store, "GET", place, params={name: None})
    later = await send(store, "GET", place, params={name: None, "since": "2100-01-01T00:00:00Z"})

    assert (listed.json(), later.json()) == (["a", "b"], [])
    assert "last-modified" in listed.headers


async def test_states_of_registrations_are_apart_and_cleared_together(store: Store) -> None:
    await send(store, "PUT", STATE, b"1")
    await send(store, "PUT", STATE, b"2", params={"registration": REGISTRATION})

    assert (await send(store, "GET", STATE)).json() == 1
    assert (await send(store, "GET", STATE, params={"registration": REGISTRATION})).json() == 2
    one = await send(store, "DELETE", STATE, params={"stateId": None, "registration": REGISTRATION})
    assert (one.status_code, (await send(store, "GET", STATE)).json()) == (204, 1)
    await send(store, "DELETE", STATE, params={"stateId": None})
    assert (await send(store, "GET", STATE)).status_code == 404


@every_resource
async def test_a_deleted_document_is_gone_and_deleting_it_again_is_no_error(store: Store, place: Place) -> None:
    await create(store, place, b"{}")

    statuses = [(await send(store, method, place)).status_code for method in ("DELETE", "GET", "DELETE")]

    assert statuses == [204, 404, 204]


async def test_a_profile_is_never_deleted_without_its_id(store: Store) -> None:
    answer = await send(store, "DELETE", AGENT_PROFILE, params={"profileId": None})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("place", "params"),
    [
        (STATE, {"agent": None}),
        (STATE, {"activityId": None}),
        (STATE, {"activityId": "course"}),
        (STATE, {"registration": "x"}),
        (STATE, {"agent": "{}"}),
        (STATE, {"agent": json.dumps({"objectType": "Group", "member": [AGENT]})}),
        (STATE, {"stateId": ""}),
        (STATE, {"StateId": "x"}),
        (STATE, {"since": "2026-01-01T00:00:00Z"}),
        (ACTIVITY_PROFILE, {"agent": json.dumps(AGENT)}),
        (AGENT_PROFILE, {"registration": REGISTRATION}),
    ],
    ids=str,
)
async def test_parameters_are_checked(store: Store, place: Place, params: dict[str, str | None]) -> None:
    answer = await send(store, "GET", place, params=params)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")


async def test_documents_of_another_source_are_its_own(store: Store, rival: Organisation) -> None:
    theirs = await connect(rival)
    await send(store, "PUT", STATE, b"{}")

    assert (await send(theirs, "GET", STATE)).status_code == 404
    assert (await send(theirs, "GET", STATE, params={"stateId": None})).json() == []


async def test_who_has_the_document_already_gets_304(store: Store) -> None:
    await send(store, "PUT", STATE, b"{}")
    etag = (await send(store, "GET", STATE)).headers["etag"]

    answer = await send(store, "GET", STATE, headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_an_activity_has_everything_that_statements_told_of_it(store: Store) -> None:
    for definition in ({"name": {"en": "Fire"}, "type": "https://x.org/t"}, {"name": {"de": "Feuer"}}):
        await store.kept(statement(context={"contextActivities": {"parent": ACTIVITY | {"definition": definition}}}))

    known = await store.call("GET", "activities", params={"activityId": ACTIVITY["id"]})
    unknown = await store.call("GET", "activities", params={"activityId": "https://x.org/never"})

    definition = {"name": {"en": "Fire", "de": "Feuer"}, "type": "https://x.org/t"}
    assert known.json() == {"objectType": "Activity", "id": ACTIVITY["id"], "definition": definition}
    assert unknown.json() == {"objectType": "Activity", "id": "https://x.org/never"}


async def test_an_agent_is_told_as_a_person(store: Store) -> None:
    agent = {"objectType": "Agent", "name": "Ola", "account": {"homePage": "https://x.org", "name": "7"}}

    answer = await store.call("GET", "agents", params={"agent": json.dumps(agent)})

    assert answer.json() == {"objectType": "Person", "name": ["Ola"], "account": [agent["account"]]}
