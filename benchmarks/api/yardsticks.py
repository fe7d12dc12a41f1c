"""The yardsticks: a handler and a graph as one would write them by hand, fed from the same SQL or from memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from fastapi import FastAPI, Request, Response
from pydantic import TypeAdapter
from pydantic_core import to_json

from app.models.objectives import ObjectiveRead
from app.models.outcomes import OutcomeRead
from app.models.people import PersonRead

Fetch = Callable[[], Awaitable[list[list[Any]]]]


@strawberry.type
class Figure:
    """One computed number."""

    metric: str
    value: str | None
    status: str
    numerator: str | None
    denominator: str | None


@strawberry.type
class Initiative:
    """The leaf of the tree."""

    id: str
    title: str
    figures: list[Figure]


@strawberry.type
class Initiatives:
    """A list."""

    nodes: list[Initiative]


@strawberry.type
class Outcome:
    """The middle of the tree."""

    id: str
    title: str
    initiatives: Initiatives


@strawberry.type
class Outcomes:
    """A list."""

    nodes: list[Outcome]


@strawberry.type
class Objective:
    """The top of the tree."""

    id: str
    title: str
    outcomes: Outcomes


@strawberry.type
class Objectives:
    """A list."""

    nodes: list[Objective]


def graph(tree: Any, fetch: Fetch) -> strawberry.Schema:
    """Return a bare schema that serves `tree`, an answer of the service, from memory, once `fetch` has asked."""
    nodes = Objectives(nodes=[_objective(each) for each in tree["objectives"]["nodes"]])

    async def objectives(first: int) -> Objectives:  # noqa: ARG001  the argument that the query has
        await fetch()
        return nodes

    return strawberry.Schema(
        query=strawberry.type(type("Query", (), {"objectives": strawberry.field(resolver=objectives)}))
    )


def _objective(each: Any) -> Objective:
    outcomes = [
        Outcome(
            id=one["id"],
            title=one["title"],
            initiatives=Initiatives(nodes=[_leaf(leaf) for leaf in one["initiatives"]["nodes"]]),
        )
        for one in each["outcomes"]["nodes"]
    ]
    return Objective(id=each["id"], title=each["title"], outcomes=Outcomes(nodes=outcomes))


def _leaf(each: Any) -> Initiative:
    return Initiative(
        id=each["id"], title=each["title"], figures=[Figure(**figure) for figure in each.get("figures", [])]
    )


class ObjectiveWithRelations(ObjectiveRead):
    """An objective with its owner and its outcomes."""

    goal_owner: PersonRead | None
    outcomes: list[OutcomeRead]


def _sorted_out(found: list[list[Any]]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the rows of people, outcomes and objectives, told by their columns."""
    rows = [[dict(row._mapping) for row in each] for each in found]  # noqa: SLF001  SQLAlchemy's public name
    people, outcomes, objectives = (
        [row for each in rows for row in each if name in row] for name in ("role", "objective_id", "goal_owner_id")
    )
    return people, outcomes, objectives


def service(schema: strawberry.Schema, shape: Any, rows: int, fetch: Fetch) -> FastAPI:
    """Return an app with the hand-written list at `/list` and the bare graph at `/graphql`."""
    app = FastAPI()
    page = TypeAdapter(list[shape])
    pages_with_relations = TypeAdapter(list[ObjectiveWithRelations])

    @app.get("/list")
    async def listing() -> Response:
        found = await fetch()
        longest = max(found, key=len)[:rows]
        items = page.validate_python([dict(row._mapping) for row in longest], from_attributes=False)  # noqa: SLF001  SQLAlchemy's public name
        return Response(b'{"items":' + page.dump_json(items) + b"}", media_type="application/json")

    @app.get("/expanded")
    async def expanded() -> Response:
        owners, outcomes, objectives = _sorted_out(await fetch())
        by_id = {row["id"]: row for row in owners}
        by_objective: dict[Any, list[Any]] = defaultdict(list)
        for row in outcomes:
            by_objective[row["objective_id"]].append(row)
        whole = [
            row | {"goal_owner": by_id.get(row["goal_owner_id"]), "outcomes": by_objective[row["id"]]}
            for row in objectives[:rows]
        ]
        items = pages_with_relations.validate_python(whole)
        return Response(b'{"items":' + pages_with_relations.dump_json(items) + b"}", media_type="application/json")

    @app.post("/graphql")
    async def answer(request: Request) -> Response:
        asked = await request.json()
        result = await schema.execute(asked["query"])
        return Response(to_json({"data": result.data}), media_type="application/json")

    return app
