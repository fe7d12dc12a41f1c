"""`throughline copy`: who outgrew the embedded database goes on, on PostgreSQL, where they stopped."""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app import schema
from app.cli.rows import Rows
from app.config import Settings
from app.domain.metrics.catalogue import METRICS
from app.domain.metrics.spelling import variants
from app.main import create_app
from app.services import inputs
from tests.api.figures.scene import KINDS, Scene, set_up
from tests.api.figures.school import School
from tests.api.graphql.scene import arrange
from tests.api.xapi.conftest import statement
from tests.builders import CONVENTIONS, complete, make
from tests.cli.conftest import Command, answered, new_settings
from tests.engines import Organisation, organisation

Told = dict[str, Any]

LISTS = [
    *CONVENTIONS,
    "deliveries",
    "effect-estimates",
    "enrolments",
    "impact-statements",
    "keys",
    "learning-events",
    "published-figures",
    "webhook-endpoints",
]
ONCE = {"name": "Once", "unit": "1", "direction": "lower_is_better"}
UNFILLED = {"operation_item", "panel_content", "xapi_attachment", "xapi_document"}


@pytest.fixture
def embedded(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A migrated SQLite file."""
    return migrated("sqlite", request, tmp_path)


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A migrated PostgreSQL database."""
    return migrated("postgresql", request, tmp_path)


def migrated(engine: str, request: pytest.FixtureRequest, folder: Path) -> Settings:
    settings = new_settings(engine, request, folder)
    schema.migrate(settings)
    return settings


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[FastAPI]:
    """The service on a database, for as long as the block runs."""
    service = create_app(settings)
    async with service.router.lifespan_context(service):
        yield service


@contextlib.asynccontextmanager
async def knocking(settings: Settings, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service on a database, with a key from before."""
    async with serving(settings) as service:
        transport = httpx.ASGITransport(service, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client


async def fill(service: FastAPI, org: Organisation) -> tuple[Scene, dict[str, Any], dict[str, Any]]:
    """Fill every noun and every metric; return the scene, a source, and a learning record store with its statement."""
    client = org.client
    scene = await set_up(School(org, service.state.database, await make(client, "sources", 0)))
    child, parent = [await make(client, "objectives", 300 + n) for n in range(2)]
    assert (await client.patch(f"/v1/objectives/{child['id']}", json={"parent_id": parent["id"]})).is_success
    source = await make(client, "sources", 301)
    for user in range(7):
        await complete(client, source, 884, user)
    store = await make(client, "sources", 302, adapter="xapi")
    extensions = {"https://example.org/x": [1e23, 1.0, -0.0, 2**63, 1e-7, None, {"z": 1, "a": "Ω\u2028 👩‍👩‍👧"}]}
    told_of = {"objectType": "StatementRef", "id": str(uuid4())}
    for course in (told_of, {"id": "https://example.org/course", "definition": {"name": {"en": "Fire"}}}):
        store["sent"] = statement(result={"extensions": extensions}, object=course)
        assert (await say(client, store)).is_success
    await make(client, "identity-providers", 303)
    gone = await make(client, "people", 304, external_id="gone")
    table = {"content": "external_id,name\np1,Ana\n,\n", "headers": {"Content-Type": "text/csv"}}
    for answer in (
        await client.post(f"/v1/people/{gone['id']}/erase"),
        await client.post("/v1/imports?kind=people", **table),
        await client.post("/v1/kpis", json=ONCE, headers={"Idempotency-Key": "once"}),
    ):
        assert answer.is_success, answer.text
    return scene, source, store


async def say(client: httpx.AsyncClient, store: dict[str, Any]) -> httpx.Response:
    """Send the statement of a store, for the first time or again."""
    address = store["webhook_path"].replace("/v1/webhooks/", "/v1/xapi/") + "/statements"
    credentials = base64.b64encode(store["secret"].encode()).decode()
    headers = {"X-Experience-API-Version": "1.0.3", "Authorization": f"Basic {credentials}"}
    return await client.post(address, json=store["sent"], headers=headers)


async def pages(client: httpx.AsyncClient, path: str) -> Told:
    """Every page of a list; what a client sent as JSON may have its names in another order."""
    found, asked = {}, {"limit": 200}
    while True:
        answer = await client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        found[f"{path} {len(found)}"] = page = answer.json()
        if not page["items"] or page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


async def figures(client: httpx.AsyncClient, scene: Scene, as_of: str) -> Told:
    """Every figure as it stood, byte by byte, and for one of each metric what explains it."""
    found: Told = {}
    explained = set()
    every = [each for row in METRICS for each in variants(row)]
    for subject in (scene.initiative, scene.earning, scene.improved, scene.tenant):
        asked = [str(each) for each in every if inputs.provider_of(KINDS[subject.partition("_")[0]], each)]
        for start in range(0, len(asked), 20):
            by = {"metric": asked[start : start + 20], "subject": subject, "as_of": as_of}
            answer = await client.get("/v1/figures", params=by)
            assert answer.status_code == 200, answer.text
            found[f"{subject} {start}"] = answer.text
            for figure in answer.json()["items"]:
                if figure["value"] is not None and figure["metric"] not in explained:
                    explained.add(figure["metric"])
                    found[figure["explain"]] = (await client.get(figure["explain"])).json()
    [stated] = (await client.get("/v1/impact-statements")).json()["items"]
    again = await client.get(f"/v1/impact-statements/{stated['id']}/recomputation")
    assert again.json()["equal"], again.text
    assert len(explained) > 50
    return found | {"recomputation": again.text}


async def told(client: httpx.AsyncClient) -> Told:
    """Every list and the feed of changes."""
    found: Told = {"tenant": (await client.get("/v1/tenant")).text}
    for name in [*LISTS, "changes"]:
        found |= await pages(client, f"/v1/{name}")
    return found


def _apart(found: Told, wanted: Told) -> list[str]:
    """The names of what is told otherwise."""
    return [name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)]


async def goes_on(client: httpx.AsyncClient, source: dict[str, Any], store: dict[str, Any]) -> None:
    """What was known is known, secrets are read, and the feed continues."""
    [*_, last] = (await pages(client, "/v1/changes")).values()
    assert (await complete(client, source, 884, 3))["duplicates"] == 1
    assert (await complete(client, source, 884, 99))["recorded"] == 1
    assert (await say(client, store)).json() == [store["sent"]["id"]]
    after = (await client.get("/v1/changes", params={"cursor": last["next_cursor"]})).json()["items"]
    assert "enrolment.created" in {each["type"] for each in after}


async def test_everything_is_answered_as_before_on_the_other_engine_and_back(
    run: Command, embedded: Settings, server: Settings, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with serving(embedded) as service, organisation(service, ["admin"]) as other:
        await arrange(other, service.state.database)
        async with organisation(service, ["admin"]) as org:
            scene, source, store = await fill(service, org)
            as_of = datetime.now(UTC).isoformat()
            said = await figures(org.client, scene, as_of)
            before, of_other = await told(org.client), await told(other.client)
        busy = run("copy", "--from", embedded.database_url, settings=server)

    there = answered(run("copy", "--from", embedded.database_url, "--json", settings=server))
    (tmp_path / "back").mkdir()
    back = migrated("sqlite", request, tmp_path / "back")
    again = answered(run("copy", "--from", server.database_url, "--json", settings=back))

    assert busy.exit_code == 2
    assert "is in use: stop" in busy.stderr
    assert again == there
    assert set(there["tenants"]) == {org.scope.slug, other.scope.slug}
    assert {name for name, each in there["tables"].items() if not each["rows"]} == UNFILLED
    for settings in (server, back):
        async with knocking(settings, org.token) as client:
            if settings is server:
                assert _apart(await figures(client, scene, as_of), said) == []
                assert _apart(await told(client), before) == []
                client.headers["Authorization"] = f"Bearer {other.token}"
                assert _apart(await told(client), of_other) == []
                client.headers["Authorization"] = f"Bearer {org.token}"
            await goes_on(client, source, store)
            busy = run("copy", "--from", server.database_url, settings=embedded)
            assert "is in use" in busy.stderr if settings is server else "has rows already" in busy.stderr


async def test_a_copy_is_whole_or_nothing_and_says_what_to_mend(
    run: Command, embedded: Settings, server: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    async with serving(embedded) as service, organisation(service, ["admin"]) as org:
        await make(org.client, "objectives", 1)
        await make(org.client, "sources", 1)

    def refused(place: Settings = server, origin: str = embedded.database_url) -> str:
        result = run("copy", "--from", origin, settings=place)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        return result.stderr

    def written(long: str) -> None:
        engine = create_engine(schema.sync_url(embedded), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("UPDATE source SET status = :long"), {"long": long})

    assert "There is no database to copy at" in refused(origin=f"{embedded.database_url}.gone")
    assert "--from takes an address" in refused(origin="mysql://u@h/d")
    assert "run `throughline migrate`" in refused(new_settings("postgresql", request, Path()))
    assert "is in use" in refused(embedded)
    monkeypatch.setattr("tests.cli.conftest.SECRET_KEY", Fernet.generate_key().decode())
    assert f"A secret of {org.scope.slug} was encrypted with another key: set THROUGHLINE_SECRET_KEYS" in refused()
    monkeypatch.undo()
    written("x" * 21)
    assert "A row of source cannot be written (value too long for type character varying(20)" in refused()
    written("pending")
    with monkeypatch.context() as patch:
        patch.setattr(Rows, "insert", _spoiling(Rows.insert))
        spoiled = run("copy", "--from", embedded.database_url, settings=server)
    assert "objective came out otherwise than it was read: nothing was copied" in str(spoiled.exception)

    copied = run("copy", "--from", embedded.database_url, settings=server)

    assert copied.exit_code == 0, copied.output
    assert f"Copied {org.scope.slug}: " in copied.stdout
    assert "has rows already" in refused()


def _spoiling(insert: Callable[..., None]) -> Callable[..., None]:
    """Write objectives with another title than they have."""

    def spoiled(rows: Rows, connection: Connection, values: list[list[Any]]) -> None:
        if rows.name == "objective":
            values = [["Another" if value == "Objective 001" else value for value in row] for row in values]
        insert(rows, connection, values)

    return spoiled
