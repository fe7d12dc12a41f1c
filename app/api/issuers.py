"""Callers with access tokens of identity providers: found by tenant and issuer, proved by the issuer's keys."""

from datetime import UTC, datetime

from app.api import access_tokens
from app.api.access_tokens import AccessToken
from app.api.keysets import KeySets, Place
from app.api.principals import Credential, InvalidToken, Principal
from app.domain.errors import Unavailable
from app.lms import Refused, UnknownKey, _jose
from app.models.identity_providers import IdentityProvider
from app.models.unit import TenantScope, Units
from app.services import identity_providers, tenants

_METADATA = "/.well-known/openid-configuration"
"""https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest"""


class Issuers:
    """Checks access tokens against what their tenants trust."""

    def __init__(self, database: Units, key_sets: KeySets) -> None:
        self._database = database
        self._key_sets = key_sets

    async def principal(self, text: str, tenant_named: str | None) -> Principal:
        """Return whom a token speaks for. Raises InvalidToken, and Unavailable while that cannot be known.

        What costs nothing is looked at first; nothing is fetched for an issuer that nobody trusts.
        """
        token = access_tokens.read(text, datetime.now(UTC))
        slug = access_tokens.tenant_of(token, tenant_named)
        tenant, provider = await self._trusted(slug, token)
        await self._vouch(token, provider)
        return Principal(
            tenant,
            Credential.IDENTITY_PROVIDER,
            provider.id,
            token.caller_id(provider.id),
            access_tokens.scopes_of(token, provider),
            token.ends_at,
        )

    async def examine(self, text: str, provider: IdentityProvider) -> AccessToken:
        """Return a token that an identity provider vouches for. Raises InvalidToken and Unavailable."""
        token = access_tokens.read(text, datetime.now(UTC))
        await self._vouch(token, provider)
        return token

    async def _vouch(self, token: AccessToken, provider: IdentityProvider) -> None:
        access_tokens.check_addresses(token, provider)
        await self._prove(token, provider)
        access_tokens.check_claims(token, provider)

    async def _trusted(self, slug: str, token: AccessToken) -> tuple[TenantScope, IdentityProvider]:
        async with self._database.reading(None) as session:
            tenant = await tenants.by_slug(session, slug)
        if tenant is None or tenant.status != "active":
            raise _unknown_issuer()
        scope = tenants.scope(tenant)
        async with self._database.reading(scope) as session:
            known = await identity_providers.trusted(session, token.issuer)
        if not known:
            raise _unknown_issuer()
        return scope, next((each for each in known if each.audience in token.audiences), known[0])

    async def _prove(self, token: AccessToken, provider: IdentityProvider) -> None:
        place = place_of(provider)
        try:
            self._check(token, provider, place)
        except UnknownKey:
            await self._key_sets.renew(place)
            try:
                self._check(token, provider, place)
            except UnknownKey:
                if self._key_sets.is_away(place):
                    detail = "The key set of the token's issuer cannot be fetched now, so the token cannot be checked."
                    raise Unavailable(detail) from None
                raise InvalidToken("The token is signed with a key that its issuer does not publish.") from None

    def _check(self, token: AccessToken, provider: IdentityProvider, place: Place) -> None:
        try:
            _jose.check(token.signed, self._key_sets.at_hand(place), provider.algorithms)
        except UnknownKey:
            raise
        except Refused as error:
            raise InvalidToken(f"The token cannot be trusted: {error}.") from None


def place_of(provider: IdentityProvider) -> Place:
    """Return where the key set of an identity provider is, or is told."""
    if provider.jwks_url is not None:
        return Place(provider.id, provider.jwks_url)
    return Place(provider.id, provider.issuer.rstrip("/") + _METADATA, provider.issuer)


def _unknown_issuer() -> InvalidToken:
    """Return the same error for a tenant that is not there and for one that does not trust the issuer."""
    detail = "The tenant that the token is for has no enabled identity provider with this issuer (iss)."
    return InvalidToken(detail, code="unknown_issuer")
