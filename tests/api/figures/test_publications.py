"""Publishing figures, restating them when facts of their time come later, and computing exported ones again."""

from typing import Any

import pytest

from app.services import publications
from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_attainment import aim, measure

RATE = "completion_rate{denominator=audience}"


@pytest.fixture
async def course(school: School) -> str:
    """Eight people were offered a course, five of them completed it."""
    initiative = await school.initiative("c")
    await school.hire(*numbers(8))
    await school.offer(initiative, numbers(8))
    await school.tell(*(event("completed", each, "c", "2026-02-01") for each in numbers(5)))
    return initiative


async def publish(school: School, subject: str, metric: str = RATE, **fields: Any) -> dict[str, Any]:
    answer = await school.client.post("/v1/figures/publish", json={"metric": metric, "subject": subject, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def restated(school: School) -> list[dict[str, Any]]:
    """What the worker finds to restate."""
    async with school.database.transaction(school.org.scope) as session:
        await publications.check(session, {})
    items: list[dict[str, Any]] = (await school.client.get("/v1/restatements")).json()["items"]
    return items


async def test_a_late_event_restates_what_was_said_and_both_are_kept(school: School, course: str) -> None:
    said = await publish(school, course, note="Board report")
    await school.tell(event("completed", "p5", "c", "2026-02-02"))

    [found] = await restated(school)

    assert (said["figure"]["numerator"], said["figure"]["revision"]) == ("5", 1)
    assert (found["from_id"], found["because"]["reason"]) == (said["id"], "late_events")
    assert len(found["because"]["facts"]) == 1
    later = (await school.client.get(f"/v1/published-figures/{found['to_id']}")).json()
    earlier = (await school.client.get(f"/v1/published-figures/{said['id']}")).json()
    assert (later["figure"]["numerator"], later["revision"], later["figure"]["revision"]) == ("6", 2, 2)
    assert (earlier["figure"], earlier["current"]) == (said["figure"], False)
    feed = [each["type"] for each in (await school.client.get("/v1/changes", params={"limit": 200})).json()["items"]]
    assert {"published_figure.published", "published_figure.restated", "restatement.created"} <= set(feed)


async def test_what_happens_after_it_was_said_restates_nothing(school: School, course: str) -> None:
    await publish(school, course)
    await school.tell(event("completed", "p5", "c", "2099-02-02"))

    assert await restated(school) == []


async def test_a_voided_event_restates_too_and_only_once(school: School, course: str) -> None:
    await publish(school, course)
    await school.tell(event("voided", "p0", "c", "2026-03-01", voids="completed p0 c 2026-02-01"))

    first, second = await restated(school), await restated(school)

    assert [each["because"]["reason"] for each in first] in (["changed_facts"], ["late_events"])
    assert first == second


async def test_a_corrected_measurement_restates_with_its_name(school: School) -> None:
    outcome = await aim(school.client, baseline="60", target="40")
    await measure(school.client, outcome, "50")
    await publish(school, outcome, "progress")
    await measure(school.client, outcome, "55")

    [found] = await restated(school)

    assert found["because"]["reason"] == "corrected_measurements"
    assert found["because"]["facts"][0].startswith("mea_")
    share = await school.figure("restated_share", (await school.client.get("/v1/tenant")).json()["id"])
    assert (share["numerator"], share["denominator"]) == ("1", "1")


async def test_a_voided_measurement_restates_with_its_name(school: School) -> None:
    outcome = await aim(school.client, baseline="60", target="40")
    await measure(school.client, outcome, "50")
    await publish(school, outcome, "progress")
    [measurement] = (await school.client.get("/v1/measurements")).json()["items"]
    await school.client.post(f"/v1/measurements/{measurement['id']}/void")

    [found] = await restated(school)

    assert (found["because"]["reason"], found["because"]["facts"]) == ("changed_facts", [measurement["id"]])


async def test_an_exported_explanation_holds_until_somebody_touches_it(school: School, course: str) -> None:
    figure = await school.figure(RATE, course)
    exported = (await school.client.get(figure["explain"])).json()

    held = (await school.client.post("/v1/figures/replay", json=exported)).json()
    exported["figure"]["value"] = "0.7"
    exported["events"][0]["body_sha256"] = "00" * 32
    touched = (await school.client.post("/v1/figures/replay", json=exported)).json()

    assert (held["holds"], held["differences"]) == (True, [])
    assert held["figure"]["value"] == "0.625"
    assert [each["field"] for each in touched["differences"]] == ["value", exported["events"][0]["delivery_id"]]


async def test_an_explanation_of_measurements_is_checked_version_by_version(school: School) -> None:
    outcome = await aim(school.client, baseline="60", target="40")
    await measure(school.client, outcome, "50")
    exported = (await school.client.get((await school.figure("progress", outcome))["explain"])).json()
    await measure(school.client, outcome, "55")

    held = (await school.client.post("/v1/figures/replay", json=exported)).json()
    exported["measurements"][0]["version"] = 2
    other = (await school.client.post("/v1/figures/replay", json=exported)).json()

    assert held["holds"] is True, held
    assert other["holds"] is False
