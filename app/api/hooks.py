"""`/v1/webhook-endpoints`, and the messages and attempts of each: changes of this service, sent to you."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.deps import IDEMPOTENT, KEY_REQUIRED, PrincipalOf, SessionOf, VaultOf, Versions
from app.api.doors import ETAG, LOCATION, Door
from app.api.routing import KeyRoute
from app.api.screening import ScreenedRoute
from app.models.base import new_id
from app.models.hooks import (
    WebhookAttemptRead,
    WebhookEndpoint,
    WebhookEndpointCreated,
    WebhookEndpointRead,
    WebhookEndpointWrite,
    WebhookPayload,
)
from app.models.tenancy import ChangeRead
from app.models.values import AwareTime, WebhookMessageId
from app.services import hooks, nouns, outgoing, sources
from app.services.hooks import ATTEMPTS, ENDPOINTS, MESSAGES
from app.services.outgoing import Outcome, Parcel

TEST_TYPE = "webhook_endpoint.test"
_MESSAGES_MOST = 1_000


class HookRoute(ScreenedRoute):
    """A route that looks at an endpoint's address before its unit of work opens."""

    @staticmethod
    def addresses(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the endpoint's address."""
        url = body.get("url")
        if isinstance(url, str):
            yield "/url", url


class TestRoute(KeyRoute):
    """A route that calls out while it holds no unit of work; for keys that may write."""

    scope = "write"


class SecretRotation(BaseModel):
    """A new secret, and for how long the former one signs too."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="How long both secrets sign.", examples=[86_400]
    )


class WebhookReplayWrite(BaseModel):
    """What to send again: named messages, those that failed in every attempt, or all changes from an instant on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"since": "2026-03-01T00:00:00Z"}]})

    message_ids: list[WebhookMessageId] | None = Field(
        default=None, min_length=1, max_length=_MESSAGES_MOST, description="These messages, up to 1,000."
    )
    failed: bool | None = Field(default=None, description="true: every message that failed in all its attempts.")
    since: AwareTime | None = Field(
        default=None, description="Every change from this instant on, those from before the endpoint was made too."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> "WebhookReplayWrite":
        if (self.message_ids is not None) + bool(self.failed) + (self.since is not None) != 1:
            raise ValueError("name one of message_ids, failed (true) and since")
        return self


class WebhookReplayRead(BaseModel):
    """What will be sent again."""

    count: int = Field(
        description="Messages that are due again; for `since` the changes from then on, of all types.", examples=[3]
    )


door = Door(ENDPOINTS, "/webhook-endpoints", "webhook-endpoints")
door.router.route_class = HookRoute
door.listing()
door.reading()
door.patching()
door.archiving()
router = door.router

messages = Door(MESSAGES, "/webhook-messages", "webhook-endpoints")
messages.listing()
messages.reading()

attempts = Door(ATTEMPTS, "/webhook-attempts", "webhook-endpoints")
attempts.listing()
attempts.reading()

testing = APIRouter(
    prefix="/webhook-endpoints", tags=["webhook-endpoints"], route_class=TestRoute, dependencies=[KEY_REQUIRED]
)


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createWebhookEndpoint",
    summary="Have changes sent to an address of yours",
    response_model=WebhookEndpointCreated,
    responses={201: {"headers": ETAG | LOCATION}},
)
async def create_endpoint(
    fields: Annotated[WebhookEndpointWrite, Body()], response: Response, session: SessionOf, vault: VaultOf
) -> Any:
    """Answer the endpoint and, this once, its secret. It is sent what changes from now on."""
    row, secret = await hooks.create(session, vault, fields)
    response.headers["Location"] = door.location(row)
    return _with_secret(response, row, secret)


@router.post(
    "/{id}/rotate-secret",
    dependencies=[IDEMPOTENT],
    operation_id="rotateWebhookEndpointSecret",
    summary="Change the secret of a webhook endpoint",
    response_model=WebhookEndpointCreated,
    responses={200: {"headers": ETAG}},
)
async def rotate_secret(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: SecretRotation,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
    versions: Versions,
) -> Any:
    """Answer the new secret, this once; for a while every message is signed with both."""
    row = await nouns.get(session, ENDPOINTS, door.id_of(id))
    nouns.expect(row, versions)
    secret = hooks.new_secret()
    await sources.set_secret(session, vault, row, secret, overlap=timedelta(seconds=fields.overlap_seconds))
    return _with_secret(response, row, secret)


@router.post(
    "/{id}/enable",
    dependencies=[IDEMPOTENT],
    operation_id="enableWebhookEndpoint",
    summary="Send to a webhook endpoint again",
    response_model=WebhookEndpointRead,
    responses={200: {"headers": ETAG}},
)
async def enable_endpoint(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    response: Response,
    session: SessionOf,
    versions: Versions,
) -> Any:
    """Go on where it stopped: what waits is sent now, and what changed meanwhile follows. Nothing is lost."""
    row = await nouns.get(session, ENDPOINTS, door.id_of(id))
    nouns.expect(row, versions)
    await hooks.enable(session, row)
    return door.answer(response, row)


@router.post(
    "/{id}/disable",
    dependencies=[IDEMPOTENT],
    operation_id="disableWebhookEndpoint",
    summary="Send nothing to a webhook endpoint",
    response_model=WebhookEndpointRead,
    responses={200: {"headers": ETAG}},
)
async def disable_endpoint(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    response: Response,
    session: SessionOf,
    versions: Versions,
) -> Any:
    """Pause it. Its place in the feed is kept until it is enabled again."""
    row = await nouns.get(session, ENDPOINTS, door.id_of(id))
    nouns.expect(row, versions)
    await hooks.disable(session, row, "disabled by hand: enable it to go on")
    return door.answer(response, row)


@router.post(
    "/{id}/replay",
    status_code=202,
    dependencies=[IDEMPOTENT],
    operation_id="replayWebhookMessages",
    summary="Send messages to a webhook endpoint again",
    response_model=WebhookReplayRead,
)
async def replay_messages(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: Annotated[WebhookReplayWrite, Body()],
    session: SessionOf,
) -> Any:
    """Each message has the id of the first time, so that a receiver that remembers ids takes only what it missed.

    The endpoint must be active for them to leave; while it is disabled they wait.
    """
    row = await nouns.get(session, ENDPOINTS, door.id_of(id))
    if fields.since is not None:
        return WebhookReplayRead(count=await hooks.replay_since(session, row, fields.since))
    if fields.message_ids is not None:
        return WebhookReplayRead(count=await hooks.replay_messages(session, row, fields.message_ids))
    return WebhookReplayRead(count=await hooks.replay_failed(session, row))


@testing.post(
    "/{id}/test",
    operation_id="testWebhookEndpoint",
    summary="Send a test to a webhook endpoint",
    response_model=WebhookAttemptRead,
)
async def send_test(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    request: Request,
    principal: PrincipalOf,
    vault: VaultOf,
) -> Any:
    """Send one signed message of type `webhook_endpoint.test` now, whatever the status, and answer how it went."""
    database = request.app.state.database
    at = datetime.now(UTC)
    async with database.reading(principal.tenant) as session:
        row = await nouns.get(session, ENDPOINTS, door.id_of(id))
        url, secrets = row.url, sources.secrets_of(vault, row, at)
    parcel = _test_parcel(row, at)
    outcome = Outcome(parcel, at, await outgoing.post(request.app.state.outbound, url, secrets, parcel, at))
    async with database.transaction(principal.tenant) as session:
        attempt = await outgoing.note_test(session, row.id, outcome)
        return ATTEMPTS.present(attempt)


def _test_parcel(row: WebhookEndpoint, at: datetime) -> Parcel:
    message_id = new_id()
    entry = ChangeRead(
        id=message_id,
        type=TEST_TYPE,
        resource_id=ENDPOINTS.public(row.id),
        version=row.version,
        recorded_at=at,
    )
    body = WebhookPayload(type=TEST_TYPE, timestamp=at, data=entry).model_dump_json().encode()
    return Parcel(None, 1, TEST_TYPE, MESSAGES.public(message_id), body)


def _with_secret(response: Response, row: WebhookEndpoint, secret: str) -> WebhookEndpointCreated:
    shown = door.answer(response, row).model_dump()
    return WebhookEndpointCreated.model_validate(shown | {"secret": secret})


routers = (router, testing, messages.router, attempts.router)

webhooks = APIRouter()
"""What this service sends, for the section `webhooks` of the reference."""


@webhooks.post("change", operation_id="receiveChange", summary="Something changed", tags=["webhook-endpoints"])
def receive_change(body: WebhookPayload) -> None:
    """Take a change that this service posts to you.

    Each active webhook endpoint is posted each change of the types that it asks for, signed as Standard Webhooks
    (https://www.standardwebhooks.com): `Webhook-Id`, `Webhook-Timestamp`, `Webhook-Signature`.

    Answer 2xx within 20 seconds, before you work on it. Anything else is tried again after 5 seconds, 5 and 30 minutes,
    2, 5, 10, 14, 20 and 24 hours, later where Retry-After asks for it; 410 disables the endpoint. A message comes once
    at the least, and not always in order: know it again by its `Webhook-Id`, and read the resource for its state.
    """
