"""What is done to a delivery, by whichever way it comes in: verified, parsed, kept, committed, then acknowledged."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import structlog

from app.api import readings, telemetry
from app.api.budgets import Budgets
from app.api.deps import Ingest
from app.api.errors import BadSignature
from app.api.handshakes import Handshakes
from app.api.readings import RawHeaders
from app.api.senders import Senders
from app.api.setups import Connected, Directory
from app.domain import ids
from app.domain.errors import NotFound, ThroughlineError, Unavailable
from app.lms import Delivery, Refused, TransportFault
from app.lms._statements import statement_ids
from app.models import sources as models
from app.models.sources import UNVERIFIED_HEADER, DeliveryStatus
from app.services.inbound import UNSTORABLE, Inbound, Receipt

log = structlog.get_logger(__name__)


class Reception:
    """Takes deliveries."""

    def __init__(
        self, directory: Directory, senders: Senders, handshakes: Handshakes, budgets: Budgets, ingest: Ingest
    ) -> None:
        self._directory = directory
        self._senders = senders
        self._handshakes = handshakes
        self._budgets = budgets
        self._ingest = ingest

    async def take(
        self, place: Sequence[str], headers: RawHeaders, query: bytes, whole: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """Return an `Acknowledgement` as JSON once the delivery is committed; `place` is tenant, source, maybe secret.

        `whole` reads the body. Raises BadSignature and NotFound, what stands in the way of decoding the message (with
        the code of the TransportFault), and Unavailable.
        """
        tenant, source, *secret = place
        connected = await self._directory.find(tenant, source)
        delivery = readings.received(connected, headers, await whole(), _parameters(query), datetime.now(UTC))
        return _acknowledgement(await self._received(connected, delivery, secret[0] if secret else ""))

    async def take_statements(
        self, place: Sequence[str], headers: RawHeaders, query: bytes, whole: Callable[[], Awaitable[bytes]]
    ) -> list[str]:
        """Return the ids of the xAPI statements of a delivery once it is committed; else as `take`."""
        tenant, source, *secret = place
        connected = await self.taker_of_statements(tenant, source)
        delivery = readings.received(
            connected, headers, await whole(), _parameters(query), datetime.now(UTC), statements=True
        )
        await self._received(connected, delivery, secret[0] if secret else "")
        return statement_ids(delivery)

    async def taker_of_statements(self, tenant: str, source: str) -> Connected:
        """Return a source whose platform may post statements below its webhook URL. Raises NotFound."""
        connected = await self._directory.find(tenant, source)
        if connected.adapter.of_statements is None:
            raise NotFound("This source takes no xAPI statements: have its platform post to the webhook_url itself.")
        return connected

    async def _received(self, connected: Connected, delivery: Delivery, path_secret: str) -> Receipt:
        adapter = connected.adapter.slug
        try:
            inbound = await self._admitted(connected, delivery, path_secret)
        except Refused as error:
            telemetry.delivery_judged(adapter, "rejected")
            log.warning(
                "delivery_refused", tenant=connected.tenant.slug, source=connected.slug, reason=str(error)[:500]
            )
            basic = connected.setup.authentication["scheme"] == "basic"
            raise BadSignature(f"The delivery is not authentic: {error}.", basic=basic) from error
        except TransportFault as error:
            telemetry.delivery_judged(adapter, "rejected")
            raise ThroughlineError(f"The delivery cannot be decoded: {error}.", code=error.code.value) from error
        try:
            with self._budgets.place(connected.source_id, len(delivery.body)):
                receipt = await self._kept(connected, inbound)
        except Unavailable:
            telemetry.delivery_judged(adapter, "unavailable")
            raise
        telemetry.delivery_judged(adapter, receipt.status.value, receipt.conflicts)
        return receipt

    async def _kept(self, connected: Connected, inbound: Inbound) -> Receipt:
        """Return what became of a delivery; one whose events the database refuses is kept without them, for a replay.

        The reader should have said what is wrong with it: that it did not is logged as an error.
        """
        try:
            return await self._ingest.submit(connected.tenant, inbound)
        except UNSTORABLE as error:
            refusal = type(error).__name__
        receipt = await self._ingest.submit(connected.tenant, inbound.unread())
        kept_as = ids.encode(models.Delivery.prefix, receipt.delivery_id)
        log.error("delivery_unstorable", tenant=connected.tenant.slug, delivery=kept_as, error_type=refusal)
        return receipt

    async def _admitted(self, connected: Connected, delivery: Delivery, path_secret: str) -> Inbound:
        """Return what to keep of a delivery. Raises Refused and TransportFault."""
        try:
            await self._senders.authenticate(connected, delivery, path_secret)
        except Refused as error:
            changed = await self._directory.renewed(connected)
            if changed is not None:
                return await self._admitted(changed, delivery, path_secret)
            if not self._handshakes.admits(connected, delivery):
                raise
            reason = f"a confirmation code whose sender nothing proved ({error}): send it back with iSpring's API"
            code = readings.Reading(DeliveryStatus.IGNORED, reason)
            return readings.inbound(connected, delivery, code, marks={UNVERIFIED_HEADER: "true"}, authentic=False)
        return readings.inbound(connected, delivery, readings.read(connected, delivery))


def _parameters(query: bytes) -> dict[str, str]:
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {}


def _acknowledgement(receipt: Receipt) -> bytes:
    delivery_id = ids.encode(models.Delivery.prefix, receipt.delivery_id)
    reason = "null" if receipt.reason is None else json.dumps(receipt.reason)
    return (
        f'{{"delivery":"{delivery_id}","status":"{receipt.status.value}","recorded":{receipt.recorded},'
        f'"duplicates":{receipt.duplicates},"conflicts":{receipt.conflicts},"reason":{reason}}}'
    ).encode()
