"""`throughline demo`: the main job on a real study, from signed deliveries over HTTP to a defensible statement."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import schema
from app.cli.servers import listen
from app.config import Settings
from app.db import Database
from app.demo.arrangement import Api, arrange
from app.demo.deliveries import LEARNUPON, THINKIFIC, Post, posts
from app.demo.statement import show
from app.demo.study import Firm, firms
from app.main import create_app
from app.models.tenancy import ApiKeyWrite
from app.models.unit import TenantScope
from app.services import keys, tenants
from app.vault import Vault

SLUG = "michigan"
_AT_ONCE = 24
_NAMES = {LEARNUPON: "LearnUpon", THINKIFIC: "Thinkific"}


def run(settings: Settings, *, once: bool) -> None:
    """Run the demo; then go on serving until interrupted, unless `once`."""
    asyncio.run(_run(settings, once=once))


async def _run(settings: Settings, *, once: bool) -> None:
    console = Console()
    study = firms()
    if settings.embedded:
        await schema.migrate_embedded(settings)
    keepsake = Keepsake(settings)
    async with _serving(settings) as (serving, base_url):
        database = Database(settings)
        try:
            scope, token = await keepsake.admission(database)
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:
                await _tell(client, keepsake, database, scope, study, console)
        finally:
            await database.dispose()
        if not once:
            console.print(f"\nServing at {base_url} until you press Ctrl+C. Key: {token}", soft_wrap=True)
            await serving


async def _tell(
    client: httpx.AsyncClient,
    keepsake: "Keepsake",
    database: Database,
    scope: TenantScope,
    study: list[Firm],
    console: Console,
) -> None:
    api = Api(client)
    secrets = await _connect(api, keepsake)
    with console.status("Arranging objective, KPI, outcome, initiative, firms, people and scrap rates"):
        arranged = await arrange(api, database, scope, study)
    recorded, duplicates = await _post_all(client, list(posts(study, secrets)), console)
    console.print(f"{recorded} learning events recorded, {duplicates} known already.")
    await show(api, arranged, console, str(client.base_url).rstrip("/"))


class Keepsake:
    """What the demo must remember between runs: its API key and its sources' secrets, encrypted beside the database."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.secret_file.with_name("throughline.demo")
        self._vault = Vault.from_settings(settings)
        self.kept: dict[str, str] = self._read()

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        kept: dict[str, str] = json.loads(self._vault.decrypt(self._path.read_text()))
        return kept

    def keep(self, name: str, secret: str) -> str:
        """Remember a secret and return it."""
        self.kept[name] = secret
        _write_private(self._path, self._vault.encrypt(json.dumps(self.kept).encode()))
        return secret

    async def admission(self, database: Database) -> tuple[TenantScope, str]:
        """Return the demo's tenant and a key for it, made on the first run."""
        async with database.reading(None) as session:
            tenant = await tenants.by_slug(session, SLUG)
        if tenant is None:
            async with database.founding() as session:
                tenant = await tenants.found(session, SLUG, "Michigan job-training study")
        scope = tenants.scope(tenant)
        if "key" not in self.kept:
            async with database.transaction(scope) as session:
                await tenants.settle(session)
                made = await keys.create(session, ApiKeyWrite(name="demo", scopes=["admin"]))
            self.keep("key", made.token)
        return scope, self.kept["key"]


def _write_private(path: Path, text: str) -> None:
    partial = path.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


async def _connect(api: Api, keepsake: Keepsake) -> dict[str, str]:
    """Connect the two LMSs, or find them connected; return their secrets."""
    known = {row["slug"]: row["id"] for row in (await api.get("/v1/sources"))["items"]}
    for slug, name in _NAMES.items():
        if slug not in known:
            made = await api.post("/v1/sources", {"name": name, "slug": slug, "adapter": slug})
        elif slug not in keepsake.kept:
            made = await api.post(f"/v1/sources/{known[slug]}/rotate-secret", {"overlap_seconds": 0})
        else:
            continue
        keepsake.keep(slug, made["secret"])
    return keepsake.kept


async def _post_all(client: httpx.AsyncClient, waiting: list[Post], console: Console) -> tuple[int, int]:
    """Post every delivery as its LMS would, some at a time; return the events recorded and those known already."""
    counts = [0, 0]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Completions posted", total=sum(post.completions for post in waiting))
        queue = iter(waiting)

        async def postman(queue: Iterator[Post]) -> None:
            for post in queue:
                path = f"/v1/webhooks/{SLUG}/{post.source}"
                answer = await client.post(path, content=post.body, headers=post.headers)
                answer.raise_for_status()
                counts[0] += answer.json()["recorded"]
                counts[1] += answer.json()["duplicates"]
                progress.advance(task, post.completions)

        await asyncio.gather(*(postman(queue) for _ in range(_AT_ONCE)))
    return counts[0], counts[1]


@contextlib.asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[tuple[asyncio.Task[None], str]]:
    """Serve while the block runs: the task, which ends when the server is told to, and the address.

    Mistake when the address is taken.
    """
    listening = listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    config = uvicorn.Config(create_app(settings), log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110  a flag is all that uvicorn gives
        await asyncio.sleep(0.02)
    try:
        yield task, settings.base_url
    finally:
        server.should_exit = True
        await task
