"""Planning before anybody is trained: what could be found, and who is dealt to which wave."""

from typing import Any

import httpx
import pytest

from tests.api.impact.facts import study
from tests.builders import Body, make
from tests.engines import Organisation

WAVES = ["2027-01-01", "2027-03-01", "2027-05-01"]
TEAMS = [
    {"unit": f"Team {n:02}", "stratum": "north" if n < 6 else "south", "covariates": {"size": n % 5}} for n in range(12)
]
OUTLOOK = {"periods": 24, "first_start": 6, "step": 2, "cluster_size": 10, "icc": 0.1, "rho": 0.5}


async def dealt(client: httpx.AsyncClient, **asked: Any) -> Body:
    answer = await client.post("/v1/rollout-designs", json={"wave_starts": WAVES} | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_power_of_given_units_says_what_they_find_and_how_it_exaggerates(client: httpx.AsyncClient) -> None:
    asked = {"treated": 50, "control": 50, "effect": 0.2, "sd": 1, "normal": True}

    found = (await client.post("/v1/power", json=asked)).json()

    assert found["standard_error"] == pytest.approx(0.2)
    assert found["power"] == pytest.approx(0.17, abs=0.005)
    assert found["exaggeration"] == pytest.approx(2.49, abs=0.01)
    assert any("50 %" in said for said in found["caveats"])


async def test_serial_correlation_and_clusters_make_the_detectable_effect_larger(client: httpx.AsyncClient) -> None:
    repeated = {"before": 12, "after": 12, "rho": 0.5, "analysis": "change"}
    asked = {"treated": 100, "control": 100, "normal": True}

    serial = (await client.post("/v1/power", json=asked | {"repeated": repeated})).json()
    textbook = (await client.post("/v1/power", json=asked | {"repeated": repeated | {"rho": 0}})).json()
    teams = (await client.post("/v1/power", json=asked | {"cluster_size": 10, "icc": 0.1})).json()

    assert (serial["smallest_effect"], textbook["smallest_effect"]) == pytest.approx((0.256, 0.162), abs=5e-4)
    assert textbook["caveats"] != serial["caveats"] == []
    assert teams["design_effect"] == pytest.approx(1.9)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, ""),
        ({"treated": 10}, ""),
        ({"effect": 0}, ""),
        ({"effect": 1, "power": 0.01}, ""),
        ({"effect": 1, "icc": 2}, "/icc"),
        ({"effect": 1, "colour": 1}, "/colour"),
        ({"effect": 1e-9}, "/effect"),
        ({"effect": 1, "repeated": {"analysis": "change"}}, "/repeated/before"),
    ],
)
async def test_what_cannot_be_planned_is_refused_where_it_stands(
    client: httpx.AsyncClient, asked: Body, pointer: str
) -> None:
    refused = await client.post("/v1/power", json=asked)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_waves_are_dealt_equally_in_each_stratum_with_their_balance(client: httpx.AsyncClient) -> None:
    design = await dealt(client, units=TEAMS, seed=7)

    assert (design["seed"], design["sizes"]) == (7, [4, 4, 4])
    starts = dict(zip((1, 2, 3), WAVES, strict=True))
    assert all(each["starts_on"] == starts[each["wave"]] for each in design["units"])
    north = [each["wave"] for each in design["units"][:6]]
    assert sorted(north) == [1, 1, 2, 2, 3, 3]
    [row] = design["balance"]
    sizes = {each["unit"]: each["covariates"]["size"] for each in TEAMS}
    first = [sizes[each["unit"]] for each in design["units"] if each["wave"] == 1]
    assert (row["covariate"], row["means"][0]) == ("size", pytest.approx(sum(first) / 4))
    assert row["flagged"] is (row["largest"] > 0.25)
    assert (await client.get(f"/v1/rollout-designs/{design['id']}")).json() == design


async def test_the_same_seed_gives_the_same_draw_and_without_one_it_is_drawn_and_recorded(
    client: httpx.AsyncClient,
) -> None:
    drawn = await dealt(client, units=TEAMS)
    again = await dealt(client, units=TEAMS, seed=drawn["seed"])
    other = await dealt(client, units=TEAMS)

    assert (again["units"], again["sha256"]) == (drawn["units"], drawn["sha256"])
    assert other["seed"] != drawn["seed"]


async def test_each_way_to_roll_out_says_what_it_could_show(client: httpx.AsyncClient) -> None:
    design = await dealt(client, units=TEAMS, outlook=OUTLOOK)

    offers = {offer["name"]: offer["smallest_effect"] for offer in design["offers"]}
    assert offers["at_once"] is None
    assert design["smallest_effect"] == pytest.approx(offers["stepped_wedge_3"])
    assert offers["half_waits"] > 0
    assert (await dealt(client, units=TEAMS))["offers"] == []


async def test_an_audience_is_dealt_by_person_or_by_org_unit(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    team = await make(client, "org-units")
    audience = (await client.get("/v1/audiences", params={"initiative_id": asked.initiative})).json()["items"][0]
    for person in asked.operators[:2]:
        await client.patch(f"/v1/people/{person}", json={"org_unit_id": team["id"]})

    people = await dealt(client, audience_id=audience["id"], level="person", initiative_id=asked.initiative)
    too_few = await client.post("/v1/rollout-designs", json={"wave_starts": WAVES, "audience_id": audience["id"]})

    assert sorted(each["unit"] for each in people["units"]) == sorted(asked.operators[:7])
    assert (too_few.status_code, too_few.json()["errors"][0]["code"]) == (422, "too_few_units")
    assert "1 units cannot fill 3 waves" in too_few.json()["detail"]


async def test_what_cannot_be_dealt_is_refused(client: httpx.AsyncClient, rival: Organisation) -> None:
    theirs = await make(rival.client, "audiences")
    wrong: list[tuple[Body, str | None]] = [
        ({}, ""),
        ({"units": TEAMS, "wave_starts": WAVES[::-1]}, ""),
        ({"units": [TEAMS[0], TEAMS[0], TEAMS[1]]}, None),
        ({"units": [{"unit": "A", "covariates": {"size": 1}}, *TEAMS[:2], {"unit": "B"}]}, "/units/3/covariates"),
        ({"audience_id": theirs["id"]}, "/audience_id"),
        ({"units": TEAMS, "outlook": OUTLOOK | {"first_start": 24, "periods": 24}}, "/outlook"),
        ({"units": TEAMS, "level": "planet"}, "/level"),
    ]
    for asked, pointer in wrong:
        refused = await client.post("/v1/rollout-designs", json={"wave_starts": WAVES} | asked)

        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), (asked, refused.text)
        assert refused.json()["errors"][0].get("pointer") == pointer, asked
