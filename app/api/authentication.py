"""Who asks: API keys and access tokens, checked once and remembered for a few seconds."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.api import access_tokens
from app.api.issuers import Issuers
from app.api.principals import Credential, Principal, Unauthenticated
from app.domain.errors import ThroughlineError
from app.models.unit import TenantScope, Units
from app.services import identity_providers, keys, tenants
from app.vault import KEY_BEGINS, KeyToken, parse_key_token

log = structlog.get_logger(__name__)

REMEMBERED_SECONDS = 4.0
TENANT_HEADER = "throughline-tenant"
"""Names the tenant of an access token whose audience does not; an API key names its own."""

_REMEMBERED_MOST = 10_000
_SCHEME = "bearer "

Proof = KeyToken | bytes
"""What a checked credential is remembered by: of neither kind can the credential be made again."""


class Keyring:
    """Checks credentials; what was checked is trusted for four seconds: revoking works within five."""

    def __init__(self, database: Units, issuers: Issuers) -> None:
        self._database = database
        self._issuers = issuers
        self._remembered: dict[Proof, tuple[float, Principal]] = {}
        self._used: dict[TenantScope, set[tuple[Credential, UUID]]] = {}

    async def principal(self, headers: Mapping[str, str]) -> Principal:
        """Return whom the headers of a request speak for. Raises Unauthenticated, and Unavailable.

        A mistyped key and a malformed token cost no query.
        """
        authorization = headers.get("authorization")
        if authorization is None or not authorization.lower().startswith(_SCHEME):
            raise Unauthenticated(
                "Send your key as `Authorization: Bearer tl_...`, or an access token of an identity provider of yours."
            )
        text = authorization[len(_SCHEME) :].strip()
        principal = await self._proved(text, headers.get(TENANT_HEADER))
        logs.tell(tenant=principal.tenant.slug, caller=principal.credential_name)
        return principal

    async def _proved(self, text: str, tenant_named: str | None) -> Principal:
        proof = _proof(text, tenant_named)
        known = self._remembered.get(proof)
        if known is not None and known[0] > time.monotonic():
            return _unexpired(known[1])
        if isinstance(proof, KeyToken):
            principal = await self._check(proof)
        else:
            principal = await self._issuers.principal(text, tenant_named)
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        self._remembered[proof] = (time.monotonic() + REMEMBERED_SECONDS, principal)
        self._used.setdefault(principal.tenant, set()).add((principal.credential, principal.credential_id))
        return _unexpired(principal)

    async def note_uses(self) -> None:
        """Write down which keys and identity providers were used since the last call."""
        used, self._used = self._used, {}
        for tenant, credentials in used.items():
            key_ids = sorted(each for kind, each in credentials if kind is Credential.API_KEY)
            provider_ids = sorted(each for kind, each in credentials if kind is Credential.IDENTITY_PROVIDER)
            now = datetime.now(UTC)
            try:
                async with self._database.transaction(tenant) as session:
                    await keys.mark_used(session, key_ids, now)
                    await identity_providers.mark_used(session, provider_ids, now)
            except (ThroughlineError, SQLAlchemyError) as error:
                self._used.setdefault(tenant, set()).update(credentials)
                log.warning("key_uses_not_noted", tenant=tenant.slug, reason=type(error).__name__)

    async def note_uses_regularly(self, seconds: float = 60.0) -> None:
        """Write uses down for as long as the task runs; the database being away only delays it."""
        while True:
            await asyncio.sleep(seconds)
            await self.note_uses()

    async def _check(self, token: KeyToken) -> Principal:
        async with self._database.reading(None) as session:
            tenant = await tenants.by_slug(session, token.tenant_slug)
        if tenant is None or tenant.status != "active":
            raise _refused()
        scope = tenants.scope(tenant)
        async with self._database.reading(scope) as session:
            row = await keys.find(session, token.key_id)
        if row is None or not hmac.compare_digest(row.secret_sha256, token.secret_sha256) or row.revoked_at:
            raise _refused()
        return Principal(scope, Credential.API_KEY, row.id, row.id, frozenset(row.scopes), row.expires_at)


def _proof(text: str, tenant_named: str | None) -> Proof:
    if access_tokens.is_one(text):
        return hashlib.sha256(f"{tenant_named} {text}".encode()).digest()
    if not text.startswith(KEY_BEGINS):
        raise Unauthenticated(
            "This is neither an API key (`tl_...`) nor an access token in the form of a JWT (`ey...`). A token of "
            "another form cannot be checked here: have your identity provider issue JWT access tokens (RFC 9068), or "
            "send a key."
        )
    token = parse_key_token(text)
    if token is None:
        raise Unauthenticated("The key is mistyped: its checksum does not fit.")
    return token


def _unexpired(principal: Principal) -> Principal:
    if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
        raise _refused() if principal.credential is Credential.API_KEY else access_tokens.expired()
    return principal


def _refused() -> Unauthenticated:
    return Unauthenticated("The key is unknown, expired or revoked: make a new one.")
