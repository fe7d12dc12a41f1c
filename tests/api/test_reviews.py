"""Reviews, decisions and actions: what is held, waived or dropped says when and why."""

import httpx

from tests.builders import make


async def test_holding_a_review_dates_it(client: httpx.AsyncClient) -> None:
    row = await make(client, "reviews")
    path = f"/v1/reviews/{row['id']}"

    held = (await client.post(f"{path}/hold")).json()
    again = (await client.post(f"{path}/reschedule")).json()

    assert (row["status"], row["held_on"]) == ("scheduled", None)
    assert (held["status"], held["held_on"]) == ("held", held["recorded_at"][:10])
    assert (again["status"], again["held_on"]) == ("scheduled", None)


async def test_waiving_needs_a_reason_and_missing_an_overdue_day(client: httpx.AsyncClient) -> None:
    row = await make(client, "reviews", due_on="2999-01-01")
    path = f"/v1/reviews/{row['id']}"

    unreasoned = await client.post(f"{path}/waive")
    early = await client.post(f"{path}/miss")
    await client.patch(path, json={"reason": "The plant is closed", "due_on": "2026-05-01"})
    missed = await client.post(f"{path}/miss")
    waived = await client.post(f"{path}/waive")

    assert [fault["code"] for fault in unreasoned.json()["errors"]] == ["reason_missing"]
    assert [fault["code"] for fault in early.json()["errors"]] == ["not_due_yet"]
    assert (missed.json()["status"], waived.json()["status"]) == ("missed", "waived")


async def test_an_action_carries_out_a_decision_of_its_own_review(client: httpx.AsyncClient) -> None:
    decision = await make(client, "decisions", 1)
    other = await make(client, "reviews", 2)

    refused = await client.post(
        "/v1/actions",
        json={"review_id": other["id"], "decision_id": decision["id"], "title": "A", "due_on": "2026-05-01"},
    )

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/decision_id"


async def test_an_action_is_done_dropped_or_overdue(client: httpx.AsyncClient) -> None:
    row = await make(client, "actions", due_on="2026-05-01")
    path = f"/v1/actions/{row['id']}"

    overdue = (await client.post(f"{path}/mark-overdue")).json()
    undropped = await client.post(f"{path}/drop")
    done = (await client.post(f"{path}/complete")).json()

    assert overdue["status"] == "overdue"
    assert undropped.status_code == 409
    assert (done["status"], done["closed_on"]) == ("done", done["recorded_at"][:10])


async def test_a_day_sent_with_an_action_that_takes_none_is_refused(client: httpx.AsyncClient) -> None:
    review = await make(client, "reviews")

    refused = await client.post(f"/v1/reviews/{review['id']}/hold", json={"held_on": "2026-03-01"})

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "/held_on"
    assert (await client.post(f"/v1/reviews/{review['id']}/hold", json={})).is_success
