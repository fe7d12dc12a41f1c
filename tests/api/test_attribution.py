"""The attribution budget: overlapping initiatives are found out, and never claim more than they did together."""

import httpx
import pytest

from tests.api.graphql.conftest import ask
from tests.api.impact.facts import OFFERED_ON, QUARTERS, study
from tests.builders import Body, make

PEOPLE, FIRST, SECOND = 100, range(50), range(15, 65)


async def two_initiatives(client: httpx.AsyncClient) -> tuple[list[str], str]:
    """Make two initiatives on one outcome that share most of their people; each takes one off, both together 1.5."""
    named = [{"external_id": f"operator-{n:03}", "name": f"Operator {n}"} for n in range(PEOPLE)]
    people = [each["id"] for each in (await client.post("/v1/people/batch", json={"items": named})).json()["items"]]
    kpi = (await make(client, "kpis"))["id"]
    outcome = (await make(client, "outcomes", kpi_id=kpi))["id"]
    made = []
    for n, reached in enumerate((FIRST, SECOND)):
        initiative = (await make(client, "initiatives", n, assignment="rollout"))["id"]
        await make(client, "alignments", n, initiative_id=initiative, outcome_id=outcome)
        audience = await make(client, "audiences", n, initiative_id=initiative)
        members = {"items": [{"person_id": people[at], "offered_on": OFFERED_ON} for at in reached]}
        assert (await client.post(f"/v1/audiences/{audience['id']}/members", json=members)).is_success
        made.append(initiative)
    items = [
        {
            "kpi_id": kpi,
            "subject_kind": "person",
            "subject_id": person,
            "period_start": QUARTERS[quarter],
            "period_end": QUARTERS[quarter + 1],
            "value": str(round(9 + at % 7 / 2 + (at * 7 + quarter * 5) % 11 / 10 - (quarter > 1) * _effect(at), 3)),
        }
        for at, person in enumerate(people)
        for quarter in range(4)
    ]
    assert (await client.post("/v1/measurements/batch", json={"items": items})).json()["refused"] == 0
    return made, outcome


def _effect(at: int) -> float:
    reached = (at in FIRST) + (at in SECOND)
    return 1.5 if reached == 2 else float(reached)


async def estimated(client: httpx.AsyncClient, initiative: str, outcome: str) -> Body:
    asked = {"initiative_id": initiative, "outcome_id": outcome, "options": {"contaminated": "keep"}}
    answer = await client.post("/v1/effect-estimates", json=asked | {"estimators": ["did_2x2"]})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def accepted(client: httpx.AsyncClient, estimate: Body, **fields: object) -> httpx.Response:
    return await client.post(f"/v1/effect-estimates/{estimate['id']}/accept", json=fields)


async def test_overlapping_initiatives_are_modelled_jointly_and_share_what_they_did(client: httpx.AsyncClient) -> None:
    [first, second], outcome = await two_initiatives(client)

    found = (await client.get(f"/v1/outcomes/{outcome}/attribution")).json()

    assert sorted(found["initiatives"]) == sorted([first, second])
    assert {(each["initiative_id"], each["shared_units"], each["flagged"]) for each in found["overlaps"]} == {
        (first, 35, True),
        (second, 35, True),
    }
    claims = {each["initiative_id"]: each for each in found["claims"]}
    assert sum(each["value"] for each in claims.values()) == pytest.approx(found["joint"]["value"])
    assert sum(each["share"] for each in claims.values()) == pytest.approx(1)
    assert found["joint"]["value"] == pytest.approx(-15 - 15 - 35 * 1.5, abs=8)
    assert found["joint"]["overclaimed"] > 1.2
    assert claims[first]["exclusive"] < 0
    assert (found["before"], found["after"]) == (QUARTERS[:2], QUARTERS[2:4])
    assert found["ledger"] == {
        "entries": [],
        "claimed": 0,
        "share": 0,
        "over": False,
        "observed_change": pytest.approx(found["ledger"]["observed_change"]),
        "share_of_observed": 0,
    }


async def test_the_ledger_refuses_claims_beyond_the_joint_effect_and_takes_the_split(client: httpx.AsyncClient) -> None:
    initiatives, outcome = await two_initiatives(client)
    items = [await estimated(client, each, outcome) for each in initiatives]

    taken = await accepted(client, items[0])
    over = await accepted(client, items[1])
    halves = [await accepted(client, each, basis="split", note="Both leads agree") for each in items]
    found = (await client.get(f"/v1/outcomes/{outcome}/attribution")).json()

    assert taken.json()["status"] == "accepted"
    claim = taken.json()["decision"]["claim"]
    assert claim["value"] == pytest.approx(items[0]["results"][0]["value"] * 50)
    assert (claim["basis"], claim["units"], claim["share"]) == ("alone", 50, None)
    assert (over.status_code, over.json()["code"]) == (409, "overclaimed")
    assert len(over.json()["errors"]) == 2
    assert [each.status_code for each in halves] == [200, 200]
    assert found["ledger"]["claimed"] == pytest.approx(found["joint"]["value"])
    assert (found["ledger"]["share"], found["ledger"]["over"]) == (pytest.approx(1), False)


async def test_a_split_claim_is_what_a_statement_values(client: httpx.AsyncClient) -> None:
    [first, _], outcome = await two_initiatives(client)
    kpi = (await client.get(f"/v1/outcomes/{outcome}")).json()["kpi_id"]
    await make(client, "unit-values", kpi_id=kpi, value={"amount": "100", "currency": "EUR"})
    await make(client, "cost-items", initiative_id=first, cost={"amount": "500", "currency": "EUR"})
    await client.patch(f"/v1/initiatives/{first}", json={"assignment": "random"})
    estimate = await estimated(client, first, outcome)
    alone = (await client.post("/v1/impact-statements", json={"effect_estimate_id": estimate["id"]})).json()

    await accepted(client, estimate, basis="split")
    split = (await client.post("/v1/impact-statements", json={"effect_estimate_id": estimate["id"]})).json()

    assert split["claim"]["basis"] == "split"
    worth = float(split["observed"]["benefit"]["amount"])
    assert worth == pytest.approx(-split["claim"]["value"] * split["stakes"]["periods"] * 100, abs=0.01)
    assert worth < float(alone["observed"]["benefit"]["amount"])
    assert any("only its share" in said for said in split["caveats"])


async def test_one_initiative_is_not_held_to_a_ledger_that_nobody_else_writes_in(client: httpx.AsyncClient) -> None:
    asked = await study(client, assignment="rollout")
    made = (await client.post("/v1/effect-estimates", json=asked.about)).json()

    answer = await accepted(client, made)
    found = (await client.get(f"/v1/outcomes/{asked.outcome}/attribution")).json()

    assert answer.json()["status"] == "accepted"
    assert [each["effect_estimate_id"] for each in found["ledger"]["entries"]] == [made["id"]]
    assert (found["ledger"]["over"], found["overlaps"]) == (False, [])


async def test_an_estimate_is_accepted_rejected_and_expires_with_its_successor(client: httpx.AsyncClient) -> None:
    asked = await study(client, assignment="rollout")
    first, second = [(await client.post("/v1/effect-estimates", json=asked.about)).json() for _ in range(2)]

    await accepted(client, first)
    await accepted(client, second)
    expired = (await client.get(f"/v1/effect-estimates/{first['id']}")).json()
    again = await accepted(client, first)
    rejected = await client.post(f"/v1/effect-estimates/{second['id']}/reject", json={"note": "A price change."})
    unexplained = await client.post(f"/v1/effect-estimates/{second['id']}/reject", json={})

    assert (first["status"], first["decision"], first["decided_at"]) == ("computed", None, None)
    assert (expired["status"], expired["decision"]["replaced_by"]) == ("expired", second["id"])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (rejected.json()["status"], rejected.json()["decision"]["claim"]) == ("rejected", None)
    assert rejected.json()["results"] == second["results"]
    assert unexplained.status_code == 422
    listed = await client.get("/v1/effect-estimates", params={"status": "rejected"})
    assert [each["id"] for each in listed.json()["items"]] == [second["id"]]


async def test_facts_that_changed_since_must_be_estimated_again_before_they_are_accepted(
    client: httpx.AsyncClient,
) -> None:
    asked = await study(client)
    made = (await client.post("/v1/effect-estimates", json=asked.about)).json()
    audience = (await client.get("/v1/audiences")).json()["items"][0]["id"]
    await client.delete(f"/v1/audiences/{audience}/members/{asked.operators[0]}")

    answer = await accepted(client, made)

    assert (answer.status_code, answer.json()["code"]) == (409, "outdated")


async def test_a_description_cannot_be_accepted(client: httpx.AsyncClient) -> None:
    asked = await study(client)
    body = asked.about | {"estimators": ["before_after"]}
    made = (await client.post("/v1/effect-estimates", json=body)).json()

    answer = await accepted(client, made)

    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")


async def test_the_graph_shows_attribution_decisions_and_states(client: httpx.AsyncClient) -> None:
    [first, second], outcome = await two_initiatives(client)
    await accepted(client, await estimated(client, first, outcome), basis="split")

    found = await ask(
        client,
        """query ($id: ID!) { outcome(id: $id) {
             attribution { joint { value } claims { initiativeId share } ledger { share entries { basis } } }
             effectEstimates { nodes { status decision { claim { basis units } } } } } }""",
        id=outcome,
    )

    told = found["data"]["outcome"]
    assert {each["initiativeId"] for each in told["attribution"]["claims"]} == {first, second}
    assert told["attribution"]["ledger"]["entries"] == [{"basis": "split"}]
    assert told["effectEstimates"]["nodes"] == [
        {"status": "ACCEPTED", "decision": {"claim": {"basis": "SPLIT", "units": 50}}}
    ]
