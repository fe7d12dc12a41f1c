"""Getting statements: every filter of the specification, pages, formats, and what refers to what."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.api.xapi.conftest import ACTIVITY, AGENT, Store, statement

KIM = {"mbox": "mailto:kim@example.org"}
PASSED = {"id": "http://adlnet.gov/expapi/verbs/passed", "display": {"en": "passed", "de": "bestand"}}
OTHER = {"id": "https://example.org/other"}
UNKNOWN = "5d0c8f1e-7a34-4b7e-8f2a-1c9d3e5b7f10"
"""A statement id that nothing bears; written out, for the names of tests must be the same in every worker."""


def reference(statement_id: str) -> dict[str, str]:
    return {"objectType": "StatementRef", "id": statement_id}


async def test_the_newest_come_first_and_ascending_turns_them_round(store: Store) -> None:
    ids = [(await store.kept(statement()))[0] for _ in range(3)]

    assert await store.found() == ids[::-1]
    assert await store.found(ascending="true") == ids


async def test_each_filter_finds_what_it_names(store: Store) -> None:
    registration = str(uuid4())
    plain, agent, verb, activity, registered, group = (
        statement(),
        statement(actor=KIM),
        statement(verb=PASSED),
        statement(object=OTHER),
        statement(context={"registration": registration}),
        statement(actor={"objectType": "Group", "member": [KIM, AGENT]}),
    )
    for one in (plain, agent, verb, activity, registered, group):
        await store.kept(one)

    assert await store.found(agent=KIM) == [group["id"], agent["id"]]
    assert await store.found(verb=PASSED["id"]) == [verb["id"]]
    assert await store.found(activity=OTHER["id"]) == [activity["id"]]
    assert await store.found(registration=registration.upper()) == [registered["id"]]
    assert await store.found(agent=AGENT, verb=PASSED["id"]) == [verb["id"]]
    assert await store.found(agent=KIM, activity=OTHER["id"]) == []


async def test_the_related_filters_look_in_context_authority_and_substatements(store: Store) -> None:
    around = statement(
        context={"instructor": KIM, "contextActivities": {"grouping": [OTHER]}},
    )
    inside = statement(object={"objectType": "SubStatement", "actor": KIM, "verb": PASSED, "object": OTHER})
    for one in (around, inside):
        await store.kept(one)
    authority = (await store.call("GET", "statements")).json()["statements"][0]["authority"]

    assert await store.found(agent=KIM) == []
    assert await store.found(activity=OTHER["id"]) == []
    assert await store.found(agent=KIM, related_agents="true") == [inside["id"], around["id"]]
    assert await store.found(activity=OTHER["id"], related_activities="true") == [inside["id"], around["id"]]
    assert await store.found(agent=authority, related_agents="true") == [inside["id"], around["id"]]
    assert await store.found(agent=authority) == []


async def test_since_is_exclusive_and_until_is_not(store: Store) -> None:
    ids = [(await store.kept(statement()))[0] for _ in range(3)]
    shown = (await store.call("GET", "statements", params={"statementId": ids[1]})).json()

    assert await store.found(since=shown["stored"]) == [ids[2]]
    assert await store.found(until=shown["stored"]) == [ids[1], ids[0]]


@pytest.mark.parametrize("ascending", ["true", "false"])
async def test_pages_follow_each_other_without_gap_or_repeat(store: Store, ascending: str) -> None:
    batch = [statement() for _ in range(5)]
    await store.kept(*batch)
    await store.kept(statement(actor=KIM))
    params = {"agent": json.dumps(AGENT), "limit": "2", "ascending": ascending}

    answer = await store.call("GET", "statements", params=params)
    pages = [answer.json()]
    while pages[-1]["more"]:
        pages.append((await store.call("GET", pages[-1]["more"])).json())

    found = [one["id"] for page in pages for one in page["statements"]]
    assert [len(page["statements"]) for page in pages] == [2, 2, 1]
    assert sorted(found) == sorted(one["id"] for one in batch)


async def test_a_page_ends_before_it_grows_too_large(store: Store) -> None:
    large = [statement(result={"response": "x" * 3_000_000}) for _ in range(3)]
    for one in large:
        await store.kept(one)

    first = (await store.call("GET", "statements")).json()

    assert len(first["statements"]) == 2
    assert [one["id"] for one in (await store.call("GET", first["more"])).json()["statements"]] == [large[0]["id"]]


async def test_a_statement_that_refers_to_one_that_is_found_is_found_through_any_chain(store: Store) -> None:
    target = statement(actor=KIM, verb=PASSED)
    near = statement(object=reference(target["id"]))
    far = statement(object=reference(near["id"]))
    unrelated = statement(object=reference(str(uuid4())))

    for one in (far, unrelated, near, target):  # in the least convenient order
        await store.kept(one)

    assert await store.found(agent=KIM) == [target["id"], near["id"], far["id"]]
    assert await store.found(agent=KIM, verb=PASSED["id"]) == [target["id"], near["id"], far["id"]]
    assert await store.found(agent=KIM, limit="2") == [target["id"], near["id"]]


async def test_a_batch_of_references_in_any_order_finds_its_chain(store: Store) -> None:
    target = statement(actor=KIM)
    near = statement(object=reference(target["id"]))
    far = statement(object=reference(near["id"]))
    circle = statement()
    circle["object"] = reference(circle["id"])

    await store.kept(far, target, near, circle)

    assert set(await store.found(agent=KIM)) == {target["id"], near["id"], far["id"]}


async def test_a_voided_statement_is_found_through_what_refers_to_it_only(store: Store) -> None:
    target = statement(actor=KIM)
    voiding = statement(verb={"id": "http://adlnet.gov/expapi/verbs/voided"}, object=reference(target["id"]))
    await store.kept(target)
    await store.kept(voiding)

    assert await store.found(agent=KIM) == [voiding["id"]]


async def test_ids_and_canonical_show_what_is_asked_for(store: Store) -> None:
    told = ACTIVITY | {"definition": {"name": {"en": "Fire safety", "de": "Brandschutz"}}}
    await store.kept(statement(object=told, verb=PASSED))
    await store.kept(statement(actor=AGENT | {"name": "Ola"}))

    ids = (await store.call("GET", "statements", params={"format": "ids"})).json()["statements"]
    german = {"Accept-Language": "de-AT, de;q=0.9"}
    params = {"format": "canonical"}
    canonical = (await store.call("GET", "statements", params=params, headers=german)).json()["statements"]

    assert [one["object"] for one in ids] == [ACTIVITY, ACTIVITY]
    assert [one["actor"] for one in ids] == [AGENT, AGENT]
    assert [one["object"]["definition"]["name"] for one in canonical] == [{"de": "Brandschutz"}] * 2
    assert canonical[1]["verb"]["display"] == {"de": "bestand"}
    assert canonical[0]["actor"]["name"] == "Ola"


@pytest.mark.parametrize(
    "params",
    [
        {"statementId": "x"},
        {"statementId": UNKNOWN, "voidedStatementId": UNKNOWN},
        {"statementId": UNKNOWN, "limit": "1"},
        {"voidedStatementId": UNKNOWN, "agent": json.dumps(AGENT)},
        {"StatementId": UNKNOWN},
        {"unknown": "1"},
        {"agent": "ola"},
        {"agent": "{}"},
        {"agent": json.dumps({"objectType": "Group", "member": [AGENT]})},
        {"agent": '{"mbox": "mailto:a@b.org", "mbox": "mailto:a@b.org"}'},
        {"agent": "[" * 10_000},
        {"verb": "passed"},
        {"activity": "course"},
        {"registration": "1"},
        {"since": "yesterday"},
        {"until": "2026-03-04"},
        {"limit": "-1"},
        {"limit": "1.0"},
        {"limit": "9" * 30},
        {"format": "Exact"},
        {"ascending": "True"},
        {"attachments": "1"},
        {"related_agents": ""},
        {"cursor": "x"},
        {"verb": "https://x.org/\0"},
    ],
    ids=str,
)
async def test_parameters_are_held_to_the_same_rules_as_statements(store: Store, params: dict[str, Any]) -> None:
    answer = await store.call("GET", "statements", params=params)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_xapi")
    assert "x-experience-api-consistent-through" in answer.headers


async def test_nothing_found_is_an_empty_list(store: Store) -> None:
    answer = await store.call("GET", "statements", params={"verb": "https://example.org/never"})

    assert answer.json() == {"statements": [], "more": ""}


async def test_an_unknown_id_is_404(store: Store) -> None:
    answer = await store.call("GET", "statements", params={"statementId": str(uuid4())})

    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (404, "1.0.3")


async def test_head_tells_what_get_would(store: Store) -> None:
    [known] = await store.kept(statement())

    got = await store.call("GET", "statements", params={"statementId": known})
    headed = await store.call("HEAD", "statements", params={"statementId": known})

    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("etag", "last-modified", "content-type", "content-length"):
        assert headed.headers[name] == got.headers[name]
