"""Activities, and the references by which the LMSs know them: linking one elsewhere moves what was learned."""

from typing import Any

import httpx
import pytest

from tests.builders import complete, make


async def _enrolled(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    rows = (await client.get("/v1/enrolments")).json()["items"]
    return sorted((row["activity_id"], row["state"]) for row in rows)


async def _unmapped(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/v1/activities", params={"initiative_id": "null"})).json()["items"]
    return found


async def test_an_unknown_course_is_an_unmapped_draft(client: httpx.AsyncClient) -> None:
    await complete(client, await make(client, "sources"), course=884, user=1)

    (draft,) = await _unmapped(client)

    assert (draft["status"], draft["title"], draft["initiative_id"]) == ("draft", "Course 884", None)
    (reference,) = (await client.get("/v1/activity-references", params={"activity_id": draft["id"]})).json()["items"]
    assert reference["external_id_in_source"] == "884"


async def test_linking_a_reference_to_another_activity_moves_its_enrolments(client: httpx.AsyncClient) -> None:
    source = await make(client, "sources")
    await complete(client, source, course=884, user=1)
    await complete(client, source, course=884, user=2)
    (draft,) = await _unmapped(client)
    (reference,) = (await client.get("/v1/activity-references")).json()["items"]
    course = await make(client, "activities", 7)
    assert await _enrolled(client) == [(draft["id"], "completed")] * 2

    moved = await client.patch(f"/v1/activity-references/{reference['id']}", json={"activity_id": course["id"]})

    assert moved.status_code == 200, moved.text
    assert await _enrolled(client) == [(course["id"], "completed")] * 2
    await complete(client, source, course=884, user=3)
    assert await _enrolled(client) == [(course["id"], "completed")] * 3


async def test_two_references_of_one_activity_fold_into_one_enrolment(client: httpx.AsyncClient) -> None:
    source = await make(client, "sources")
    for course in (884, 885):
        await complete(client, source, course=course, user=1)
    first, second = (await client.get("/v1/activity-references")).json()["items"]

    await client.patch(f"/v1/activity-references/{first['id']}", json={"activity_id": second["activity_id"]})

    enrolments = (await client.get("/v1/enrolments")).json()["items"]
    assert {row["activity_id"] for row in enrolments} == {second["activity_id"]}
    await client.patch(f"/v1/activity-references/{first['id']}", json={"activity_id": first["activity_id"]})
    assert await _enrolled(client) == sorted(
        [(first["activity_id"], "completed"), (second["activity_id"], "completed")]
    )


async def test_a_reference_keeps_the_name_that_the_lms_has_for_it(client: httpx.AsyncClient) -> None:
    reference = await make(client, "activity-references")
    path = f"/v1/activity-references/{reference['id']}"

    for field, value in {"external_id_in_source": "x", "source_id": (await make(client, "sources", 5))["id"]}.items():
        refused = await client.patch(path, json={field: value})
        assert [(fault["code"], fault["pointer"]) for fault in refused.json()["errors"]] == [("fixed", f"/{field}")]
    again = await client.post(
        "/v1/activity-references",
        json={name: reference[name] for name in ("activity_id", "source_id", "external_id_in_source")},
    )
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")


async def test_an_activity_goes_live_and_is_retired(client: httpx.AsyncClient) -> None:
    activity = await make(client, "activities")
    path = f"/v1/activities/{activity['id']}"

    assert activity["status"] == "live"
    assert (await client.post(f"{path}/retire")).json()["status"] == "retired"
    assert (await client.post(f"{path}/activate")).json()["status"] == "live"


async def test_the_name_in_a_source_may_be_a_whole_address(client: httpx.AsyncClient) -> None:
    address = "https://lms.example.org/" + "x" * 470

    reference = await make(client, "activity-references", external_id_in_source=address)

    found = await client.get("/v1/activity-references", params={"external_id_in_source": address})
    assert [row["id"] for row in found.json()["items"]] == [reference["id"]]


@pytest.mark.parametrize("blank", ["   ", "\t\n", "\u2003", ""])
async def test_a_course_with_a_blank_name_is_known_by_its_id(client: httpx.AsyncClient, blank: str) -> None:
    await complete(client, await make(client, "sources"), course=884, user=1, course_name=blank, first_name=blank)

    (draft,) = await _unmapped(client)

    assert draft["title"] == "884"
    assert [row["name"] for row in (await client.get("/v1/people")).json()["items"]] == [None]


async def test_a_long_course_name_is_cut_where_a_title_ends(client: httpx.AsyncClient) -> None:
    await complete(client, await make(client, "sources"), course=884, user=1, course_name=" " * 250 + "x" * 300)

    (draft,) = await _unmapped(client)

    assert draft["title"] == "x" * 200
