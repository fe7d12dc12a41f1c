"""Every metric of sections 2, 3, 4, 6 and 7 of the catalogue is answered from stored facts, and cut, over REST."""

from typing import Any

import httpx

from app.domain.metrics.catalogue import METRICS
from app.domain.metrics.spelling import Asked, variants
from app.services import inputs
from app.services.inputs._provider import BUCKETS
from tests.api.figures.scene import KINDS, Scene

ISOLATION = {
    "raw_change",
    "did",
    "estimate_adjusted",
    "accepted_effect",
    "attribution_budget",
    "simpson_check",
    "rtm_expected",
    "mde",
}
"""Section 5: they belong to the impact engine, which answers them in estimates, plans and attributions."""


def is_of(asked: Asked, found: dict[str, Any]) -> bool:
    parameter = asked.row.variant_parameter
    return found["metric"] == asked.slug and (parameter is None or found["parameters"][parameter] == asked.variant)


async def answered(client: httpx.AsyncClient, subject: str, wanted: list[Asked]) -> dict[Asked, list[str]]:
    """Ask for the figures of a subject; return for each metric that it has why there is no value, if so."""
    kind = KINDS[subject.partition("_")[0]]
    mine = [each for each in wanted if inputs.provider_of(kind, each)]
    found: dict[Asked, list[str]] = {each: [] for each in mine}
    for start in range(0, len(mine), 20):
        query = {"metric": [str(each) for each in mine[start : start + 20]], "subject": subject}
        answer = await client.get("/v1/figures", params=query)
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        for asked in mine[start : start + 20]:
            there = [each for each in items if is_of(asked, each)]
            if not any(each["value"] is not None for each in there):
                found[asked] = [f"{kind}: {each['status']}, {each['reason']}" for each in there] or [f"{kind}: none"]
    return found


WALKED = [each for each in inputs.DIMENSIONS if each not in {"day", "quarter", "year"}]
"""The buckets left out are cut by the same code with another word."""


async def cut(
    client: httpx.AsyncClient, subjects: dict[str, list[str]], wanted: list[Asked]
) -> dict[tuple[str, str], int]:
    """Ask for every metric along every dimension that it takes; return how many segments each has."""
    found: dict[tuple[str, str], int] = {}
    done: set[Asked] = set()
    for kind, listed in subjects.items():
        mine = [each for each in wanted if inputs.provider_of(kind, each) and each not in done]
        done |= set(mine)
        for dimension in WALKED:
            by = {"subject": listed, "by": dimension}
            fit = [each for each in mine if any(kind in one.subjects and dimension in one.by for one in cuts(each))]
            for start in range(0, len(fit), 20):
                asked = [str(each) for each in fit[start : start + 20]]
                answer = await client.get("/v1/figures", params={"metric": asked, **by})
                assert answer.status_code == 200, answer.text
                items = answer.json()["items"]
                assert all(set(each["segment"]) == {dimension} for each in items)
                for each in fit[start : start + 20]:
                    found[str(each), dimension] = sum(is_of(each, one) for one in items)
    return found


def cuts(asked: Asked) -> list[inputs.Cuts]:
    return [each for each in inputs.cuts_of(asked.slug) if each.asked == asked]


async def refused(client: httpx.AsyncClient, subjects: dict[str, list[str]]) -> None:
    """The catalogue says what each metric can be cut by, and why not by the rest; a refused request says the same."""
    told = {each["slug"]: each for each in (await client.get("/v1/metrics")).json()["metrics"]}
    assert told["completion_rate"]["by"] == list(inputs.DIMENSIONS[:6]) + list(BUCKETS)
    said = set()
    for row in METRICS:
        listed = told[row.slug]["cuts"]
        assert bool(listed) == (row.slug not in ISOLATION or row.slug in {"did", "estimate_adjusted"}), row.slug
        for each in listed:
            assert sorted([*each["by"], *each["refused"]]) == sorted(inputs.DIMENSIONS), each
            assert set(each["by"]) <= set(told[row.slug]["by"])
            for dimension, reason in each["refused"].items():
                assert len(reason) > 20
                kind = next((kind for kind in each["subjects"] if kind in subjects), None)
                if kind is not None and reason not in said:
                    said.add(reason)
                    asked = {"metric": each["metric"], "subject": subjects[kind], "by": dimension}
                    answer = await client.get("/v1/figures", params=asked)
                    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "no_such_segment"), asked
                    assert f"cannot be cut by {dimension}: {reason}" in answer.json()["detail"]
    assert len(said) > 20


async def test_every_metric_is_answered_and_cut_from_facts(scene: Scene) -> None:
    client = scene.client
    wanted = [each for row in METRICS if row.slug not in ISOLATION for each in variants(row)]
    reasons: dict[Asked, list[str]] = {each: [] for each in wanted}
    for subject in scene.subjects:
        for asked, why in (await answered(client, subject, wanted)).items():
            reasons[asked] += why
            if not why:
                wanted.remove(asked)

    assert not wanted, "\n".join(f"{each}: {reasons[each]}" for each in wanted)

    every = list(reasons)
    subjects: dict[str, list[str]] = {}
    for subject in scene.subjects:
        subjects.setdefault(KINDS[subject.partition("_")[0]], []).append(subject)
    segments = await cut(client, subjects, every)
    await refused(client, subjects)

    empty = [
        f"{each} by {dimension}"
        for each in every
        for dimension in WALKED
        if any(dimension in one.by for one in cuts(each)) and not segments[str(each), dimension]
    ]
    assert empty == [], empty
