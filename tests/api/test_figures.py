"""Figures over REST: counts of people with denominators, as of any instant, and followed down to the bytes."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.test_webhooks import basic, connect
from tests.engines import Organisation


async def put(client: httpx.AsyncClient, noun: str, external_id: str, **fields: Any) -> str:
    answer = await client.put(f"/v1/{noun}/by-external-id/{external_id}", json=fields)
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["id"])


class Study:
    """An initiative with an audience of `audience` people, of whom the first `done` completed its only course."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.client = org.client

    async def arrange(self, *, audience: int, done: int, outside: int = 0) -> "Study":
        self.source = (await connect(self.org, "docebo", "docebo")).json()
        self.initiative = await put(self.client, "initiatives", "i", title="Press set-up training")
        self.activity = await put(self.client, "activities", "a", title="Course", initiative_id=self.initiative)
        reference = {"activity_id": self.activity, "source_id": self.source["id"], "external_id_in_source": "884"}
        assert (await self.client.post("/v1/activity-references", json=reference)).status_code == 201
        group = await put(self.client, "audiences", "w1", name="Wave 1", initiative_id=self.initiative)
        members = [{"person_id": await self.know(each), "offered_on": "2026-01-01"} for each in range(audience)]
        for number in range(1000, 1000 + outside):
            await self.know(number)
        if members:
            added = await self.client.post(f"/v1/audiences/{group}/members", json={"items": members})
            assert added.status_code == 200, added.text
        for number in [*range(done), *range(1000, 1000 + outside)]:
            await self.complete(number)
        return self

    async def know(self, number: int, **fields: Any) -> str:
        """Make the person whom the LMS calls `number`."""
        person = await put(self.client, "people", f"p{number}", name=f"P {number}", **fields)
        identity = {"kind": "account", "value": str(number), "issuer": self.source["id"]}
        assert (await self.client.post(f"/v1/people/{person}/identities", json=identity)).status_code == 201
        return person

    async def complete(self, number: int, course: int = 884) -> httpx.Response:
        at = "2026-03-11 09:44:58"
        body = {
            "event": "course.enrollment.completed",
            "message_id": f"wh-{number}-{course}",
            "payload": {"user_id": number, "course_id": course, "completion_date": at, "fired_at": at},
        }
        headers = basic(self.source["secret"])
        answer = await self.client.post(self.source["webhook_path"], json=body, headers=headers)
        assert answer.json()["status"] == "applied", answer.text
        return answer

    async def figures(self, **query: str) -> dict[str, dict[str, Any]]:
        answer = await self.client.get(f"/v1/initiatives/{self.initiative}/figures", params=query)
        assert answer.status_code == 200, answer.text
        return {each["metric"] + each["parameters"].get("denominator", ""): each for each in answer.json()["items"]}


async def test_participation_and_completion_carry_their_denominators(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=8, done=6, outside=2)

    found = await study.figures()

    participation = found["participation_rate"]
    assert (participation["value"], participation["numerator"], participation["denominator"]) == ("0.75", "6", "8")
    assert participation["interval"]["method"].startswith("wilson")
    assert [caveat["code"] for caveat in participation["caveats"]] == ["outside_audience"]
    assert found["completion_rateaudience"]["numerator"] == "6"
    assert found["completion_rateenrolled"]["denominator"] == "8"
    some = ["completion_rate{denominator=enrolled}", "participation_rate"]
    chosen = await study.client.get(f"/v1/initiatives/{study.initiative}/figures", params={"metric": some})
    assert [(each["metric"], each["denominator"]) for each in chosen.json()["items"]] == [
        ("completion_rate", "8"),
        ("participation_rate", "8"),
    ]
    tenant = await study.client.get("/v1/tenant/figures", params={"metric": "nothing_like_it"})
    assert (tenant.status_code, tenant.json()["code"]) == (404, "unknown_metric")


async def test_completing_one_of_two_required_courses_is_not_completing_the_initiative(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=6, done=6)
    second = await put(study.client, "activities", "b", title="Second", initiative_id=study.initiative)
    reference = {"activity_id": second, "source_id": study.source["id"], "external_id_in_source": "885"}
    await study.client.post("/v1/activity-references", json=reference)
    await study.complete(0, course=885)

    found = await study.figures()

    assert found["participation_rate"]["numerator"] == "6"
    assert found["completion_rateaudience"]["numerator"] == "1"


async def test_a_small_group_is_suppressed_with_all_its_parts(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=4, done=3)

    found = (await study.figures())["participation_rate"]

    assert (found["status"], found["value"], found["numerator"], found["n_people"]) == ("suppressed", None, None, None)
    explained = (await study.client.get(found["explain"])).json()
    assert (explained["inputs"], explained["events"]) == ([], [])


async def test_nobody_in_the_audience_is_not_zero(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=0, done=0)

    found = (await study.figures())["completion_rateaudience"]

    assert (found["status"], found["value"]) == ("not_applicable", None)


async def test_the_same_instant_gives_the_same_answer_after_later_events(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=8, done=6)
    then = datetime.now(UTC).isoformat()
    before = await study.figures(as_of=then)
    await study.complete(6)

    again, now = await study.figures(as_of=then), await study.figures()

    assert again == before
    assert before["participation_rate"]["numerator"] == "6"
    assert now["participation_rate"]["numerator"] == "7"


async def test_linking_a_course_elsewhere_changes_the_figures_of_both(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=6, done=6)
    other = await put(study.client, "activities", "other", title="Another course")
    references = (await study.client.get("/v1/activity-references")).json()["items"]

    answer = await study.client.patch(f"/v1/activity-references/{references[0]['id']}", json={"activity_id": other})

    assert answer.status_code == 200
    assert (await study.figures())["participation_rate"]["numerator"] == "0"


async def test_a_figure_is_followed_to_the_bytes_that_the_lms_sent(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=6, done=5)
    figure = (await study.figures())["completion_rateaudience"]

    explained = (await study.client.get(figure["explain"])).json()

    assert explained["figure"]["value"] == figure["value"]
    assert {each["name"]: each["value"] for each in explained["inputs"]} == {"audience": 6, "completed_in_audience": 5}
    assert len([each for each in explained["events"] if each["kind"] == "completed"]) == 5
    first = explained["events"][0]
    delivery = (await study.client.get(first["delivery"])).json()
    assert hashlib.sha256(base64.b64decode(delivery["body"])).hexdigest() == first["body_sha256"]


@pytest.fixture
async def outcome(client: httpx.AsyncClient) -> dict[str, str]:
    """An outcome: scrap, lower is better, from 4 down to 3."""
    objective = await put(client, "objectives", "o", title="Cut scrap")
    kpi = await put(client, "kpis", "k", name="Scrap", unit="percent", direction="lower_is_better", cadence="year")
    outcome = await put(
        client,
        "outcomes",
        "out",
        title="Less",
        objective_id=objective,
        kpi_id=kpi,
        baseline="4",
        target="3",
        starts_on="2025-01-01",
        due_on="2026-12-31",
    )
    return {"kpi": kpi, "outcome": outcome}


async def measure(client: httpx.AsyncClient, kpi: str, value: str, **more: Any) -> httpx.Response:
    fields = {"kpi_id": kpi, "period_start": "2025-01-01", "period_end": "2026-01-01", "value": value, **more}
    answer = await client.post("/v1/measurements", json=fields)
    assert answer.status_code in {200, 201}, answer.text
    return answer


async def progress(client: httpx.AsyncClient, outcome: str, **query: str) -> dict[str, Any]:
    items = (await client.get(f"/v1/outcomes/{outcome}/figures", params=query)).json()["items"]
    return next(each for each in items if each["metric"] == "progress")


async def test_progress_reads_the_newest_measurement(client: httpx.AsyncClient, outcome: dict[str, str]) -> None:
    assert (await progress(client, outcome["outcome"]))["status"] == "no_data"

    await measure(client, outcome["kpi"], "3.25")

    found = await progress(client, outcome["outcome"])
    assert (found["value"], found["period"]["from"]) == ("0.75", "2025-01-01")


async def test_a_corrected_measurement_changes_now_and_not_then(
    client: httpx.AsyncClient, outcome: dict[str, str]
) -> None:
    await measure(client, outcome["kpi"], "3.25")
    then = datetime.now(UTC).isoformat()

    restated = await measure(client, outcome["kpi"], "4.4")

    assert restated.json()["status"] == "restated"
    assert (await progress(client, outcome["outcome"]))["value"] == "-0.4"
    assert (await progress(client, outcome["outcome"], as_of=then))["value"] == "0.75"


async def test_a_provisional_value_makes_a_provisional_figure(
    client: httpx.AsyncClient, outcome: dict[str, str]
) -> None:
    await measure(client, outcome["kpi"], "3.5", provisional=True)

    assert (await progress(client, outcome["outcome"]))["status"] == "provisional"


async def test_figures_of_an_unknown_initiative_are_404(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/initiatives/ini_01h455vb4pex5vsknk084sn02q/figures")

    assert answer.status_code == 404


async def test_a_value_of_some_org_units_only_says_so(client: httpx.AsyncClient, outcome: dict[str, str]) -> None:
    units = [await put(client, "org-units", f"u{number}", name=f"Unit {number}") for number in range(3)]
    for unit in units:
        await measure(client, outcome["kpi"], "3.5", subject_kind="org_unit", subject_id=unit)
    later = {"period_start": "2026-01-01", "period_end": "2026-02-01"}
    await measure(client, outcome["kpi"], "3", subject_kind="org_unit", subject_id=units[0], **later)

    found = await progress(client, outcome["outcome"])

    assert found["value"] == "1"
    assert "partial_coverage" in [caveat["code"] for caveat in found["caveats"]]


async def test_performance_of_few_people_is_not_shown_through_a_difference(acme: Organisation) -> None:
    study = await Study(acme).arrange(audience=3, done=0)
    people = (await study.client.get("/v1/people")).json()["items"]
    others = [await put(study.client, "people", f"c{number}") for number in range(3)]
    objective = await put(study.client, "objectives", "o", title="Sell more")
    fields = {"name": "Sales", "unit": "units", "direction": "higher_is_better", "cadence": "year"}
    kpi = await put(study.client, "kpis", "k", **fields)
    about = {"objective_id": objective, "kpi_id": kpi}
    outcome = await put(study.client, "outcomes", "out", title="More", **about, baseline="4", target="6")
    await put(study.client, "alignments", "a", initiative_id=study.initiative, outcome_id=outcome)
    for person in [*(each["id"] for each in people), *others]:
        for year in (2025, 2026):
            period = {"period_start": f"{year}-01-01", "period_end": f"{year + 1}-01-01"}
            about = {"subject_kind": "person", "subject_id": person}
            await measure(study.client, kpi, "5", **period, **about)

    items = (await study.client.get(f"/v1/outcomes/{outcome}/figures")).json()["items"]

    did = next(each for each in items if each["metric"] == "did")
    assert (did["status"], did["value"]) == ("suppressed", None)
    assert (await study.client.get(did["explain"])).json()["inputs"] == []
