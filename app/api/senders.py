"""Who delivers: proves that a request comes from a source, with what the pure verification cannot know by itself."""

import hmac
from dataclasses import replace

from app.api import tokens
from app.api.keysets import KeySets, Place
from app.api.setups import Connected
from app.domain.errors import Unavailable
from app.lms import Delivery, Refused, SourceSetup, UnknownKey, _signatures
from app.vault import Vault


class Senders:
    """Authenticates requests of sources: secret segments, tokens of our own, key sets, and every other scheme."""

    def __init__(self, vault: Vault, key_sets: KeySets) -> None:
        self._vault = vault
        self._key_sets = key_sets

    async def authenticate(self, connected: Connected, delivery: Delivery, path_secret: str) -> None:
        """Raise Refused unless the request proves that it comes from the source; Unavailable when that is not known."""
        self.check_path(connected, path_secret)
        await self.verify(connected, delivery)

    def check_path(self, connected: Connected, path_secret: str) -> None:
        """Raise Refused unless the last segment of the address is the secret, where the scheme has it there."""
        if _signatures.SCHEMES[connected.setup.authentication["scheme"]].secret_path:
            sent = path_secret.encode("utf-8", "replace")
            if sum(hmac.compare_digest(sent, secret.encode()) for secret in connected.setup.secrets) == 0:
                raise Refused("the address lacks its secret segment, or has a wrong one")
        elif path_secret:
            raise Refused(
                "this source has no secret segment: post to its webhook_url (xAPI: below /v1/xapi/) as it stands"
            )

    async def verify(self, connected: Connected, delivery: Delivery) -> None:
        """Check everything but the address, as `authenticate` does."""
        setup = connected.setup
        if setup.authentication["scheme"] == "oauth2":
            sent = delivery.headers.get("authorization", "")
            good = tokens.fits(self._vault, connected, sent, delivery.received_at)
            setup = _with_option(setup, "bearer_verified", value=good)
        if setup.authentication["scheme"] == "jws":
            await self._verify_signed_body(connected, delivery)
        else:
            _signatures.verify(delivery, setup)

    async def _verify_signed_body(self, connected: Connected, delivery: Delivery) -> None:
        place = Place(connected.source_id, str(connected.setup.authentication["jwks_url"]))
        try:
            _signatures.verify(delivery, _with_option(connected.setup, "jwks", value=self._key_sets.at_hand(place)))
        except UnknownKey:
            await self._key_sets.renew(place)
            try:
                _signatures.verify(delivery, _with_option(connected.setup, "jwks", value=self._key_sets.at_hand(place)))
            except UnknownKey:
                if self._key_sets.is_away(place):
                    detail = "The sender's key set cannot be fetched now, and its key is not known yet; send it again."
                    raise Unavailable(detail) from None
                raise


def _with_option(setup: SourceSetup, name: str, *, value: object) -> SourceSetup:
    return replace(setup, options={**setup.options, name: value})
