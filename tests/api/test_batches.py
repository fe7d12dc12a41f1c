"""`POST .../batch`: many rows of any noun, each item as good or bad as if it had been put alone."""

import importlib
import pkgutil
from typing import Any

import httpx

from app import services
from app.services.nouns import NounType
from tests.builders import BODIES, CONVENTIONS, make

NOUNS = sorted(noun for noun, told in CONVENTIONS.items() if told.external_id)


def declared() -> dict[str, NounType[Any]]:
    modules = (importlib.import_module(f"app.services.{each.name}") for each in pkgutil.iter_modules(services.__path__))
    found = [each for module in modules for each in vars(module).values() if isinstance(each, NounType)]
    return {each.plural.replace("_", "-"): each for each in found}


async def sent(client: httpx.AsyncClient, noun: str, *items: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What became of each item, and the pointer of its first fault."""
    answer = await client.post(f"/v1/{noun}/batch", json={"items": items})
    assert answer.status_code == 200, f"{noun}: {answer.text}"
    found = answer.json()["items"]
    assert [each["index"] for each in found] == list(range(len(items)))
    return [(each["result"], each["errors"][0]["pointer"] if each["errors"] else None) for each in found]


async def test_every_noun_takes_batches_whose_items_are_judged_one_by_one(client: httpx.AsyncClient) -> None:
    fixed = {name: noun.fixed for name, noun in declared().items()}

    for noun in NOUNS:
        first, second, third = [await BODIES[noun](client, n, {}) for n in (1, 2, 3)]
        one, two = first | {"external_id": "b-1"}, second | {"external_id": "b-2"}
        changed = one | CONVENTIONS[noun].change

        assert await sent(client, noun, one, two, third, one) == [
            ("created", None),
            ("created", None),
            ("refused", "/external_id"),
            ("refused", ""),
        ], noun
        assert await sent(client, noun, two, changed) == [("unchanged", None), ("updated", None)], noun
        row = (await client.get(f"/v1/{noun}", params={"external_id": "b-1"})).json()["items"][0]
        assert row["version"] == 2
        alone = await client.put(f"/v1/{noun}/by-external-id/b-1", json=changed)
        assert (alone.status_code, alone.json()) == (200, (await client.get(f"/v1/{noun}/{row['id']}")).json()), noun
        for name in sorted(fixed[noun] & first.keys()):
            if third[name] != first[name]:
                assert await sent(client, noun, changed | {name: third[name]}) == [("refused", f"/{name}")], noun
        assert (await client.post(f"/v1/{noun}/batch", json={"items": [one | {"colour": "red"}]})).status_code == 422


async def test_an_item_sees_the_rows_of_those_before_it(client: httpx.AsyncClient) -> None:
    above, below = [await make(client, "objectives", n, external_id=f"o-{n}") for n in (1, 2)]

    found = await sent(
        client,
        "objectives",
        {"title": "Above", "external_id": "o-1", "parent_id": below["id"]},
        {"title": "Below", "external_id": "o-2", "parent_id": above["id"]},
        {"title": "Beside", "external_id": "o-3", "parent_id": above["id"]},
    )

    assert found == [("updated", None), ("refused", "/parent_id"), ("created", None)]
    assert (await client.get(f"/v1/objectives/{below['id']}")).json() == below
