"""Whom a request acts for, and the two ways in which it may not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain import ids
from app.domain.errors import ThroughlineError
from app.models.unit import TenantScope


class Unauthenticated(ThroughlineError):
    """The request carries no credentials that are good."""

    code = "unauthenticated"


class InvalidToken(Unauthenticated):
    """The request carries an access token, and it is not good."""

    code = "invalid_token"


class MissingScope(ThroughlineError):
    """The caller is known, but may not do this."""

    code = "missing_scope"


class Credential(StrEnum):
    """What vouches for a caller: the noun that holds it."""

    API_KEY = "api_key"
    IDENTITY_PROVIDER = "identity_provider"


_PREFIXES = {Credential.API_KEY: "key", Credential.IDENTITY_PROVIDER: "idp"}


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a request acts for in a tenant, with which scopes.

    `credential_id` is the key's or identity provider's. `caller_id` is the key's too, or a pseudonym of one subject of
    the provider: Idempotency-Keys and shares belong to it.
    """

    tenant: TenantScope
    credential: Credential
    credential_id: UUID
    caller_id: UUID
    scopes: frozenset[str]
    expires_at: datetime | None

    @property
    def credential_name(self) -> str:
        """Its public id, for the logs: it names a key or an identity provider, never a person."""
        return ids.encode(_PREFIXES[self.credential], self.credential_id)

    def require(self, scope: str) -> None:
        """Raise MissingScope unless the caller has `scope`; admin has every one."""
        if scope not in self.scopes and "admin" not in self.scopes:
            held = ", ".join(sorted(self.scopes)) or "none"
            if self.credential is Credential.API_KEY:
                raise MissingScope(f"This needs a key with the scope {scope}; this key has {held}.")
            detail = f"This needs the scope {scope}; by the grants of its identity provider this token has {held}."
            raise MissingScope(detail)
