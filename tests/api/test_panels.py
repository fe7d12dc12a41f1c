"""Panels that are brought: what is kept and told of them, and what is refused with the place where it stands."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.builders import Body
from tests.engines import Organisation

UNITS, PERIODS, START = 24, 6, 4
DESCRIBED = {"unit": "team", "period": "month", "outcome": "errors", "first_exposed": "since"}


def rows(units: int = UNITS, exposed: int = 10, *, effect: float = -2.0, start: int = START) -> list[Body]:
    """A level of each team, a common drift, some noise, and an effect on the exposed."""
    return [
        {
            "team": f"T{unit:02}",
            "month": month,
            "errors": 20
            + unit % 7
            - month / 2
            + (unit * 5 + month * 3) % 7 / 5
            + effect * (unit < exposed <= units and month >= start),
            "since": start if unit < exposed else None,
            "size": unit % 4 + 1,
            "floor": unit // 4,
        }
        for unit in range(units)
        for month in range(1, PERIODS + 1)
    ]


async def posted(client: httpx.AsyncClient, table: list[Body], **described: Any) -> Body:
    answer = await client.post("/v1/panels", json=DESCRIBED | described | {"rows": table})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def estimated(client: httpx.AsyncClient, panel: Body, *slugs: str, **options: Any) -> httpx.Response:
    asked = {"panel_id": panel["id"], "estimators": list(slugs), "options": options}
    return await client.post("/v1/effect-estimates", json=asked)


async def test_a_panel_is_kept_under_its_hash_and_told_in_numbers(client: httpx.AsyncClient) -> None:
    panel = await posted(client, rows(), title="Errors", covariates=["size"], assignment="rollout")

    assert (panel["rows"], panel["units"], panel["exposed_units"]) == (144, 24, 10)
    assert (panel["periods"], panel["shape"], panel["exposure_lasts"]) == ([1, 2, 3, 4, 5, 6], "panel", True)
    assert panel["description"]["covariates"] == ["size"]
    outcome, size = panel["balance"]
    assert (outcome["variable"], size["variable"]) == ("outcome", "size")
    assert (size["mean_exposed"], size["mean_others"]) == pytest.approx((2.3, 37 / 14))
    assert size["flagged"] is (abs(size["standardised_difference"]) > 0.25)
    assert [each["code"] for each in panel["diagnostics"]] == [
        "composition",
        "missing_outcome",
        "attrition",
        "retention",
        "raw_means",
    ]
    assert (await client.get(f"/v1/panels/{panel['id']}")).json() == panel
    assert (await client.get("/v1/panels", params={"sha256": panel["sha256"]})).json()["items"] == [panel]


async def test_the_same_data_have_the_same_hash_as_json_and_as_csv(client: httpx.AsyncClient) -> None:
    table = rows()
    header = ",".join(table[0])
    lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in table]

    as_json = await posted(client, table)
    as_csv = await client.post(
        "/v1/panels",
        params=DESCRIBED,
        content="\ufeff" + "\r\n".join([header, *lines]),
        headers={"Content-Type": "text/csv; charset=utf-8"},
    )
    other = await posted(client, [*table[:-1], table[-1] | {"errors": 0}])

    assert as_csv.status_code == 201, as_csv.text
    assert as_csv.json()["sha256"] == as_json["sha256"] != other["sha256"]


async def test_rows_come_back_as_sent_with_the_columns_described(client: httpx.AsyncClient) -> None:
    table = rows()
    panel = await posted(client, table)

    read = (await client.get(f"/v1/panels/{panel['id']}/rows", params={"offset": 142, "limit": 5})).json()

    assert (read["columns"], read["total"]) == (["team", "month", "since", "errors"], 144)
    assert read["rows"] == [[row["team"], row["month"], row["since"], row["errors"]] for row in table[142:]]


async def test_a_panel_belongs_to_its_tenant(client: httpx.AsyncClient, rival: Organisation) -> None:
    panel = await posted(rival.client, rows())

    answers = [await client.get(f"/v1/panels/{panel['id']}{part}") for part in ("", "/rows")]
    estimate = await estimated(client, panel, "did_2x2")

    assert [answer.status_code for answer in answers] == [404, 404]
    assert (estimate.status_code, estimate.json()["errors"][0]["pointer"]) == (422, "/panel_id")


def changed(at: int, **cells: Any) -> list[Body]:
    table = rows()
    table[at] |= cells
    return table


REFUSED = [
    ("a column that is not there", rows(), {"outcome": "mistakes"}, "unknown_column", "/outcome"),
    ("text for a number", changed(3, errors="many"), {}, "not_a_number", "/rows/3/errors"),
    ("a unit and period twice", changed(1, month=1), {}, "duplicate_unit_period", "/rows/1/team"),
    ("a unit without a name", changed(0, team=None), {}, "bad_label", "/unit"),
    ("an object for a label", changed(2, team={"x": 1}), {}, "bad_label", "/rows/2/team"),
    ("two starts of one unit", changed(1, since=5), {}, "first_exposed_varies", "/rows/1/since"),
    ("the same outcome everywhere", [row | {"errors": 1} for row in rows()], {}, "constant_outcome", "/rows"),
    ("exposure after the outcome", rows(start=7), {}, "none_treated", "/rows"),
    ("a logarithm of nothing", changed(5, errors=0), {"transform": "log"}, "log_of_nonpositive", "/rows/5/errors"),
    ("weights of nothing", changed(4, size=0), {"weights": "size"}, "weight_not_positive", "/rows/4/size"),
    ("a gap in a covariate", changed(4, size=None), {"covariates": ["size"]}, "not_a_number", "/rows/4/size"),
    (
        "a unit that moves between clusters",
        changed(7, floor=9),
        {"cluster": "floor"},
        "cluster_varies",
        "/rows/7/floor",
    ),
    (
        "exposure neither 0 nor 1",
        rows(),
        {"first_exposed": None, "exposure": "size"},
        "exposure_not_binary",
        "/rows/6/size",
    ),
    ("no exposure", rows(), {"first_exposed": None}, "value_error", ""),
    ("no rows", [], {}, "too_short", "/rows"),
    ("an unknown field", rows(), {"grade": 5}, "extra_forbidden", "/grade"),
]


async def test_rows_that_would_make_an_estimate_wrong_are_refused_where_they_stand(client: httpx.AsyncClient) -> None:
    for what, table, described, code, pointer in REFUSED:
        refused = await client.post("/v1/panels", json=DESCRIBED | described | {"rows": table})

        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), (what, refused.text)
        fault = refused.json()["errors"][0]
        assert (fault["code"], fault["pointer"]) == (code, pointer), what
    assert (await client.get("/v1/panels")).json()["items"] == []


async def test_nan_is_refused_in_json_and_in_csv(client: httpx.AsyncClient) -> None:
    as_json = await client.post(
        "/v1/panels", content='{"outcome": "y", "rows": [{"y": NaN}]}', headers={"Content-Type": "application/json"}
    )
    as_csv = await client.post(
        "/v1/panels",
        params={"outcome": "y", "exposure": "d"},
        content="y,d\n1,0\nnan,1\n2,1\n",
        headers={"Content-Type": "text/csv"},
    )

    assert (as_json.status_code, as_json.json()["code"]) == (400, "invalid_json")
    assert (as_csv.status_code, as_csv.json()["code"]) == (422, "invalid_request")
    assert (as_csv.json()["errors"][0]["code"], as_csv.json()["errors"][0]["pointer"]) == ("not_a_number", "/rows/1/y")


@pytest.mark.parametrize(
    ("text", "parameters", "place"),
    [
        ("y,d\n1,0\n2\n", {"outcome": "y", "exposure": "d"}, ("pointer", "/rows/1")),
        ("y,y\n1,0\n", {"outcome": "y", "exposure": "d"}, ("pointer", "/rows")),
        ("", {"outcome": "y", "exposure": "d"}, ("pointer", "/rows")),
        ('y,d\n"1,0\n', {"outcome": "y", "exposure": "d"}, ("pointer", "/rows")),
        ("y,d\n1,0\n", {"outcome": "y", "exposure": "d", "assignment": "magic"}, ("parameter", "assignment")),
        ("y,d\n1,0\n", {"exposure": "d"}, ("parameter", "outcome")),
        ("y,d\n1,0\n", {"outcome": "y", "exposure": "d", "colour": "red"}, ("parameter", "colour")),
    ],
)
async def test_csv_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, text: str, parameters: Body, place: tuple[str, str]
) -> None:
    headers = {"Content-Type": "text/csv"}
    refused = await client.post("/v1/panels", params=parameters, content=text, headers=headers)

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0][place[0]] == place[1]


async def test_a_panel_that_is_too_large_is_told_the_limit(app: FastAPI, client: httpx.AsyncClient) -> None:
    most = app.state.settings.max_panel_bytes
    headers = {"Content-Type": "text/csv", "Content-Length": str(most + 1)}

    refused = await client.post("/v1/panels", params=DESCRIBED, content=b"team", headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert f"{most:,}" in refused.json()["detail"]


async def test_a_panel_posted_twice_with_one_key_is_kept_once(client: httpx.AsyncClient) -> None:
    body, headers = DESCRIBED | {"rows": rows()}, {"Idempotency-Key": "panel"}

    first, again = [await client.post("/v1/panels", json=body, headers=headers) for _ in range(2)]

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_service_answers_others_while_it_estimates(client: httpx.AsyncClient) -> None:
    panel = await posted(client, rows())

    answers = await asyncio.gather(
        estimated(client, panel, "did_2x2"), client.get("/healthz"), client.get(f"/v1/panels/{panel['id']}")
    )

    assert [answer.status_code for answer in answers] == [201, 200, 200]


def test_the_engine_is_imported_at_first_use_and_not_at_the_start() -> None:
    code = "import sys; from app.main import create_app; create_app(); print({'numpy', 'scipy'} & sys.modules.keys())"

    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout.strip() == "set()"
