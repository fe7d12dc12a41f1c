"""Erasing a person from a learning record store: nothing there names them, and nothing brings them back."""

import hashlib
import json
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api.test_erasure import everything
from tests.api.xapi.conftest import Store, statement
from tests.api.xapi.test_attachments import attachment, body, send
from tests.engines import Organisation

CANARY = {"name": "Rosalind Canary", "mbox": "mailto:R.Canary@Example.org"}
HASHED = {"mbox_sha1sum": hashlib.sha1(b"mailto:r.canary@example.org", usedforsecurity=False).hexdigest()}
PICTURE = b"a portrait of canary"
OTHER = {"mbox": "mailto:kim@example.org"}


async def erase_canary(org: Organisation) -> None:
    [person] = (await org.client.get("/v1/people", params={"q": "Rosalind"})).json()["items"]
    erased = await org.client.post(f"/v1/people/{person['id']}/erase")
    assert erased.is_success, erased.text


@pytest.fixture
async def remembering(store: Store) -> tuple[Store, list[dict[str, Any]]]:
    """A store in which somebody is named in every way, and somebody else as well."""
    marked = statement(actor=CANARY, attachments=[attachment(PICTURE)])
    answer = await send(store, body([marked, statement(actor=OTHER)], (PICTURE, {})))
    assert answer.status_code == 200, answer.text
    more = [statement(actor=OTHER, context={"instructor": CANARY}), statement(actor=HASHED)]
    await store.kept(*more)
    params = {"activityId": "https://example.org/course", "agent": json.dumps(CANARY), "stateId": "bookmark"}
    stored = await store.call("PUT", "activities/state", params=params, content=b"page 3")
    assert stored.status_code == 204
    return store, [marked, *more]


async def test_nothing_that_names_an_erased_person_is_left(
    app: FastAPI, remembering: tuple[Store, list[dict[str, Any]]]
) -> None:
    store, theirs = remembering

    await erase_canary(store.org)

    left = await everything(app, store.org)
    assert [line for line in left.splitlines() if "canary" in line] == []
    assert len(await store.found()) == 1, "the statement of somebody else stays"
    for one in theirs:
        assert (await store.call("GET", "statements", params={"statementId": one["id"]})).status_code == 404


async def test_a_statement_sent_again_or_later_does_not_bring_them_back(
    app: FastAPI, remembering: tuple[Store, list[dict[str, Any]]]
) -> None:
    store, theirs = remembering
    await erase_canary(store.org)

    again = await send(store, body([theirs[0], statement(actor=OTHER)], (PICTURE, {})))
    later = await store.post(statement(actor=OTHER, context={"team": {"objectType": "Group", "member": [CANARY]}}))
    params = {"agent": json.dumps(CANARY), "profileId": "x"}
    document = await store.call("PUT", "agents/profile", params=params, content=b"{}", headers={"If-None-Match": "*"})

    assert [again.status_code, later.status_code, document.status_code] == [200, 200, 409]
    assert [line for line in (await everything(app, store.org)).splitlines() if "canary" in line] == []
    assert len(await store.found()) == 2
