"""Rooms: routes are built when they are asked for, and none is out of reach."""

import subprocess
import sys

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.api import hooks
from app.api.rooms import Room, contexts

STARTED = """
import sys
from app.config import Settings
from app.main import create_app

create_app(Settings(_env_file=None, secret_keys=("{key}",)))
print(sorted({{"numpy", "scipy", "strawberry", "alembic", "app.api.objectives"}} & sys.modules.keys()))
"""


async def test_the_words_of_a_room_begin_the_addresses_of_its_routes_and_no_others(app: FastAPI) -> None:
    rooms = [route for route in app.router.routes if isinstance(route, Room)]

    for room in rooms:
        paths = [str(context.path) for context in iter_route_contexts(room.routes)]
        assert {path.split("/")[2] for path in paths} == room.words, room.module
        assert all(room.begins(path) for path in paths)
    assert len(rooms) > 40


async def test_an_address_is_led_to_its_room_only(app: FastAPI) -> None:
    [room] = [route for route in app.router.routes if isinstance(route, Room) and route.module == "kpis"]

    assert [room.begins(path) for path in ("/v1/kpis", "/v1/kpis/x/restore", "//v1/kpis")] == [True, True, False]
    assert [room.begins(path) for path in ("/v1/kpi", "/v2/kpis", "/kpis", "/v1", "/")] == [False] * 5


async def test_what_a_door_receives_is_built_with_its_route(app: FastAPI) -> None:
    received = [context.body_field for context in contexts([*app.routes, *hooks.webhooks.routes]) if context.body_field]

    shapes = [field.field_info.annotation for field in received]
    assert [shape for shape in shapes if getattr(shape, "model_config", {}).get("defer_build")] == []
    assert len(shapes) > 100


def test_starting_builds_no_room_and_loads_neither_graph_nor_migrations_nor_estimators() -> None:
    key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    done = subprocess.run(
        [sys.executable, "-c", STARTED.format(key=key)], capture_output=True, text=True, check=True, cwd="."
    )

    assert done.stdout == "[]\n"
