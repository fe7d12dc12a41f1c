"""Lists of every noun: filtered, sorted, paged to the end without loss or repeat, whatever is written meanwhile."""

from typing import Any

import httpx
import pytest

from tests.builders import CONVENTIONS, make
from tests.engines import Organisation

NOUNS = sorted(CONVENTIONS)

every_noun = pytest.mark.parametrize("noun", NOUNS)


async def _pages(client: httpx.AsyncClient, noun: str, between: Any = None, **query: Any) -> list[dict[str, Any]]:
    """Follow the pages of a list to its end; `between` is awaited after each."""
    items: list[dict[str, Any]] = []
    url = httpx.URL(f"/v1/{noun}", params=query)
    for _ in range(50):
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= query["limit"]
        items += page["items"]
        if page["next_cursor"] is None:
            assert "link" not in answer.headers
            return items
        assert answer.links["next"]["url"] == str(
            answer.request.url.copy_set_param("cursor", page["next_cursor"]).raw_path, "ascii"
        )
        url = httpx.URL(answer.links["next"]["url"])
        if between is not None:
            await between()
    raise AssertionError("the pages do not end")


async def _some(client: httpx.AsyncClient, noun: str, numbers: range) -> list[str]:
    """Make rows that share what they depend on where they can."""
    shared: dict[str, str] = {}
    made = []
    for n in numbers:
        row = await make(client, noun, n, **(shared if noun not in {"alignments", "unit-values"} else {}))
        shared = {name: row[name] for name in CONVENTIONS[noun].references if row.get(name)}
        made.append(row["id"])
    return made


@every_noun
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_lose_and_repeat_nothing_while_rows_are_written(
    client: httpx.AsyncClient, noun: str, *, descending: bool
) -> None:
    before = await _some(client, noun, range(10, 17))
    numbers = iter([5, 25, 13, 14])

    async def write() -> None:
        n = next(numbers, None)
        if n is not None:
            await make(client, noun, n + 40)

    sort = ("-" if descending else "") + CONVENTIONS[noun].sort
    found = await _pages(client, noun, write, limit=2, sort=sort)

    ids = [row["id"] for row in found]
    assert len(ids) == len(set(ids))
    assert set(before) <= set(ids)
    place = [(_comparable(row[CONVENTIONS[noun].sort]), row["id"]) for row in found]
    assert place == sorted(place, reverse=descending)


def _comparable(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "").isdecimal() else value


@every_noun
async def test_a_list_begins_with_the_newest(client: httpx.AsyncClient, noun: str) -> None:
    made = await _some(client, noun, range(1, 4))

    found = await _pages(client, noun, limit=2)

    assert [row["id"] for row in found] == made[::-1]


@every_noun
async def test_a_filter_finds_what_has_the_value_and_nothing_else(client: httpx.AsyncClient, noun: str) -> None:
    convention = CONVENTIONS[noun]
    row = await make(client, noun, 1, **convention.filled)
    name = convention.filter
    value = row["value"]["currency"] if name == "currency" else row[name]

    found = await client.get(f"/v1/{noun}", params={name: value, "include_total": True})
    by_time = await client.get(
        f"/v1/{noun}", params={"created_at_gte": row["created_at"], "created_at_lt": "2999-01-01T00:00:00Z"}
    )
    too_late = await client.get(f"/v1/{noun}", params={"created_at_lt": row["created_at"]})

    assert found.status_code == 200, found.text
    assert (found.json()["items"], found.json()["total"]) == ([row], 1)
    assert by_time.json()["items"] == [row]
    assert too_late.json()["items"] == []


@every_noun
async def test_a_cursor_continues_only_the_list_that_it_came_from(client: httpx.AsyncClient, noun: str) -> None:
    await _some(client, noun, range(1, 3))
    cursor = (await client.get(f"/v1/{noun}", params={"limit": 1})).json()["next_cursor"]

    for query in (
        {"cursor": cursor, "sort": "created_at"},
        {"cursor": cursor, "include_archived": True},
        {"cursor": cursor, "created_at_gte": "2020-01-01T00:00:00Z"},
        {"cursor": cursor[:-2]},
        {"cursor": "x" + cursor},
        {"cursor": "é"},
    ):
        answer = await client.get(f"/v1/{noun}", params=query)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), query
    other = "kpis" if noun != "kpis" else "people"
    assert (await client.get(f"/v1/{other}", params={"cursor": cursor})).status_code == 400


@every_noun
async def test_a_list_refuses_what_it_does_not_offer(client: httpx.AsyncClient, noun: str) -> None:
    for query in (
        {"limit": 0},
        {"limit": 201},
        {"sort": "secret"},
        {"sort": "title;drop table"},
        {"created_at_gte": "2026-01-01"},
        {"created_at_gte": "2026-01-01T00:00:00"},
    ):
        answer = await client.get(f"/v1/{noun}", params=query)
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["parameter"] == next(iter(query))


async def test_a_cursor_is_of_one_tenant(acme: Organisation, rival: Organisation) -> None:
    for n in range(2):
        await make(acme.client, "kpis", n)
        await make(rival.client, "kpis", n)
    theirs = (await rival.client.get("/v1/kpis", params={"limit": 1})).json()["next_cursor"]

    answer = await acme.client.get("/v1/kpis", params={"limit": 1, "cursor": theirs})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_rows_without_a_value_come_last_in_both_directions(client: httpx.AsyncClient) -> None:
    due = {1: "2026-05-01", 2: None, 3: "2026-03-01", 4: None}
    for n, due_on in due.items():
        await make(client, "outcomes", n, due_on=due_on, starts_on=None)

    rising = await _pages(client, "outcomes", limit=1, sort="due_on")
    falling = await _pages(client, "outcomes", limit=1, sort="-due_on")

    assert [row["due_on"] for row in rising] == ["2026-03-01", "2026-05-01", None, None]
    assert [row["due_on"] for row in falling] == ["2026-05-01", "2026-03-01", None, None]
    assert len({row["id"] for row in rising}) == len({row["id"] for row in falling}) == 4


async def test_text_is_sorted_the_same_on_every_engine(client: httpx.AsyncClient) -> None:
    titles = ["b", "A", "Ä", "a", "_", "ab", "é", "Z", "ß", "1"]
    for n, title in enumerate(titles):
        await make(client, "initiatives", n, title=title)

    found = await _pages(client, "initiatives", limit=3, sort="title")

    assert [row["title"] for row in found] == sorted(titles)


async def test_search_is_for_text_as_it_stands_in_upper_or_lower_case(client: httpx.AsyncClient) -> None:
    for n, title in enumerate(["100 % ÖKO", "100 x öko", "under_score", "underscore", "back\\slash"]):
        await make(client, "initiatives", n, title=title)

    async def found(q: str) -> list[str]:
        items = (await client.get("/v1/initiatives", params={"q": q, "sort": "title"})).json()["items"]
        return [row["title"] for row in items]

    assert await found("0 %") == ["100 % ÖKO"]
    assert await found("R_S") == ["under_score"]
    assert await found("K\\S") == ["back\\slash"]
    assert await found("öKo") == ["100 % ÖKO", "100 x öko"]
    assert await found("' OR 1=1 --") == []


async def test_null_finds_rows_without_a_reference(client: httpx.AsyncClient) -> None:
    initiative = await make(client, "initiatives")
    mapped = await make(client, "activities", 1, initiative_id=initiative["id"])
    unmapped = await make(client, "activities", 2)

    async def found(*values: str) -> list[str]:
        answer = await client.get("/v1/activities", params={"initiative_id": list(values), "sort": "title"})
        return [row["id"] for row in answer.json()["items"]]

    assert await found("null") == [unmapped["id"]]
    assert await found(initiative["id"]) == [mapped["id"]]
    assert await found("null", initiative["id"]) == [mapped["id"], unmapped["id"]]


async def test_days_are_bounded_from_and_before(client: httpx.AsyncClient) -> None:
    for n, day in enumerate(["2026-01-31", "2026-02-01", "2026-03-01"]):
        await make(client, "cost-items", n, incurred_on=day)

    found = await client.get("/v1/cost-items", params={"incurred_on_gte": "2026-02-01", "incurred_on_lt": "2026-03-01"})

    assert [row["incurred_on"] for row in found.json()["items"]] == ["2026-02-01"]
    assert (await client.get("/v1/cost-items", params={"incurred_on_gte": "1769904000"})).status_code == 422
