"""Figures of sections 3 and 7 of the catalogue from stored facts: what was recorded goes in, and nothing else."""

from typing import Any

import httpx
import pytest

from tests.builders import make
from tests.engines import Organisation

Row = dict[str, Any]


async def figure(client: httpx.AsyncClient, metric: str, subject: str, **asked: str) -> Row:
    answer = await client.get("/v1/figures", params={"metric": metric, "subject": subject, **asked})
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["items"]
    return dict(found)


def codes(found: Row) -> list[str]:
    return [caveat["code"] for caveat in found["caveats"]]


async def people(client: httpx.AsyncClient, count: int, **fields: Any) -> list[str]:
    items = [{"external_id": f"p{n}", "name": f"P {n}"} | fields for n in range(count)]
    answer = await client.post("/v1/people/batch", json={"items": items})
    return [each["id"] for each in answer.json()["items"]]


async def batch(client: httpx.AsyncClient, noun: str, items: list[Row]) -> None:
    sent = [{"external_id": f"{noun}-{n}"} | item for n, item in enumerate(items)]
    answer = await client.post(f"/v1/{noun}/batch", json={"items": sent})
    assert (answer.status_code, answer.json().get("refused")) == (200, 0), answer.text


async def audience(client: httpx.AsyncClient, initiative: str, members: list[str], offered_on: str) -> None:
    group = await make(client, "audiences", initiative_id=initiative)
    items = [{"person_id": person, "offered_on": offered_on} for person in members]
    answer = await client.post(f"/v1/audiences/{group['id']}/members", json={"items": items})
    assert answer.status_code == 200, answer.text


async def test_answers_to_a_survey_become_its_figures(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", invited=20)
    initiative = survey["initiative_id"]
    scores = [10, 9, 9, 8, 7, 6, 0, 3]
    await batch(
        client,
        "survey-responses",
        [
            {
                "survey_id": survey["id"],
                "answered_on": "2026-04-21",
                "recommend": score,
                "intent": "will_apply" if n < 6 else "might_apply",
                "planned_percent": 10 * n,
                "within_six_weeks": n < 2,
            }
            for n, score in enumerate(scores)
        ],
    )

    nps = await figure(client, "learning_nps", initiative)
    intent = await figure(client, "intent_to_apply", initiative)
    planned = await figure(client, "scrap_rate", initiative)
    soon = await figure(client, "scrap_rate{definition=6wk}", initiative)
    rate = await figure(client, "response_rate", initiative)

    assert (nps["value"], nps["n_people"]) == ("0", 8)
    for each in (nps, intent, planned, soon):
        assert "8 of 20 invited people answered." in [caveat["detail"] for caveat in each["caveats"]]
    assert (intent["value"], intent["numerator"]) == ("0.75", "6")
    assert (planned["value"], soon["value"]) == ("65", "75")
    assert (rate["value"], rate["denominator"]) == ("0.4", "20")


async def test_who_answers_twice_counts_once_by_the_latest_answer(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys")
    persons = await people(client, 6)
    answers = [{"survey_id": survey["id"], "person_id": person, "recommend": 0} for person in persons]
    earlier = [each | {"answered_on": "2026-04-21"} for each in answers]
    later = [each | {"answered_on": "2026-04-25", "recommend": 10} for each in answers]
    await batch(client, "survey-responses", earlier + later)

    found = await figure(client, "learning_nps", survey["initiative_id"])

    assert (found["value"], found["n_people"]) == ("100", 6)


async def test_a_survey_can_ask_for_more_responses_before_anything_is_shown(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys", minimum_responses=8)
    rows = [{"survey_id": survey["id"], "answered_on": "2026-04-21", "recommend": 9} for _ in range(7)]
    await batch(client, "survey-responses", rows)

    seven = await figure(client, "learning_nps", survey["initiative_id"])
    await batch(client, "survey-responses", [*rows, rows[0]])
    eight = await figure(client, "learning_nps", survey["initiative_id"])

    assert (seven["status"], seven["value"], eight["status"]) == ("suppressed", None, "ok")


async def test_answers_are_cut_by_role_and_as_they_stood(client: httpx.AsyncClient) -> None:
    survey = await make(client, "surveys")
    persons = await people(client, 12)
    for n, person in enumerate(persons):
        await client.patch(f"/v1/people/{person}", json={"role": "operator" if n < 6 else "fitter"})
    said = [
        {"survey_id": survey["id"], "person_id": person, "answered_on": "2026-04-21", "recommend": 10 if n < 6 else 0}
        for n, person in enumerate(persons)
    ]
    await batch(client, "survey-responses", said)
    newest = (await client.get("/v1/survey-responses", params={"limit": 1})).json()["items"][0]
    await client.delete(f"/v1/survey-responses/{newest['id']}")
    asked = {"metric": "learning_nps", "subject": survey["initiative_id"]}

    cut = (await client.get("/v1/figures", params=asked | {"by": "role"})).json()["items"]
    then = await figure(client, "learning_nps", survey["initiative_id"], as_of=newest["recorded_at"])
    now = await figure(client, "learning_nps", survey["initiative_id"])

    shown = {each["segment"]["role"]: each["value"] for each in cut if each["status"] == "ok"}
    assert shown.items() <= {"operator": "100", "fitter": "-100"}.items()
    assert (then["n_people"], now["n_people"]) == (12, 11)


async def test_silence_is_not_applied_and_self_report_is_not_observation(client: httpx.AsyncClient) -> None:
    behaviour = await make(client, "behaviours")
    initiative = behaviour["initiative_id"]
    persons = await people(client, 10)
    await audience(client, initiative, persons, "2026-01-10")
    seen = [
        (0, True, "manager"),
        (1, True, "peer"),
        (2, False, "manager"),
        (3, True, "self_report"),
        (4, False, "expert"),
    ]
    await batch(
        client,
        "observations",
        [
            {
                "behaviour_id": behaviour["id"],
                "person_id": persons[n],
                "observed_on": "2026-05-01",
                "at_criterion": shown,
                "observer": observer,
            }
            for n, shown, observer in [*seen, (5, False, "system")]
        ],
    )

    of_all = await figure(client, "application_rate", initiative)
    observed = await figure(client, "application_rate{denominator=respondents}", initiative)

    assert (of_all["value"], of_all["numerator"], of_all["denominator"]) == ("0.2", "2", "10")
    assert (observed["value"], observed["denominator"]) == ("0.4", "5")
    assert "self_reported" in codes(of_all)


async def test_deeds_on_record_come_before_what_a_survey_says(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    survey = await make(client, "surveys", initiative_id=initiative, respondent="manager")
    persons = await people(client, 7)
    await audience(client, initiative, persons, "2026-01-10")
    deeds = ("goal_agreed", "chance_given", "follow_up_held")
    common = {"initiative_id": initiative, "noted_on": "2026-02-01"}
    await batch(
        client,
        "support-deeds",
        [common | {"person_id": person, "deed": deed, "done": True} for person in persons[:5] for deed in deeds],
    )
    told = {"survey_id": survey["id"], "answered_on": "2026-04-22", **dict.fromkeys(deeds, False)}
    await batch(client, "survey-responses", [told | {"person_id": person} for person in persons[4:6]])

    found = await figure(client, "manager_support_index", initiative)

    assert (found["numerator"], found["denominator"], found["n_people"]) == ("15", "18", 6)
    assert sorted(codes(found)) == ["from_surveys", "unknown_deeds"]


async def test_scores_of_any_scale_are_matched_person_by_person(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    persons = await people(client, 11)
    scored = [
        {"initiative_id": initiative, "person_id": person, "moment": moment, "score": score, "taken_on": day}
        | {"minimum": "0", "maximum": maximum}
        for person in persons[:10]
        for moment, score, maximum, day in (
            ("pre", "20", "50", "2026-01-10"),
            ("post", "60", "100", "2026-02-10"),
            ("post", "99", "100", "2026-03-10"),
            ("delayed", "45", "100", "2026-06-10"),
        )
    ]
    unmatched = {"person_id": persons[10], "moment": "post", "score": "90", "taken_on": "2026-02-10"}
    await batch(client, "assessment-scores", [*scored, unmatched | {"initiative_id": initiative}])

    gain = await figure(client, "score_gain", initiative)
    kept = await figure(client, "retention_of_learning", initiative)
    change = await figure(client, "normalised_gain", initiative)

    assert (gain["value"], gain["n_people"]) == ("20", 10)
    assert "0.75" in (kept["value"], kept["numerator"])
    assert change["value"] == "0.333333"


async def test_nine_people_are_too_few_to_show_scores(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    rows = [
        {"initiative_id": initiative, "person_id": person, "moment": moment, "score": "50", "taken_on": "2026-02-10"}
        for person in await people(client, 9)
        for moment in ("pre", "post")
    ]
    await batch(client, "assessment-scores", rows)

    assert (await figure(client, "score_gain", initiative))["status"] == "suppressed"


async def test_the_way_to_proficiency_counts_from_joining_and_needs_to_be_held(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    standard = await make(client, "proficiency-standards", initiative_id=initiative, hold_days=30)
    persons = await people(client, 12, joined_on="2026-01-01")
    ways = [{"standard_id": standard["id"], "person_id": person, "attained_on": "2026-03-02"} for person in persons]
    await batch(client, "standard-attainments", ways)

    found = await figure(client, "time_to_proficiency", initiative)

    assert (found["value"], found["n_people"]) == ("60", 12)
    assert found["parameters"]["hold_days"] == 30


async def test_reviews_decisions_actions_and_commitments_are_counted_by_their_days(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    reviews = [await make(client, "reviews", n, initiative_id=initiative, due_on="2026-05-01") for n in range(4)]
    held = {"held_on": "2026-04-28"}
    for review, fields in ((reviews[0], held), (reviews[1], {"held_on": "2026-05-02"}), (reviews[2], {"reason": "R"})):
        await client.patch(f"/v1/reviews/{review['id']}", json=fields)
    for review, verb in ((reviews[0], "hold"), (reviews[1], "hold"), (reviews[2], "waive")):
        assert (await client.post(f"/v1/reviews/{review['id']}/{verb}")).status_code == 200
    await make(client, "decisions", review_id=reviews[0]["id"])
    for n, closed_on in enumerate(("2026-04-30", "2026-05-09", None)):
        action = await make(client, "actions", n, review_id=reviews[0]["id"], due_on="2026-05-01", closed_on=closed_on)
        if closed_on:
            await client.post(f"/v1/actions/{action['id']}/complete")
    for n, role in enumerate(("manager", "manager", "sponsor")):
        promised = await make(client, "commitments", n, initiative_id=initiative, role=role)
        if n == 0:
            await client.post(f"/v1/commitments/{promised['id']}/keep")

    adherence = await figure(client, "review_adherence", initiative)
    decided = await figure(client, "decision_rate", initiative)
    actions = await figure(client, "action_on_time", initiative)
    managers = await figure(client, "stakeholder_engagement{role=manager}", initiative)
    everyone = await figure(client, "stakeholder_engagement", initiative)

    assert (adherence["numerator"], adherence["denominator"], codes(adherence)) == ("1", "3", ["waived"])
    assert (decided["numerator"], decided["denominator"]) == ("1", "2")
    assert (actions["numerator"], actions["denominator"]) == ("1", "3")
    assert (managers["value"], everyone["denominator"]) == ("0.5", "3")


async def test_forecasts_are_held_against_what_came(client: httpx.AsyncClient) -> None:
    outcome = (await make(client, "outcomes"))["id"]
    for n, actual in enumerate(("3.5", "4.5", None)):
        fields = {"for_on": "2026-08-01", "actual": actual} if actual else {}
        await make(client, "forecasts", n, outcome_id=outcome, **fields)

    found = await figure(client, "forecast_calibration", outcome)

    assert (found["value"], found["denominator"]) == ("0.5", "2")


async def test_alignment_is_counted_in_three_tiers(acme: Organisation) -> None:
    client = acme.client
    tenant = (await client.get("/v1/tenant")).json()["id"]
    objective = await make(client, "objectives")
    await client.post(f"/v1/objectives/{objective['id']}/activate")
    measurable = await make(client, "outcomes", 1, objective_id=objective["id"])
    linked = await make(client, "outcomes", 2, objective_id=objective["id"], baseline=None)
    signed = await make(client, "alignments", 1, outcome_id=measurable["id"])
    await make(client, "agreements", alignment_id=signed["id"])
    await make(client, "alignments", 2, outcome_id=measurable["id"])
    await make(client, "alignments", 3, outcome_id=linked["id"])
    await make(client, "initiatives", 4)
    idle = await make(client, "objectives", 9, priority=1)
    await client.post(f"/v1/objectives/{idle['id']}/activate")

    tiers = [
        (await figure(client, f"alignment_coverage{{tier={tier}}}", tenant))["value"]
        for tier in ("linked", "measurable", "agreed")
    ]
    support = await figure(client, "objective_support", tenant)
    owners = await figure(client, "accountability_coverage", tenant)

    assert tiers == ["0.75", "0.5", "0.25"]
    assert (support["numerator"], support["denominator"]) == ("5", "10")
    assert owners["value"] == "0"


async def test_what_an_initiative_lacks_is_listed(client: httpx.AsyncClient) -> None:
    alignment = await make(client, "alignments")
    initiative = alignment["initiative_id"]
    await client.patch(f"/v1/initiatives/{initiative}", json={"planned_levels": [1, 3]})

    before = await figure(client, "evaluability_score", initiative)
    await make(client, "behaviours", initiative_id=initiative)
    await make(client, "cost-items", initiative_id=initiative)
    after = await figure(client, "evaluability_score", initiative)
    chain = await figure(client, "chain_completeness", initiative)

    assert (before["value"], after["value"]) == ("0.4", "0.6")
    assert {"generic", "missing_behaviour"} <= set(codes(before))
    assert {"missing_owner", "missing_problem", "missing_data_source", "missing_isolation_plan"} <= set(codes(after))
    assert (chain["value"], codes(chain)) == ("0", ["first_broken_link"])


async def test_content_is_fresh_within_the_interval_of_its_risk_class(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    await make(client, "review-intervals", risk_class="high", days=36500)
    await make(client, "review-intervals", 1, risk_class="volatile", days=1)
    for n, risk_class in enumerate(("high", "volatile", None)):
        activity = await make(client, "activities", n, initiative_id=initiative, risk_class=risk_class)
        await make(client, "content-versions", n, activity_id=activity["id"])

    found = await figure(client, "content_freshness", initiative)

    assert (found["value"], found["denominator"]) == ("0.5", "2")
    assert "interval_unknown" in codes(found)


async def test_scores_that_do_not_vary_have_a_gain_and_no_effect_size(client: httpx.AsyncClient) -> None:
    initiative = (await make(client, "initiatives"))["id"]
    persons = await people(client, 12)
    moments = (("pre", "2026-01-10", "50"), ("post", "2026-02-10", "60"))
    scored = [
        {"initiative_id": initiative, "person_id": each, "moment": moment, "taken_on": day, "score": score}
        for each in persons
        for moment, day, score in moments
    ]
    await batch(client, "assessment-scores", scored)

    size = await figure(client, "effect_size", initiative)
    gain = await figure(client, "score_gain", initiative)

    assert (size["status"], size["value"], size["n_people"]) == ("not_applicable", None, 12)
    assert "do not vary" in size["reason"]
    assert (gain["status"], gain["value"]) == ("ok", "10")


async def test_real_work_is_a_matter_of_design(acme: Organisation) -> None:
    client = acme.client
    initiative = (await make(client, "initiatives"))["id"]
    await make(client, "activities", 1, initiative_id=initiative, roles=["operator"], real_task=True)
    persons = await people(client, 2)
    for person, role in zip(persons, ("operator", "fitter"), strict=True):
        await client.patch(f"/v1/people/{person}", json={"role": role})
    await audience(client, initiative, persons, "2026-01-10")

    found = await figure(client, "real_work_share{of=roles}", initiative)

    assert (found["value"], found["denominator"]) == ("0.5", "2")


@pytest.mark.parametrize("metric", ["duplicate_rate", "unmatched_rate", "quarantine_rate", "late_arrival_p95"])
async def test_data_trust_of_a_tenant_and_of_a_source(acme: Organisation, metric: str) -> None:
    client = acme.client
    source = await make(client, "sources")
    tenant = (await client.get("/v1/tenant")).json()["id"]

    silent = await figure(client, metric, source["id"])
    whole = await figure(client, metric, tenant)

    assert silent["value"] is None
    assert whole["value"] is None
