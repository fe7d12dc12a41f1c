"""The catalogue over REST: what it publishes is enough to compute, and computes what it publishes."""

import httpx

from app.domain.metrics import METRICS


async def test_the_catalogue_lists_every_metric_with_what_is_needed_to_compute_it(client: httpx.AsyncClient) -> None:
    published = (await client.get("/v1/metrics")).json()["metrics"]

    assert [row["slug"] for row in published] == [row.slug for row in METRICS]
    assert all(row["formula"] and row["source"] and len(row["vectors"]) >= 2 for row in published)


async def test_every_published_vector_comes_out_of_the_published_address(client: httpx.AsyncClient) -> None:
    published = (await client.get("/v1/metrics")).json()["metrics"]
    wrong = []

    for row in published:
        for vector in row["vectors"]:
            asked = {"inputs": vector["inputs"], "parameters": vector["parameters"]}
            figure = (await client.post(f"/v1/metrics/{row['slug']}/evaluate", json=asked)).json()
            for name, value in vector["expected"].items():
                given = figure.get(name)
                fits = (
                    set(value) <= {caveat["code"] for caveat in given}
                    if name == "caveats" and given
                    else given == value
                )
                if not fits:
                    wrong.append((vector["id"], name, value, given))

    assert wrong == []


async def test_inputs_that_cannot_be_read_are_refused_where_they_stand(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/metrics/progress/evaluate", json={"inputs": {"baseline": 1.5, "target": "x"}})

    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} >= {"/inputs/baseline", "/inputs/target"}


async def test_an_unknown_metric_is_404_and_says_where_the_list_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/metrics/vibes")

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_metric"
    assert "/v1/metrics" in answer.json()["detail"]
