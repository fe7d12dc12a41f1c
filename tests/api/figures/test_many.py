"""Many subjects in one call: as many queries as for one."""

from typing import Any

import httpx
import pytest

from app.services import inputs
from tests.api.figures.school import School, event, numbers
from tests.api.figures.test_attainment import aim, measure
from tests.api.graphql.test_loading import statements


def counted(seen: list[str]) -> int:
    """How many statements there were, without those that look the key up, which is remembered for a while."""
    return len([each for each in seen if "FROM tenant \n" not in each and "api_key" not in each])


async def ten_of(school: School, kind: str) -> list[str]:
    """Ten subjects of a kind, of which two have facts."""
    if kind == "initiative":
        made = [await school.initiative(f"c{n}") for n in range(10)]
        await school.hire(*numbers(6))
        for n in (0, 1):
            await school.offer(made[n], numbers(6))
            await school.tell(*(event("completed", each, f"c{n}", "2026-02-01") for each in numbers(6)))
        return made
    if kind == "activity":
        await ten_of(school, "initiative")
        return list(school.activities.values())
    made = [await aim(school.client, n, baseline="60", target="40") for n in range(10)]
    for n in (0, 1):
        await measure(school.client, made[n], "50")
    if kind == "outcome":
        return made
    return [(await school.client.get(f"/v1/outcomes/{each}")).json()["objective_id"] for each in made]


@pytest.mark.parametrize("kind", ["initiative", "outcome", "objective", "activity"])
async def test_the_number_of_queries_does_not_grow_with_the_subjects(school: School, kind: str) -> None:
    ten = await ten_of(school, kind)
    assert len(set(ten)) == 10
    metrics = [str(asked) for asked in inputs.metrics_of(kind)]
    await school.figures("cost" if kind != "activity" else "participants", ten[0])

    one: list[dict[str, Any]] = []
    all_of_them: list[dict[str, Any]] = []
    for start in range(0, len(metrics), 20):
        chunk = metrics[start : start + 20]
        with statements(school.database) as few:
            one += await school.figures(chunk, ten[0])
        with statements(school.database) as many:
            all_of_them += await school.figures(chunk, *ten)
        assert counted(many) == counted(few), chunk

    assert len(all_of_them) > 5 * len(one)


async def test_the_number_of_queries_does_not_grow_with_the_segments(school: School) -> None:
    [initiative, *_] = await ten_of(school, "initiative")
    await school.figures("participation_rate", initiative, by="role")
    with statements(school.database) as few:
        await school.figures("participation_rate", initiative, by="role")
    for n in range(6):
        await school.hire(f"p{n}", role=f"role {n}")

    with statements(school.database) as many:
        found = await school.figures("participation_rate", initiative, by="role")

    assert len(found) == 6
    assert counted(many) == counted(few)


@pytest.mark.parametrize(
    "params",
    [
        {"metric": "no_such", "subject": "ini_01h455vb4pex5vsknk084sn02q"},
        {"metric": "cost{basis", "subject": "ini_01h455vb4pex5vsknk084sn02q"},
        {"metric": "cost{colour=red}", "subject": "ini_01h455vb4pex5vsknk084sn02q"},
        {"metric": "participants", "subject": "ini_01h455vb4pex5vsknk084sn02q", "by": ["month", "year"]},
        {"metric": "participants", "subject": "per_01h455vb4pex5vsknk084sn02q"},
    ],
)
async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient, params: dict[str, Any]) -> None:
    answer = await client.get("/v1/figures", params=params)

    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["detail"]
