"""Facts of which one formula can make nothing: that figure is inconsistent, and the others of the answer stand."""

from typing import Any

import pytest

from app.domain.errors import Fault, Invalid
from app.services import inputs
from app.services.inputs import Given, Read, Scope
from tests.api.figures.school import School, event, numbers


def refuse(_facts: Any, _scope: Scope) -> Given:
    raise Invalid("The target of 12 is beyond the band.", errors=(Fault("invalid", "is beyond the band"),))


def garble(_facts: Any, _scope: Scope) -> Given:
    return Given({"started": -1, "no_such_input": 3}, n_people=6)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Read]:
    """Readers that fail: of money, of people, and one whose inputs the formula does not know."""
    failing: dict[str, Read] = {"cost": refuse, "learning_hours": refuse, "drop_out_rate": garble}
    replaced = {key: (provider, failing.get(key[1], read)) for key, (provider, read) in inputs._by_name().items()}
    monkeypatch.setattr(inputs, "_by_name", lambda: replaced)
    return failing


async def test_one_reader_that_fails_takes_no_other_figure_away(school: School, request: pytest.FixtureRequest) -> None:
    client = school.client
    initiative = await school.initiative("c")
    await school.hire(*numbers(6), role="operator")
    await school.tell(*(event("started", each, "c", "2026-02-10") for each in numbers(6)))
    paths = (f"/v1/initiatives/{initiative}/figures", "/v1/tenant/figures")
    sound = {path: (await client.get(path)).json()["items"] for path in paths}

    failing = request.getfixturevalue("broken")
    answers = {path: await client.get(path) for path in paths}
    cut = await school.figures(["learning_hours", "participants"], initiative, by="role")
    graph = f'{{ initiative(id: "{initiative}") {{ figures {{ metric status reason }} }} }}'
    shown = (await client.post("/graphql", json={"query": graph})).json()["data"]["initiative"]["figures"]

    for path, answer in answers.items():
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        wrong = {each["metric"]: (each["status"], each["value"], each["reason"]) for each in items}
        assert {slug: wrong[slug][:2] for slug in failing} == dict.fromkeys(failing, ("inconsistent", None))
        assert wrong["cost"][2] == "the facts behind it contradict each other: The target of 12 is beyond the band."
        assert wrong["learning_hours"][2] == "the facts behind it contradict each other"
        assert wrong["drop_out_rate"][2].startswith("the inputs of drop_out_rate cannot be read: /inputs/")

        def others(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**each, "as_of": None} for each in found if each["metric"] not in failing]

        assert others(items) == others(sound[path])
    assert {each["metric"]: each["status"] for each in cut} == {"learning_hours": "inconsistent", "participants": "ok"}
    assert {each["metric"] for each in shown if each["status"] == "INCONSISTENT"} >= set(failing)
    for slug in failing:
        told = await client.get("/v1/figures/explain", params={"metric": slug, "subject": initiative})
        assert (told.status_code, told.json()["figure"]["status"]) == (200, "inconsistent"), told.text
