"""Stored facts to estimate from: operators measured for four quarters, some of them offered an initiative."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.builders import Body, make

QUARTERS = ["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01", "2027-01-01"]
OFFERED_ON = "2026-07-01"
OPERATORS, EXPOSED, EFFECT = 16, 7, -1.5


@dataclass(frozen=True)
class Study:
    """What an estimate is asked about."""

    initiative: str
    outcome: str
    kpi: str
    operators: tuple[str, ...]

    @property
    def about(self) -> Body:
        """The ids that a request names."""
        return {"initiative_id": self.initiative, "outcome_id": self.outcome}


async def study(client: httpx.AsyncClient, *, effect: float = EFFECT, **initiative: Any) -> Study:
    """Make an initiative that was offered to the people of some operators, and what all of them scrapped."""
    made = await make(client, "initiatives", **initiative)
    audience = await make(client, "audiences", initiative_id=made["id"])
    named = [{"external_id": f"operator-{n:02}", "name": f"Operator {n:02}"} for n in range(OPERATORS)]
    written = await client.post("/v1/people/batch", json={"items": named})
    operators = [each["id"] for each in written.json()["items"]]
    members = {"items": [{"person_id": each, "offered_on": OFFERED_ON} for each in operators[:EXPOSED]]}
    assert (await client.post(f"/v1/audiences/{audience['id']}/members", json=members)).is_success
    outcome, kpi = await measured(client, operators, effect=effect)
    return Study(made["id"], outcome, kpi, tuple(operators))


async def measured(
    client: httpx.AsyncClient, operators: Sequence[str], *, effect: float, n: int = 0
) -> tuple[str, str]:
    """Make an outcome with its KPI measured of every operator and quarter; return the ids of both."""
    kpi = (await make(client, "kpis", n))["id"]
    outcome = await make(client, "outcomes", n, kpi_id=kpi)
    await measure(client, kpi, operators, effect=effect, quarters=range(4), n=n)
    return outcome["id"], kpi


async def measure(
    client: httpx.AsyncClient, kpi: str, operators: Sequence[str], *, effect: float, quarters: Any, n: int = 0
) -> None:
    """Record values: a level of each operator, a common drift, some noise, and the effect on the exposed."""
    items = [
        {
            "kpi_id": kpi,
            "subject_kind": "person",
            "subject_id": operator,
            "period_start": QUARTERS[quarter],
            "period_end": QUARTERS[quarter + 1],
            "value": str(
                round(
                    10
                    + at % 5
                    - quarter / 4
                    + ((at * 7 + quarter * 5 + n * 3) % 11) / 10
                    + effect * (at < EXPOSED and quarter > 1),
                    3,
                )
            ),
        }
        for at, operator in enumerate(operators)
        for quarter in quarters
    ]
    answer = await client.post("/v1/measurements/batch", json={"items": items})
    assert answer.json()["refused"] == 0, answer.text


async def locked_plan(client: httpx.AsyncClient, about: Body, **plan: Any) -> Body:
    """Write a plan and lock it."""
    made = (await client.post("/v1/evaluation-plans", json=about | {"estimators": ["did_2x2"]} | plan)).json()
    answer = await client.post(f"/v1/evaluation-plans/{made['id']}/lock")
    assert answer.is_success, answer.text
    return answer.json()
