"""Commitments: open, kept or broken, with the day on which they were kept."""

import httpx

from tests.builders import make


async def test_keeping_a_commitment_dates_it_and_reopening_takes_the_date_back(client: httpx.AsyncClient) -> None:
    row = await make(client, "commitments")
    path = f"/v1/commitments/{row['id']}"

    kept = (await client.post(f"{path}/keep")).json()
    opened = (await client.post(f"{path}/reopen")).json()
    broken = (await client.post(f"{path}/break")).json()

    assert (row["status"], row["kept_on"]) == ("open", None)
    assert (kept["status"], kept["kept_on"]) == ("kept", kept["recorded_at"][:10])
    assert (opened["status"], opened["kept_on"]) == ("open", None)
    assert (broken["status"], broken["kept_on"]) == ("broken", None)


async def test_the_day_told_is_not_overwritten(client: httpx.AsyncClient) -> None:
    row = await make(client, "commitments", kept_on="2026-04-29")

    kept = await client.post(f"/v1/commitments/{row['id']}/keep")

    assert kept.json()["kept_on"] == "2026-04-29"


async def test_a_kept_commitment_is_not_broken_without_being_reopened(client: httpx.AsyncClient) -> None:
    row = await make(client, "commitments")
    await client.post(f"/v1/commitments/{row['id']}/keep")

    refused = await client.post(f"/v1/commitments/{row['id']}/break")

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
