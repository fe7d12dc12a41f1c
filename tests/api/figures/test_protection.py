"""Small groups over the API: hidden in every request alike, and not to be got at by subtracting."""

from dataclasses import replace
from datetime import date

import pytest

from app.domain import ids
from app.services import inputs
from app.services.inputs import Given
from tests.api.figures.school import School, event, numbers
from tests.builders import make


async def arrange(school: School) -> str:
    """Twelve operators, nine fitters and two welders who all began the course."""
    initiative = await school.initiative("c")
    groups = {"operator": numbers(12), "fitter": numbers(9, 20), "welder": numbers(2, 40)}
    for role, people in groups.items():
        await school.hire(*people, role=role)
        await school.offer(initiative, people)
    everyone = [each for people in groups.values() for each in people]
    await school.tell(*(event("started", each, "c", "2026-02-10") for each in everyone))
    return initiative


async def test_a_small_segment_takes_the_next_larger_with_it(school: School) -> None:
    initiative = await arrange(school)

    whole = await school.figure("participation_rate", initiative)
    roles = await school.figures("participation_rate", initiative, by="role")

    assert whole["denominator"] == "23"
    found = {each["segment"]["role"]: (each["status"], each["denominator"], each["n_people"]) for each in roles}
    assert found == {
        "operator": ("ok", "12", 12),
        "fitter": ("suppressed", None, None),
        "welder": ("suppressed", None, None),
    }
    assert {each["caveats"][0]["code"] for each in roles if each["status"] == "suppressed"} == {
        "small_group",
        "complementary",
    }


async def test_another_cut_shows_no_more_of_a_hidden_segment(school: School) -> None:
    initiative = await arrange(school)

    crossed = await school.figures("participation_rate", initiative, by=["role", "month"])

    assert [each["segment"]["role"] for each in crossed if each["status"] != "suppressed"] == ["operator"]


async def test_a_team_is_not_shown_where_its_department_less_the_team_is_small(school: School) -> None:
    initiative = await arrange(school)
    department = (await make(school.client, "org-units", 1))["id"]
    team = (await make(school.client, "org-units", 2, parent_id=department))["id"]
    await school.hire(*numbers(12), role="operator", org_unit_id=team)
    await school.hire(*numbers(2, 40), role="welder", org_unit_id=department)

    cut = await school.figures("participation_rate", initiative, by="org_unit")
    alone = await school.figures("participation_rate", department, team)

    for found in (cut, alone):
        assert {each["status"] for each in found[1:]} == {"suppressed"}, found


async def test_times_are_whole_months_and_a_small_month_hides_those_that_end_with_it(school: School) -> None:
    initiative = await arrange(school)
    await school.tell(*(event("started", each, "c", "2026-03-10") for each in numbers(2, 40)))
    await school.tell(*(event("enrolled", each, "c", "2026-04-10") for each in ("p0", "p1")))
    await school.hire("late1", "late2")
    await school.tell(*(event("started", each, "c", "2026-03-10") for each in ("late1", "late2")))
    asked = {"metric": "participants", "subject": initiative}

    refused = await school.client.get("/v1/figures", params={**asked, "from": "2026-02-02"})
    shorter = await school.figure("participants", initiative, to="2026-03-01")
    longer = await school.figure("participants", initiative, to="2026-04-01")

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_a_month")
    assert (shorter["status"], longer["status"]) == ("suppressed", "suppressed")


async def test_a_tenant_can_only_raise_the_minimum(school: School) -> None:
    initiative = await arrange(school)

    await school.client.patch("/v1/tenant", json={"minimum_cohort": 13})
    roles = await school.figures("participation_rate", initiative, by="role")

    assert {each["status"] for each in roles} == {"suppressed"}
    assert (await school.client.patch("/v1/tenant", json={"minimum_cohort": 4})).status_code == 422


async def test_every_family_that_counts_people_hides_a_small_segment_with_its_complement(school: School) -> None:
    initiative = await school.initiative("c")
    groups = {"operator": numbers(12), "boss": numbers(1, 20)}
    everyone = [each for people in groups.values() for each in people]
    for role, people in groups.items():
        await school.hire(*people, role=role)
        await school.offer(initiative, people, due_on=date(2026, 2, 1))
    await school.tell(*(event("started", each, "c", "2026-02-10") for each in everyone))
    for each in everyone:
        about = {"initiative_id": initiative, "person_id": ids.encode("per", school.people[each])}
        for number, deed in enumerate(("goal_agreed", "chance_given", "follow_up_held")):
            body = about | {"deed": deed, "done": True, "noted_on": "2026-02-01"}
            await make(school.client, "support-deeds", number, **body)
    families = {each: inputs.provider_of("initiative", each) for each in inputs.metrics_of("initiative")}
    metrics = [str(each) for each, found in families.items() if found and found[0].people and "role" in found[0].by]

    segments = [each for name in metrics for each in await school.figures(name, initiative, by="role")]

    assert {"at_risk", "manager_support_index", "participation_rate"} <= set(metrics)
    assert {each["status"] for each in segments if each["n_people"]} == set(), segments
    shown = {each["metric"] for each in segments if each["status"] == "suppressed"}
    assert {"at_risk", "manager_support_index", "participation_rate", "learner_on_time_rate"} <= shown


def test_a_family_that_counts_people_must_say_how_many() -> None:
    [provider] = [each for each in inputs.providers() if "at_risk" in each.metrics]
    silent = replace(provider, metrics={"at_risk": lambda _facts, _scope: Given({"learners": []})})

    with pytest.raises(RuntimeError, match="at_risk counts people and does not say how many"):
        silent.given(silent.metrics["at_risk"], None, None)  # type: ignore[arg-type]  # neither is read
