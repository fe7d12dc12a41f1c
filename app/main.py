"""create_app(): the only function that knows every part."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from app import __version__, schema
from app.api import errors, openapi, pages, system, telemetry, webhooks
from app.api.authentication import Keyring
from app.api.budgets import Budgets
from app.api.graphql import endpoint as graphql
from app.api.handshakes import Handshakes
from app.api.issuers import Issuers
from app.api.keysets import KeySets
from app.api.middleware import Limits, RequestFrame
from app.api.rates import Rates
from app.api.reception import Reception
from app.api.rooms import Room
from app.api.senders import Senders
from app.api.setups import Directory
from app.api.streams import Streams
from app.config import Settings
from app.courier import Courier
from app.db import Database
from app.outbound import Outbound
from app.schema import SchemaState
from app.services import ingest
from app.services.vitals import Watch
from app.services.xapi import statements as xapi_statements
from app.vault import Vault
from app.worker import Crew

WORKER_STOP_SECONDS = 4
"""How long the job in hand may take once the service stops; what is left then is taken over after its lease."""

_EXPOSED = [
    *("ETag", "Link", "Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed", "Last-Modified"),
    *("RateLimit", "RateLimit-Policy", "Deprecation", "Sunset"),
    *("X-Experience-API-Version", "X-Experience-API-Consistent-Through"),
]
_ALLOWED = [
    *("Authorization", "Throughline-Tenant", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("X-Experience-API-Version", "X-Experience-API-Hash"),
]
_ROOMS = (
    ("objectives", "objectives"),
    ("kpis", "kpis"),
    ("measurements", "measurements"),
    ("outcomes", "outcomes"),
    ("initiatives", "initiatives"),
    ("alignments", "alignments"),
    ("agreements", "agreements"),
    ("activities", "activities", "activity-references"),
    ("people", "people"),
    ("org_units", "org-units"),
    ("audiences", "audiences"),
    ("money", "cost-items", "unit-values"),
    ("surveys", "surveys", "survey-responses"),
    ("behaviours", "behaviours", "observations", "support-deeds"),
    ("commitments", "commitments"),
    ("assessments", "assessment-scores", "proficiency-standards", "standard-attainments"),
    ("reviews", "reviews", "decisions", "actions"),
    ("forecasts", "forecasts", "status-overrides", "personal-estimates"),
    ("contents", "content-versions", "review-intervals", "requirements"),
    ("tenant", "tenant"),
    ("sources", "sources"),
    ("desk", "sources"),
    ("adapters", "adapters"),
    ("facts", "deliveries", "learning-events", "enrolments"),
    ("replays", "deliveries"),
    ("figures", "figures", "initiatives", "outcomes", "objectives", "activities", "org-units", "sources", "tenant"),
    ("publications", "figures", "published-figures", "restatements"),
    ("metrics", "metrics"),
    ("plans", "evaluation-plans"),
    ("panels", "panels"),
    ("effects", "effect-estimates"),
    ("attributions", "outcomes"),
    ("power", "power"),
    ("rollouts", "rollout-designs"),
    ("statements", "impact-statements"),
    ("webhooks", "webhooks"),
    ("xapi.routes", "xapi"),
    ("oauth", "oauth"),
    ("imports", "imports"),
    ("operations", "operations"),
    ("hooks", "webhook-endpoints", "webhook-messages", "webhook-attempts"),
    ("changes", "changes"),
    ("streams", "stream"),
    ("keys", "keys"),
    ("identity_providers", "identity-providers"),
)


class Service(FastAPI):
    """FastAPI, with a door of their own for deliveries."""

    entrance: webhooks.Entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self.entrance.takes(scope):
            scope["app"] = self
            await self.entrance(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, *, with_worker: bool = False) -> FastAPI:
    """Return the service, which works jobs off beside requests if asked to. Nothing is touched before it starts."""
    settings = settings or Settings()
    database = Database(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        noting = asyncio.create_task(app.state.keyring.note_uses_regularly())
        worker = Crew(database, app.state.vault, lease=timedelta(seconds=settings.job_lease_seconds))
        courier = Courier(database, app.state.vault, app.state.outbound)
        if with_worker:
            database.after_change.append(courier.ring)
        working = [asyncio.create_task(each.run()) for each in (worker, courier)] if with_worker else []
        yield
        noting.cancel()
        worker.stop()
        courier.stop()
        await asyncio.gather(app.state.ingest.close(), app.state.xapi.close(), app.state.streams.close())
        await asyncio.wait([noting])  # what it holds of the database it gives back before that is closed
        if working:
            await asyncio.wait(working, timeout=WORKER_STOP_SECONDS)
        await database.dispose()

    app = Service(
        title="Throughline",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,  # answered by pages
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.vitals = Watch()
    app.state.vault = Vault.from_settings(settings)
    app.state.outbound = Outbound(settings.trusted_origins)
    key_sets = KeySets(app.state.outbound)
    app.state.issuers = Issuers(database, key_sets)
    app.state.keyring = Keyring(database, app.state.issuers)
    app.state.running_keys = set()
    app.state.directory = Directory(database, app.state.vault)
    app.state.rates = Rates(settings.rate_limit_requests, settings.rate_limit_seconds)
    app.state.streams = Streams(database, most=settings.max_streams, most_of_tenant=settings.max_streams_per_tenant)
    database.after_change.append(app.state.streams.ring)
    app.state.senders = Senders(app.state.vault, key_sets)
    app.state.handshakes = Handshakes()
    app.state.budgets = Budgets(settings.max_waiting_per_source)
    app.state.ingest = database.group(ingest.record, lambda item: len(item.body), ingest.ask)
    app.state.ingest.observe = telemetry.group_committed
    app.state.reception = Reception(
        app.state.directory, app.state.senders, app.state.handshakes, app.state.budgets, app.state.ingest
    )
    app.state.xapi = database.group(xapi_statements.record, xapi_statements.Post.size)
    app.state.xapi.observe = telemetry.group_committed
    app.state.schema_state = _schema_state(database)
    errors.install(app)
    openapi.install(app)
    app.router.routes.extend(Room(module, *words) for module, *words in _ROOMS)
    for room in (system, telemetry, pages, graphql):
        app.include_router(room.router)
    _wrap(app, settings)
    return app


def _schema_state(database: Database) -> Callable[[], Awaitable[SchemaState]]:
    async def state() -> SchemaState:
        async with database.reading(None) as session:
            return await schema.state_of(session)

    return state


def _wrap(app: Service, settings: Settings) -> None:
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_ALLOWED,
            expose_headers=_EXPOSED,
        )
    larger = {
        "/v1/panels": settings.max_panel_bytes,
        "/v1/imports": settings.max_import_bytes,
        "/v1/xapi/": settings.max_xapi_bytes,
    }
    limits = Limits(settings.max_body_bytes, settings.body_timeout_seconds, larger)
    app.add_middleware(RequestFrame, limits=limits)
    app.entrance = webhooks.Entrance(app.state.reception, "/v1", limits)
