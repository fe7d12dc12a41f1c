"""`/v1/identity-providers`: whose access tokens the tenant takes. Keys that read see them; only admin changes them."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api import access_tokens
from app.api.deps import KEY_REQUIRED, PrincipalOf
from app.api.doors import Door
from app.api.issuers import Issuers
from app.api.principals import InvalidToken
from app.api.routing import KeyRoute
from app.api.screening import ScreenedRoute
from app.domain.errors import Unavailable
from app.models.tenancy import Scope
from app.services import nouns
from app.services.identity_providers import IDENTITY_PROVIDERS


class ProviderRoute(ScreenedRoute):
    """A route that looks at where the keys of an identity provider are to be fetched from, before its unit opens."""

    writing_scope = "admin"

    @staticmethod
    def addresses(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the address of the key set; that of the issuer where the key set is to be asked for there."""
        url, issuer = body.get("jwks_url"), body.get("issuer")
        if isinstance(url, str):
            yield "/jwks_url", url
        elif isinstance(issuer, str):
            yield "/issuer", issuer


class TrialRoute(KeyRoute):
    """A route that calls out while it holds no unit of work; for admins, as what it says helps to forge tokens."""

    scope = "admin"


class TokenVerdictKind(StrEnum):
    """What would become of a token."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class TokenSample(BaseModel):
    """A token to try."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln"}]}
    )

    token: str = Field(
        min_length=1,
        max_length=2 * access_tokens.LENGTH_MAX,
        description="An access token as clients get it, without `Bearer`. It is neither stored nor logged.",
    )


class TokenVerdict(BaseModel):
    """What would become of a token, and why."""

    verdict: TokenVerdictKind = Field(
        description="accepted, refused, or unknown while the issuer's keys cannot be fetched; may grow.",
        examples=["accepted"],
    )
    code: str | None = Field(
        description="The code of the error that requests would get, explained at /v1/problems; null when accepted.",
        examples=["invalid_token"],
    )
    reason: str | None = Field(description="Which check failed and what to do; null when accepted.")
    scopes: list[Scope] = Field(
        description="What its claims are granted; empty when no grant names any of them.", examples=[["read"]]
    )
    tenant_header_needed: bool = Field(
        description="Whether requests with it have to name the tenant in the header Throughline-Tenant."
    )


door = Door(IDENTITY_PROVIDERS, "/identity-providers", "identity-providers")
door.router.route_class = ProviderRoute
door.full()

trying = APIRouter(
    prefix="/identity-providers", tags=["identity-providers"], route_class=TrialRoute, dependencies=[KEY_REQUIRED]
)


@trying.post("/{id}/try", operation_id="tryIdentityProvider", summary="Try an access token on an identity provider")
async def try_token(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    sample: Annotated[TokenSample, Body()],
    request: Request,
    principal: PrincipalOf,
) -> TokenVerdict:
    """Say whether a token would be taken, and with which scopes, as if the identity provider were enabled."""
    async with request.app.state.database.reading(principal.tenant) as session:
        provider = await nouns.get(session, IDENTITY_PROVIDERS, door.id_of(id))
    issuers: Issuers = request.app.state.issuers
    needed = not access_tokens.names_a_tenant(provider.audience)
    try:
        token = await issuers.examine(sample.token, provider)
    except (InvalidToken, Unavailable) as error:
        verdict = TokenVerdictKind.REFUSED if isinstance(error, InvalidToken) else TokenVerdictKind.UNKNOWN
        return TokenVerdict(
            verdict=verdict, code=error.code, reason=error.detail, scopes=[], tenant_header_needed=needed
        )
    scopes = [Scope(scope) for scope in sorted(access_tokens.scopes_of(token, provider))]
    accepted = TokenVerdictKind.ACCEPTED
    return TokenVerdict(verdict=accepted, code=None, reason=None, scopes=scopes, tenant_header_needed=needed)


routers = (door.router, trying)
