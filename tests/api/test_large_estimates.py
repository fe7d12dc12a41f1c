"""Estimates that take long: nobody waits for their arithmetic, and those of many units are operations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.db import Database
from app.domain.errors import Invalid
from app.services import effects, estimation
from app.services.estimation import Ran, Task
from app.work.effects import KIND
from app.worker import Worker
from tests.api.impact.facts import OPERATORS, Study, locked_plan, measure, study
from tests.builders import Body, make
from tests.engines import Organisation, work_off
from tests.test_operations import Killed, expire_lease

Told = Callable[[int, int], Awaitable[None]]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has more than ten units is large."""
    monkeypatch.setattr(effects, "INTERACTIVE_UNITS", 10)


async def begun(client: httpx.AsyncClient, about: Body, **headers: str) -> httpx.Response:
    answer = await client.post("/v1/effect-estimates", json=about, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer


async def kept(client: httpx.AsyncClient) -> list[Body]:
    found: list[Body] = (await client.get("/v1/effect-estimates")).json()["items"]
    return found


def without_instants(estimate: Body) -> Body:
    """An estimate without what tells it from its twin."""
    own = {"id", "recorded_at", "family"}
    return {name: value for name, value in estimate.items() if name not in own}


async def test_many_units_are_estimated_by_an_operation_with_the_same_numbers(
    acme: Organisation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = acme.client
    asked = await study(client)
    plan = await locked_plan(client, asked.about, estimators=["did_2x2", "first_difference"])
    small = (await client.post("/v1/effect-estimates", json={"plan_id": plan["id"]})).json()
    monkeypatch.setattr(effects, "INTERACTIVE_UNITS", OPERATORS - 1)

    first, again = [await begun(client, {"plan_id": plan["id"]}, **{"Idempotency-Key": "large"}) for _ in range(2)]
    await work_off(Worker(database, [KIND]))

    done = (await client.get(first.headers["Location"])).json()
    assert (first.json()["kind"], first.json()["status"]) == ("effect_estimate", "waiting")
    assert first.headers["Retry-After"] == "2"
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (done["status"], done["error"]) == ("succeeded", None)
    assert done["progress"] == {"done": 3, "total": 3, "unit": "steps"}
    made = (await client.get(f"/v1/effect-estimates/{done['result']['effect_estimate_id']}")).json()
    assert without_instants(made) == without_instants(small)
    assert made["recorded_at"] > small["recorded_at"]
    assert len(await kept(client)) == 2


@pytest.mark.usefixtures("large")
async def test_a_large_estimate_is_checked_before_it_is_begun(client: httpx.AsyncClient) -> None:
    asked = await study(client)

    unknown = await client.post("/v1/effect-estimates", json=asked.about | {"outcome_id": f"out_{'0' * 26}"})

    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/outcome_id")
    assert (await client.get("/v1/operations")).json()["items"] == []


@pytest.mark.usefixtures("large")
async def test_what_the_facts_do_not_allow_fails_the_operation_with_its_reason(
    acme: Organisation, database: Database
) -> None:
    asked = await study(acme.client)
    answer = await begun(acme.client, asked.about | {"estimators": ["its_reml"]})

    await work_off(Worker(database, [KIND]))

    failed = (await acme.client.get(answer.headers["Location"])).json()
    assert (failed["status"], failed["error"]["code"], failed["result"]) == ("failed", "not_evaluable", None)
    assert await kept(acme.client) == []


@pytest.mark.usefixtures("large")
async def test_a_large_estimate_is_cancelled_between_two_estimators(
    acme: Organisation, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = acme.client
    asked = await study(client)
    answer = await begun(client, asked.about | {"estimators": ["did_2x2", "first_difference"]})

    async def cancels(told: Told, done: int, total: int) -> None:
        if done == 1:
            assert (await client.post(f"{answer.headers['Location']}/cancel")).json()["status"] == "running"
        await told(done, total)

    monkeypatch.setattr(estimation, "_awaited", cancels)
    await work_off(Worker(database, [KIND]))

    stopped = (await client.get(answer.headers["Location"])).json()
    assert (stopped["status"], stopped["progress"]) == ("cancelled", {"done": 1, "total": 3, "unit": "steps"})
    assert await kept(client) == []


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("dies_after", ["estimating", "keeping"])
async def test_a_large_estimate_survives_its_worker_and_is_kept_once(
    acme: Organisation, database: Database, dies_after: str
) -> None:
    asked = await study(acme.client)
    answer = await begun(acme.client, asked.about)
    patched = pytest.MonkeyPatch()

    async def dies(*_arguments: Any) -> Any:
        raise Killed

    patched.setattr(*((effects, "keep") if dies_after == "estimating" else ("app.services.operations.succeed",)), dies)
    with pytest.raises(Killed):
        await work_off(Worker(database, [KIND]))
    between = len(await kept(acme.client))
    patched.undo()
    await expire_lease(database, KIND)
    await work_off(Worker(database, [KIND]))

    done = (await acme.client.get(answer.headers["Location"])).json()
    assert between == (0 if dies_after == "estimating" else 1)
    assert done["status"] == "succeeded"
    assert [each["id"] for each in await kept(acme.client)] == [done["result"]["effect_estimate_id"]]


class Computing:
    """Runs that wait until the test lets them go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.goes_on = asyncio.Event(), asyncio.Event()
        self._run = estimation.run
        monkeypatch.setattr(estimation, "run", self.run)

    async def run(self, task: Task, told: Told | None = None) -> Ran:
        self.reached.set()
        await asyncio.wait_for(self.goes_on.wait(), 20)
        return await self._run(task, told)


async def while_it_computes(client: httpx.AsyncClient, asked: Study, computing: Computing) -> Body:
    """Measure something anew while an estimate is computed; return the estimate."""
    estimating = asyncio.create_task(client.post("/v1/effect-estimates", json=asked.about))
    await computing.reached.wait()
    await asyncio.wait_for(measure(client, asked.kpi, asked.operators[:1], effect=0.0, quarters=range(1), n=2), 10)
    computing.goes_on.set()
    answer = await estimating
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def test_others_write_while_an_effect_is_computed_from_the_facts_that_were_read(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await study(client)
    before = (await client.post("/v1/effect-estimates", json=asked.about)).json()

    made = await while_it_computes(client, asked, Computing(monkeypatch))

    assert made["results"] == before["results"]
    changes = (await client.get("/v1/measurements", params={"sort": "-recorded_at", "limit": 1})).json()["items"]
    assert made["recorded_at"] < changes[0]["recorded_at"]
    refused = await client.post(f"/v1/effect-estimates/{made['id']}/accept", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "outdated")
    await make(client, "unit-values", kpi_id=asked.kpi)
    await make(client, "cost-items", initiative_id=asked.initiative)
    stated = await client.post("/v1/impact-statements", json={"effect_estimate_id": made["id"]})
    told = (await client.get(f"/v1/impact-statements/{stated.json()['id']}/recomputation")).json()
    assert (told["equal"], told["changed"]) == (True, ["facts"])


async def test_newer_facts_estimated_meanwhile_make_an_estimate_be_asked_for_again(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await study(client)
    held = Computing(monkeypatch)
    slow = asyncio.create_task(client.post("/v1/effect-estimates", json=asked.about))
    await held.reached.wait()
    await measure(client, asked.kpi, asked.operators[:1], effect=0.0, quarters=range(1), n=2)
    monkeypatch.undo()

    quick = await client.post("/v1/effect-estimates", json=asked.about)
    held.goes_on.set()
    late = await slow

    assert quick.status_code == 201, quick.text
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert [each["id"] for each in await kept(client)] == [quick.json()["id"]]


async def test_an_error_of_the_engine_ends_the_request_and_leaves_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await study(client)

    async def refuses(_task: Task) -> Ran:
        raise Invalid("It cannot be computed.", code="not_evaluable")

    with monkeypatch.context() as patched:
        patched.setattr(estimation, "run", refuses)
        refused = await client.post("/v1/effect-estimates", json=asked.about, headers={"Idempotency-Key": "once"})
    served = await client.post("/v1/effect-estimates", json=asked.about, headers={"Idempotency-Key": "once"})

    assert (refused.status_code, refused.json()["code"]) == (422, "not_evaluable")
    assert served.status_code == 201
    assert len(await kept(client)) == 1
