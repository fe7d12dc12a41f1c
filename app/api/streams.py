"""`/v1/stream`: the change feed as it happens, as server-sent events (https://html.spec.whatwg.org/#server-sent-events).

A stream holds no connection to the database. It reads behind its place when a unit of this process has changed
something, and when one look a second, shared by all streams of a tenant, finds what another process has committed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, format_sse_event

from app.api.authentication import Keyring
from app.api.changes import cursor_of, place_of
from app.api.deps import KEY_REQUIRED, PrincipalOf, VaultOf
from app.api.principals import Unauthenticated
from app.api.rates import TooManyRequests
from app.api.routing import KeyRoute
from app.domain.errors import Unavailable
from app.models.tenancy import Change
from app.models.unit import TenantScope, Units
from app.services import changes
from app.services.changes import Place

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""Between two looks for what other processes have changed."""

PROOF_SECONDS = 1.0
"""Between two looks at the key; the keyring remembers it for four seconds more."""

RECONNECT_MILLISECONDS = 3_000
_CHUNK = 100

R = TypeVar("R")

router = APIRouter(prefix="/stream", tags=["changes"], route_class=KeyRoute, dependencies=[KEY_REQUIRED])


class Streams:
    """The open streams of this process: bounded, woken by commits, ended when the service stops."""

    def __init__(self, database: Units, *, most: int, most_of_tenant: int) -> None:
        self._database = database
        self._most = most
        self._most_of_tenant = most_of_tenant
        self._bells: dict[UUID, set[asyncio.Event]] = {}
        self._looking: dict[UUID, asyncio.Task[None]] = {}
        self.stopping = False

    def ring(self, tenant: TenantScope) -> None:
        """Wake the streams of a tenant: something has changed."""
        for bell in self._bells.get(tenant.id, ()):
            bell.set()

    def stop(self) -> None:
        """End every stream and let none begin; their clients come back to where they were."""
        self.stopping = True
        for bells in self._bells.values():
            for bell in bells:
                bell.set()

    async def close(self) -> None:
        """Stop, and wait until nothing looks for changes any more."""
        self.stop()
        looking = list(self._looking.values())
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)

    def count(self) -> int:
        """Return how many streams are open."""
        return sum(map(len, self._bells.values()))

    def check_room(self, tenant: TenantScope) -> None:
        """Raise Unavailable or TooManyRequests unless another stream of the tenant may begin."""
        if self.stopping or self.count() >= self._most:
            raise Unavailable("No further stream can begin here now; connect again in a few seconds.")
        if len(self._bells.get(tenant.id, ())) >= self._most_of_tenant:
            raise TooManyRequests(f"{self._most_of_tenant} streams of this tenant are open: share one, or end some.")

    @contextlib.contextmanager
    def listening(self, tenant: TenantScope) -> Iterator[asyncio.Event]:
        """Give a bell that rings when something of the tenant has changed; it begins rung."""
        self.check_room(tenant)
        bell = asyncio.Event()
        bell.set()
        self._bells.setdefault(tenant.id, set()).add(bell)
        if tenant.id not in self._looking:
            self._looking[tenant.id] = asyncio.create_task(self._look(tenant))
        try:
            yield bell
        finally:
            self._bells[tenant.id].discard(bell)
            if not self._bells[tenant.id]:
                del self._bells[tenant.id]

    async def behind(self, tenant: TenantScope, place: Place) -> list[Change]:
        """Return what changed behind a place, as much as goes at once."""
        async with self._database.reading(tenant) as session:
            return await changes.after(session, place, _CHUNK)

    async def newest(self, tenant: TenantScope) -> Place:
        """Return the place of the last change."""
        async with self._database.reading(tenant) as session:
            return await changes.newest(session)

    async def _look(self, tenant: TenantScope) -> None:
        """Look for changes for as long as anybody listens."""
        known: Place | None = None
        while tenant.id in self._bells:
            with contextlib.suppress(Unavailable):
                found = await self.newest(tenant)
                if found != known:
                    known = found
                    self.ring(tenant)
            await asyncio.sleep(LOOK_SECONDS)
        del self._looking[tenant.id]


@router.get(
    "",
    operation_id="streamChanges",
    summary="Follow the change feed live",
    response_class=StreamingResponse,
    response_model=None,
    responses={
        200: {
            "description": "Server-sent events, without end.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "examples": {
                        "change": {
                            "summary": "One change",
                            "value": 'data: {"id":"chg_01h455vb4pex5vsknk084sn02q","type":"objective.created",'
                            '"resource_id":"obj_01h455vb4pex5vsknk084sn02q","version":1,'
                            '"recorded_at":"2026-02-01T08:30:00.000001Z"}\nid: c2lnbmVk\n\n',
                        }
                    },
                }
            },
        }
    },
)
async def stream(
    request: Request,
    principal: PrincipalOf,
    vault: VaultOf,
    cursor: Annotated[
        str | None, Query(max_length=500, description="Where to begin: any cursor of /v1/changes; absent: now.")
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(max_length=500, description="The last `id` received, to go on behind it; goes before cursor."),
    ] = None,
) -> Response:
    """Send each change as the JSON of GET /v1/changes in `data`, with its cursor as `id`.

    None is skipped, and none sent twice, to a client that comes back with the last `id`. A comment comes every fifteen
    seconds. The stream ends when the key does; a browser's EventSource cannot send a key: use fetch.
    """
    streams: Streams = request.app.state.streams
    sent = last_event_id or cursor
    place = place_of(vault, principal.tenant.slug, sent) if sent else await streams.newest(principal.tenant)
    streams.check_room(principal.tenant)
    headers = {"X-Accel-Buffering": "no"}
    if getattr(request.state, "without_body", False):
        return Response(headers=headers, media_type=EventSourceResponse.media_type)
    return EventSourceResponse(_events(request, streams, place), headers=headers)


async def _events(request: Request, streams: Streams, place: Place) -> AsyncIterator[bytes]:
    tenant: TenantScope = request.state.principal.tenant
    vault = request.app.state.vault
    clock = asyncio.get_running_loop().time
    with contextlib.suppress(Unavailable, TooManyRequests), streams.listening(tenant) as bell:
        yield format_sse_event(id=cursor_of(vault, tenant.slug, place), retry=RECONNECT_MILLISECONDS)
        beat_at = clock() + HEARTBEAT_SECONDS
        while not streams.stopping and await _wholly(_proved(request)):
            found: list[Change] = []
            if bell.is_set():
                bell.clear()
                found = await _wholly(_found(streams, tenant, place, bell))
            for row in found:
                place = (row.position, row.ordinal)
                yield format_sse_event(
                    data_str=changes.shown(row).model_dump_json(), id=cursor_of(vault, tenant.slug, place)
                )
            if len(found) == _CHUNK:
                bell.set()
            if found:
                beat_at = clock() + HEARTBEAT_SECONDS
            elif clock() >= beat_at:
                beat_at = clock() + HEARTBEAT_SECONDS
                yield format_sse_event(comment="still here")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), min(PROOF_SECONDS, HEARTBEAT_SECONDS))


async def _wholly(work: Coroutine[Any, Any, R]) -> R:
    """Let `work` come to its end even if the client leaves meanwhile: a query that is cut off costs its connection."""
    return await asyncio.shield(asyncio.create_task(work))


async def _found(streams: Streams, tenant: TenantScope, place: Place, bell: asyncio.Event) -> list[Change]:
    """Return what changed; while the database is away nothing, and the bell rings again soon."""
    try:
        return await streams.behind(tenant, place)
    except Unavailable:
        asyncio.get_running_loop().call_later(LOOK_SECONDS, bell.set)
        return []


async def _proved(request: Request) -> bool:
    """Return whether the key is still good; while the database is away, what is proved stays so."""
    keyring: Keyring = request.app.state.keyring
    try:
        principal: Any = await keyring.principal(request.headers)
    except Unauthenticated:
        return False
    except Unavailable:
        return True
    return "read" in principal.scopes or "admin" in principal.scopes
