"""`/v1/sources/{id}/try` and `/test-event`: the integrator's desk. What would become of a request, without effect."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api import readings, tokens
from app.api.deps import KEY_REQUIRED, DirectoryOf, IngestOf, PrincipalOf, VaultOf
from app.api.readings import Reading
from app.api.routing import KeyRoute
from app.api.senders import Senders
from app.api.setups import Connected
from app.api.sources import door
from app.domain.errors import Fault, Invalid
from app.domain.learning import IdentityKind, Kind, LearningEvent
from app.lms import Delivery, Refused, TransportFault, Unreadable
from app.lms._signing import signed
from app.models.sources import TEST_HEADER, DeliveryStatus
from app.models.values import DeliveryId
from app.vault import Vault


class DeskRoute(KeyRoute):
    """A route for keys that may write, as what it says of a signature would help to forge one."""

    scope = "write"


router = APIRouter(prefix="/sources", tags=["sources"], route_class=DeskRoute, dependencies=[KEY_REQUIRED])

_TEST_ID = "msg_test_event"
_UNSIGNABLE = ("jws",)
_VERDICTS = {DeliveryStatus.APPLIED: "accepted"}


class RequestSample(BaseModel):
    """A request as an LMS would send it."""

    model_config = ConfigDict(extra="forbid")

    headers: dict[str, str] = Field(default_factory=dict, description="Its headers; the case of names does not matter.")
    query: dict[str, str] = Field(default_factory=dict, description="The parameters of its address.")
    body: Any = Field(
        default=None, description="Its body: a text as it stands, any other JSON value written compactly."
    )
    body_base64: str | None = Field(default=None, description="Its body byte by byte, instead of `body`.")

    def body_bytes(self) -> bytes:
        """Return the body. Raises Invalid."""
        if self.body is not None and self.body_base64 is not None:
            fault = Fault("one_of_two", "stands beside body", pointer="/body_base64")
            raise Invalid("Send body or body_base64, not both.", errors=(fault,))
        if self.body_base64 is not None:
            try:
                return base64.b64decode(self.body_base64, validate=True)
            except ValueError:
                fault = Fault("invalid_value", "is not base64", pointer="/body_base64")
                raise Invalid("Send the body in base64 of RFC 4648, section 4.", errors=(fault,)) from None
        return _body_bytes(self.body)


class TrySample(RequestSample):
    """A request to try, with or without its signature."""

    verify: bool = Field(
        default=True, description="Whether to check what proves the sender; false: only read the body."
    )


class IdentityTried(BaseModel):
    """One name of a learner."""

    kind: IdentityKind = Field(description="What kind of name.")
    value: str = Field(description="The name, normalised.")
    issuer: str | None = Field(description="Who gives the name; null: the source.")


class PersonTried(BaseModel):
    """The learner as the sender names them."""

    identities: list[IdentityTried] = Field(description="Every name, the strongest first.")


class ActivityTried(BaseModel):
    """The activity as the sender names it."""

    external_id: str = Field(description="Its id in the source.")
    title: str | None = Field(description="Its title, if told.")


class EventTried(BaseModel):
    """One learning event as it would be recorded."""

    kind: Kind = Field(description="What happened.")
    person: PersonTried = Field(description="The learner.")
    activity: ActivityTried | None = Field(description="The activity; null for a voiding.")
    occurred_at: datetime | None = Field(description="When; null: not told, the time of receipt will stand in.")
    score_scaled: str | None = Field(description="Score on -1..1, a decimal.")
    passed: bool | None = Field(description="Passed, not passed, or not told.")
    duration_seconds: int | None = Field(description="Time spent.")
    event_key: str | None = Field(description="The sender's own id of the event; null: one is derived.")
    attempt: str | None = Field(
        description="The sender's number of the enrolment; null: its time tells which attempt it belongs to."
    )


class Verdict(BaseModel):
    """What would become of a request."""

    verdict: str = Field(
        description="accepted, ignored (read, but no learning event), quarantined (kept for a replay) or rejected (not "
        "authentic, or not decodable).",
        examples=["accepted"],
    )
    reason: str | None = Field(description="Why it is not accepted; null when it is.")
    events: list[EventTried] = Field(description="What it would record, before known events are left out.")


class TestVerdict(Verdict):
    """What became of a test event."""

    verified: bool = Field(description="Whether it was signed as the LMS signs; false where only the LMS can.")
    delivery: DeliveryId | None = Field(description="The kept delivery, marked and never counting; null when rejected.")


@router.post("/{id}/try", operation_id="trySource", summary="Try a request on a source")
async def try_source(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    sample: Annotated[TrySample, Body()],
    request: Request,
    principal: PrincipalOf,
    directory: DirectoryOf,
) -> Verdict:
    """Say what a recorded or invented request would become, with the events that it would record. Nothing is stored."""
    connected = await directory.get(principal.tenant, door.id_of(id))
    delivery = readings.request_of(connected, sample.headers, sample.body_bytes(), sample.query, datetime.now(UTC))
    reading, reason = await _judged(request, connected, delivery, verify=sample.verify)
    return Verdict(**_verdict(reading, reason))


@router.post("/{id}/test-event", operation_id="sendTestEvent", summary="Send a test event to a source")
async def send_test_event(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    request: Request,
    principal: PrincipalOf,
    directory: DirectoryOf,
    ingest: IngestOf,
    vault: VaultOf,
    sample: Annotated[RequestSample | None, Body()] = None,
) -> TestVerdict:
    """Send the adapter's example, or a body of yours, signed with the source's secret, the whole way to the database.

    It is kept as an ignored delivery with a mark: it records no event, does not wake the source, and is never replayed.
    """
    connected = await directory.get(principal.tenant, door.id_of(id))
    delivery = _test_request(connected, sample)
    signed_delivery = _signed(vault, connected, delivery)
    reading, reason = await _judged(request, connected, signed_delivery or delivery, verify=signed_delivery is not None)
    kept = None
    if reading is not None:
        told = f"a test event, never counted: {reason or f'{len(reading.events)} learning events were read from it'}"
        test = Reading(DeliveryStatus.IGNORED, told[:500])
        inbound = readings.inbound(
            connected, signed_delivery or delivery, test, marks={TEST_HEADER: "true"}, authentic=False
        )
        kept = (await ingest.submit(principal.tenant, inbound)).delivery_id
    return TestVerdict(**_verdict(reading, reason), verified=signed_delivery is not None, delivery=kept)


async def _judged(
    request: Request, connected: Connected, delivery: Delivery, *, verify: bool
) -> tuple[Reading | None, str | None]:
    """Return the reading, or None when the request is rejected; and the reason."""
    senders: Senders = request.app.state.senders
    try:
        if verify:
            await senders.verify(connected, delivery)
        reading = readings.read(connected, delivery)
    except Refused as error:
        return None, f"the delivery is not authentic: {error}"
    except TransportFault as error:
        return None, f"the delivery cannot be decoded: {error}"
    return reading, reading.reason


def _verdict(reading: Reading | None, reason: str | None) -> dict[str, Any]:
    verdict = "rejected" if reading is None else _VERDICTS.get(reading.status, reading.status.value)
    return {
        "verdict": verdict,
        "reason": reason,
        "events": [_tried(event) for event in reading.events] if reading else [],
    }


def _tried(event: LearningEvent) -> EventTried:
    names = [IdentityTried(kind=name.kind, value=name.value, issuer=name.issuer) for name in event.identities]
    told = event.activity
    return EventTried(
        kind=event.kind,
        person=PersonTried(identities=names),
        activity=None if told is None else ActivityTried(external_id=told.external_id, title=told.title),
        occurred_at=event.occurred_at,
        score_scaled=None if event.score_scaled is None else format(event.score_scaled, "f"),
        passed=event.passed,
        duration_seconds=event.duration_seconds,
        event_key=event.event_key,
        attempt=event.attempt,
    )


def _test_request(connected: Connected, sample: RequestSample | None) -> Delivery:
    now = datetime.now(UTC)
    if sample is not None:
        return readings.request_of(connected, sample.headers, sample.body_bytes(), sample.query, now)
    example = connected.adapter.example_of(connected.setup.authentication["scheme"])
    if connected.setup.mapping and connected.setup.mapping != example.get("mapping"):
        fault = Fault("missing", "is needed, because this source has a field map of its own", pointer="/body")
        raise Invalid("Send a body that your LMS would send; the example fits only its own field map.", errors=(fault,))
    body = _body_bytes(example["body"])
    return readings.request_of(connected, example["headers"], body, example.get("query", {}), now)


def _signed(vault: Vault, connected: Connected, delivery: Delivery) -> Delivery | None:
    """Return the request with what the source's scheme asks for; None where only the LMS can sign."""
    setup = connected.setup
    scheme = setup.authentication["scheme"]
    if scheme in _UNSIGNABLE or any(secret.startswith("whpk_") for secret in setup.secrets[:1]):
        return None
    if scheme == "none":
        return delivery
    if not setup.secrets:
        fault = Fault("missing", "the source has no secret", pointer="/authentication")
        raise Invalid("Rotate the source's secret first: it has none.", errors=(fault,))
    if scheme == "oauth2":
        token = tokens.issue(vault, connected, setup.secrets[0], delivery.received_at)
        return replace(delivery, headers={**delivery.headers, "authorization": f"Bearer {token}"})
    try:
        return signed(delivery, setup, message_id=_TEST_ID)
    except (Unreadable, ValueError, TypeError, AttributeError) as error:
        fault = Fault("invalid_value", f"cannot carry the signature of the scheme {scheme}", pointer="/body")
        raise Invalid("Send a body that is a JSON object, as the scheme signs inside it.", errors=(fault,)) from error


def _body_bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
