"""Who asks: API keys, checked once and remembered for a few seconds."""

import asyncio
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.domain.errors import ThroughlineError
from app.models.tenancy import ApiKey
from app.models.unit import TenantScope, Units
from app.services import keys, tenants
from app.vault import KeyToken, parse_key_token

log = structlog.get_logger(__name__)

REMEMBERED_SECONDS = 4.0
_REMEMBERED_MOST = 10_000
_SCHEME = "bearer "


class Unauthenticated(ThroughlineError):
    """The request carries no valid key."""

    code = "unauthenticated"


class MissingScope(ThroughlineError):
    """The key is valid, but may not do this."""

    code = "missing_scope"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request acts for: a key of a tenant, with its scopes."""

    tenant: TenantScope
    key_id: UUID
    scopes: frozenset[str]
    expires_at: datetime | None

    def require(self, scope: str) -> None:
        """Raise MissingScope unless the key has `scope`; admin has every one."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise MissingScope(
                f"This needs a key with the scope {scope}; this key has {', '.join(sorted(self.scopes))}."
            )


class Keyring:
    """Checks keys against the database; a checked one is trusted for four seconds: revoking works within five."""

    def __init__(self, database: Units) -> None:
        self._database = database
        self._remembered: dict[KeyToken, tuple[float, Principal]] = {}
        self._used: dict[TenantScope, set[UUID]] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """Return whom an Authorization header speaks for. Raises Unauthenticated; a mistyped key costs no query."""
        if authorization is None or not authorization.lower().startswith(_SCHEME):
            raise Unauthenticated("Send your key as `Authorization: Bearer tl_...`.")
        token = parse_key_token(authorization[len(_SCHEME) :].strip())
        if token is None:
            raise Unauthenticated("The key is mistyped: its checksum does not fit.")
        known = self._remembered.get(token)
        if known is not None and known[0] > time.monotonic():
            return self._unexpired(known[1])
        principal = await self._check(token)
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        self._remembered[token] = (time.monotonic() + REMEMBERED_SECONDS, principal)
        self._used.setdefault(principal.tenant, set()).add(principal.key_id)
        return self._unexpired(principal)

    async def note_uses(self) -> None:
        """Write down which keys were used since the last call."""
        used, self._used = self._used, {}
        for tenant, key_ids in used.items():
            try:
                async with self._database.transaction(tenant) as session:
                    await keys.mark_used(session, sorted(key_ids), datetime.now(UTC))
            except (ThroughlineError, SQLAlchemyError) as error:
                self._used.setdefault(tenant, set()).update(key_ids)
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
        return _principal(scope, row)

    @staticmethod
    def _unexpired(principal: Principal) -> Principal:
        if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
            raise _refused()
        return principal


def _principal(tenant: TenantScope, row: ApiKey) -> Principal:
    return Principal(tenant, row.id, frozenset(row.scopes), row.expires_at)


def _refused() -> Unauthenticated:
    return Unauthenticated("The key is unknown, expired or revoked: make a new one.")
