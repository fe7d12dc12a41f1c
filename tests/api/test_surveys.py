"""Surveys: answers to what was asked, and comments that nobody can be known by."""

from typing import Any

import httpx
import pytest

from tests.builders import make


async def test_what_was_not_asked_is_not_answered(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", asks=["recommend"])
    body = {"survey_id": survey["id"], "answered_on": "2026-04-22", "recommend": 9, "applied": True}

    refused = await client.post("/v1/survey-responses", json=body)

    assert refused.status_code == 422
    assert [(fault["code"], fault["pointer"]) for fault in refused.json()["errors"]] == [("not_asked", "/applied")]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"recommend": 11}, "/recommend"),
        ({"recommend": None}, ""),
        ({"planned_percent": 101}, "/planned_percent"),
        ({"intent": "perhaps"}, "/intent"),
        ({"answered_on": "2026-04-19"}, "/answered_on"),
    ],
)
async def test_an_answer_that_cannot_be_one_is_refused_where_it_stands(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str
) -> None:
    survey = await make(client, "surveys")
    body = {"survey_id": survey["id"], "answered_on": "2026-04-22", "recommend": 9}

    refused = await client.post("/v1/survey-responses", json=body | fields)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_survey_asks_each_thing_once(client: httpx.AsyncClient) -> None:
    initiative = await make(client, "initiatives")
    body = {"initiative_id": initiative["id"], "title": "S", "opens_on": "2026-04-20"}

    twice = await client.post("/v1/surveys", json=body | {"asks": ["intent", "intent"]})
    nothing = await client.post("/v1/surveys", json=body | {"asks": []})

    assert (twice.status_code, nothing.status_code) == (422, 422)


async def test_many_responses_are_written_at_once_and_the_same_again_change_nothing(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", asks=["recommend"])
    items = [
        {"external_id": f"r{n}", "survey_id": survey["id"], "answered_on": "2026-04-22", "recommend": n}
        for n in range(11)
    ]
    strange = items[0] | {"external_id": "r11", "applied": True}

    first = (await client.post("/v1/survey-responses/batch", json={"items": [*items, strange]})).json()
    again = (await client.post("/v1/survey-responses/batch", json={"items": items})).json()

    assert (first["created"], first["refused"]) == (11, 1)
    assert first["items"][11]["errors"][0]["code"] == "not_asked"
    assert (again["unchanged"], again["created"]) == (11, 0)


async def _write(client: httpx.AsyncClient, survey: str, numbers: range, **fields: Any) -> None:
    items = [
        {"external_id": f"c{n}", "survey_id": survey, "answered_on": "2026-04-22", "comment": f"Words {n:02}"} | fields
        for n in numbers
    ]
    answer = await client.post("/v1/survey-responses/batch", json={"items": items})
    assert answer.json()["refused"] == 0, answer.text


async def test_comments_appear_ten_people_at_a_time_and_never_with_their_response(client: httpx.AsyncClient) -> None:
    survey = (await make(client, "surveys"))["id"]
    path = f"/v1/surveys/{survey}/comments"
    nothing = (await client.get(path)).json()
    await _write(client, survey, range(9))
    nine = (await client.get(path)).json()
    await _write(client, survey, range(9, 11))
    eleven = (await client.get(path)).json()

    assert nothing == {"items": [], "minimum": 10, "suppressed": False}
    assert nine == {"items": [], "minimum": 10, "suppressed": True}
    assert eleven == {"items": [f"Words {n:02}" for n in range(10)], "minimum": 10, "suppressed": True}
    listed = await client.get("/v1/survey-responses", params={"survey_id": survey})
    assert "Words" not in listed.text


async def test_ten_comments_of_one_person_are_those_of_one(client: httpx.AsyncClient) -> None:
    survey = (await make(client, "surveys"))["id"]
    person = (await make(client, "people"))["id"]

    await _write(client, survey, range(12), person_id=person)

    assert (await client.get(f"/v1/surveys/{survey}/comments")).json()["items"] == []


async def test_a_comment_survives_a_patch_of_something_else(client: httpx.AsyncClient) -> None:
    survey = (await make(client, "surveys"))["id"]
    await _write(client, survey, range(10))
    row = (await client.get("/v1/survey-responses", params={"survey_id": survey, "limit": 1})).json()["items"][0]

    patched = await client.patch(f"/v1/survey-responses/{row['id']}", json={"recommend": 3})

    assert patched.status_code == 200
    assert len((await client.get(f"/v1/surveys/{survey}/comments")).json()["items"]) == 10
