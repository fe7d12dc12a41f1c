"""What is read: objectives with outcomes, initiatives and measurements in one tenant, made over REST."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

OBJECTIVES = 50
OUTCOMES = 2
INITIATIVES = 2


async def _made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answer = await client.post(f"/v1/{path}", json=body)
    answer.raise_for_status()
    found: str = answer.json()["id"]
    return found


async def grow(client: httpx.AsyncClient) -> None:
    """Make the tree: every outcome measured twice, and served by initiatives of its own."""
    kpi = await _made(client, "kpis", {"name": "Scrap rate", "unit": "items per 100", "direction": "lower_is_better"})
    owner = await _made(client, "people", {"name": "Goal owner"})
    for month, value in ((1, "4.4"), (2, "4.1")):
        period = {"period_start": f"2026-0{month}-01", "period_end": f"2026-0{month + 1}-01"}
        await _made(client, "measurements", {"kpi_id": kpi, "value": value, **period})
    for number in range(OBJECTIVES):
        objective = await _made(client, "objectives", {"title": f"Objective {number}", "goal_owner_id": owner})
        await asyncio.gather(*(_branch(client, objective, kpi, f"{number}.{each}") for each in range(OUTCOMES)))


async def _branch(client: httpx.AsyncClient, objective: str, kpi: str, number: str) -> None:
    fields = {"objective_id": objective, "kpi_id": kpi, "baseline": "4.6", "target": "3.45"}
    dates = {"starts_on": "2026-01-01", "due_on": "2026-12-31"}
    outcome = await _made(client, "outcomes", {"title": f"Outcome {number}", **fields, **dates})
    for each in range(INITIATIVES):
        initiative = await _made(client, "initiatives", {"title": f"Initiative {number}.{each}"})
        link = {"initiative_id": initiative, "outcome_id": outcome, "hypothesis": "Practice makes perfect."}
        await _made(client, "alignments", link)
