"""The rooms of the API: each is imported, and its routes are built, when the first request for it comes.

Four hundred routes with their shapes take seconds to build, and a request would be compared with each of them; so the
first word of its address leads to a few.
"""

import importlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from fastapi import APIRouter
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

PREFIX = "/v1"
_CHOSEN = "throughline.route"


class Room(BaseRoute):
    """The routes of one module of this folder (its `router` or `routers`); `words` begin their addresses."""

    def __init__(self, module: str, *words: str) -> None:
        self.module = module
        self.words = frozenset(words)

    @cached_property
    def routes(self) -> list[BaseRoute]:
        """The routes, built now if they are not yet."""
        module: Any = importlib.import_module(f"app.api.{self.module}")
        whole = APIRouter()
        for router in getattr(module, "routers", None) or (module.router,):
            whole.include_router(router, prefix=PREFIX)
        return whole.routes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this room, and for which of its routes."""
        found: Match = Match.NONE
        chosen: Scope = {}
        if scope["type"] != "http" or not self.begins(scope["path"]):
            return found, chosen
        for route in self.routes:
            match, inner = route.matches(scope)
            if match.value > found.value:
                found, chosen = match, {**inner, _CHOSEN: route}
            if match is Match.FULL:
                break
        return found, chosen

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that `matches` has found a route for."""
        await scope.pop(_CHOSEN).handle(scope, receive, send)

    def begins(self, path: str) -> bool:
        """Tell whether an address begins like those of this room."""
        version, _, rest = path.removeprefix("/").partition("/")
        return version == PREFIX[1:] and rest.partition("/")[0] in self.words


def built(routes: Iterable[BaseRoute], path: str | None = None) -> Iterator[BaseRoute]:
    """Give routes with those of rooms in the place of the rooms; with a `path`, only of rooms that may know it."""
    for route in routes:
        if not isinstance(route, Room):
            yield route
        elif path is None or route.begins(path):
            yield from route.routes


def contexts(routes: Iterable[BaseRoute], path: str | None = None) -> Iterator[RouteContext]:
    """Give every single route with its whole address; see `built`."""
    return iter_route_contexts(list(built(routes, path)))
