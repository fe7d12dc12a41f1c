"""What plugins send that take a webhook URL for a learning record store: requests shaped as theirs, answers they need.

https://github.com/xAPI-vle/moodle-logstore_xapi (src/loader: an array is posted, only 200 is a success, a batch that
failed is sent again, maybe in halves), https://github.com/openedx/event-routing-backends with
https://github.com/RusticiSoftware/TinCanPython (a statement with an id is put, 200 to 299 is a success).
"""

import json
from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx

from tests.api.test_webhooks import basic, connect
from tests.engines import Organisation
from tests.lms.conftest import recordings

RECORDED = {(recording.source, recording.case): recording.delivery.body for recording in recordings()}
MOODLE: list[dict[str, Any]] = json.loads(RECORDED["moodle", "logstore-xapi-course-completed"])
OPEN_EDX: dict[str, Any] = json.loads(RECORDED["openedx", "xapi-passed"])
VERSION = {"X-Experience-API-Version": "1.0.3", "Content-Type": "application/json"}


def address(source: dict[str, Any], resource: str) -> str:
    """Where a client of a store sends to that was given the webhook URL."""
    return str(httpx.URL(f"{source['webhook_url']}/{resource}").path)


async def events(org: Organisation) -> list[dict[str, Any]]:
    return list((await org.client.get("/v1/learning-events")).json()["items"])


async def deliveries(org: Organisation) -> list[dict[str, Any]]:
    return list((await org.client.get("/v1/deliveries")).json()["items"])


async def test_moodle_posts_its_statements_below_the_webhook_url(acme: Organisation) -> None:
    source = (await connect(acme, "moodle", "moodle", authentication={"scheme": "basic"})).json()
    badge = deepcopy(MOODLE[0])
    badge["actor"]["account"]["name"] = "210"
    badge["context"]["instructor"] = {"name": "System"}
    headers = VERSION | basic(source["secret"])

    async def post(*statements: Any) -> httpx.Response:
        body = json.dumps(statements)
        return await acme.client.post(address(source, "statements"), content=body, headers=headers)

    first = await post(MOODLE[0], badge)
    again = await post(MOODLE[0], badge)
    halves = [await post(MOODLE[0]), await post(badge)]
    unreadable = await post(MOODLE[0], {"verb": {}}, MOODLE[0])

    assert [answer.status_code for answer in (first, again, *halves, unreadable)] == [200] * 5
    assert first.headers["X-Experience-API-Version"] == "1.0.3"
    assert len({str(UUID(each)) for each in first.json()}) == 2
    assert again.json() == first.json() == halves[0].json() + halves[1].json()
    assert len(set(unreadable.json())) == 3
    assert [event["kind"] for event in await events(acme)] == ["completed"] * 2
    listed = await deliveries(acme)
    assert [(one["status"], one["repeats"]) for one in listed][::-1] == [
        ("applied", 1),
        *[("applied", 0)] * 2,
        ("quarantined", 0),
    ]
    for one in listed:
        await acme.client.post(f"/v1/deliveries/{one['id']}/replay")
    assert len(await events(acme)) == 2


async def test_a_field_map_for_templates_is_not_asked_about_statements(acme: Organisation) -> None:
    mapping = {"kind": "completed", "learner": "uid", "activity": "cid"}
    more = {"authentication": {"scheme": "basic"}, "mapping": mapping}
    source = (await connect(acme, "moodle", "moodle", **more)).json()

    await acme.client.post(address(source, "statements"), json=MOODLE, headers=VERSION | basic(source["secret"]))

    assert [one["status"] for one in await deliveries(acme)] == ["applied"]


async def test_open_edx_puts_each_statement_with_its_id(acme: Organisation) -> None:
    bearer = {"scheme": "static_header", "header": "Authorization", "prefix": "Bearer "}
    plain = (await connect(acme, "basic", "openedx", authentication={"scheme": "basic"})).json()
    token = (await connect(acme, "bearer", "openedx", authentication=bearer)).json()
    open_to_all = (await connect(acme, "open", "openedx")).json()
    nameless = {name: part for name, part in OPEN_EDX.items() if name != "id"}
    proofs = [
        (plain, basic(plain["secret"])),
        (token, {"Authorization": f"Bearer {token['secret']}"}),
        (open_to_all, {"Authorization": ""}),
    ]

    for source, proof in proofs:
        for statement in (OPEN_EDX, OPEN_EDX, nameless):
            answer = await acme.client.put(
                address(source, "statements"),
                params={"statementId": OPEN_EDX["id"]},
                json=statement,
                headers=VERSION | proof,
            )
            assert (answer.status_code, answer.content) == (204, b"")
        bulk = await acme.client.post(address(source, "statements"), json=[OPEN_EDX], headers=VERSION | proof)
        assert (bulk.status_code, bulk.json()) == (200, [OPEN_EDX["id"]])

    found = await events(acme)
    assert [(event["kind"], event["event_key"]) for event in found] == [("passed", OPEN_EDX["id"])] * 3
    assert len({event["source_id"] for event in found}) == 3


async def test_a_store_that_only_takes_statements_says_so(acme: Organisation) -> None:
    lrs = (await connect(acme, "lrs", "xapi")).json()
    docebo = (await connect(acme, "docebo", "docebo")).json()
    nobody = {"Authorization": ""}

    about = await acme.client.get(address(lrs, "about"), headers=nobody)
    queried = await acme.client.get(address(lrs, "statements"), headers=VERSION | basic(lrs["secret"]))
    unproved = await acme.client.post(address(lrs, "statements"), json=[OPEN_EDX], headers=VERSION | nobody)
    not_json = await acme.client.post(address(lrs, "statements"), content=b"[", headers=basic(lrs["secret"]))
    others = [
        await acme.client.request(method, address(docebo, resource), headers=basic(docebo["secret"]))
        for method, resource in (("POST", "statements"), ("PUT", "statements"), ("GET", "about"))
    ]

    assert about.json()["version"] == ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
    assert (queried.status_code, queried.headers["Allow"]) == (405, "POST, PUT")
    assert (unproved.status_code, unproved.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    assert (not_json.status_code, not_json.json()) == (200, [])
    assert [one["status"] for one in await deliveries(acme)] == ["quarantined"]
    assert [answer.status_code for answer in others] == [404] * 3
