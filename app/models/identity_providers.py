"""Identity providers: whose access tokens (JWTs) a tenant takes instead of API keys, and what their claims allow."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, StringConstraints, field_validator
from pydantic import Field as Part
from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from app.models.base import ANSWER, Instant, Json, Noun, Piece, ReadShape, Shape
from app.models.history import historised
from app.models.tenancy import Scope
from app.models.values import IdentityProviderId, Prose, Title, Whole

OWN_AUDIENCE = "throughline:"
"""What the audience begins with that names a tenant: `throughline:acme`."""

_DAY_SECONDS = 86_400
_ClaimName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_ClaimValue = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[!-~]+$")]
"""An issuer or audience: compared letter by letter, so that no white space may hide in it."""

_Url = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class IdentityProviderStatus(StrEnum):
    """Whether tokens of an identity provider are taken."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class SigningAlgorithm(StrEnum):
    """How a token may be signed: with a private key, always (RFC 7518)."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"


class ScopeGrant(Piece):
    """What one value of the scope claim allows."""

    model_config = ConfigDict(extra="forbid")

    claim_value: _ClaimValue = Part(
        description="A scope, role or group as the token says it, letter by letter.", examples=["throughline-editors"]
    )
    scopes: list[Scope] = Part(
        min_length=1, max_length=len(Scope), description="What it allows here.", examples=[["read", "write"]]
    )


class RequiredClaim(Piece):
    """A claim that every token must have."""

    model_config = ConfigDict(extra="forbid")

    name: _ClaimName = Part(description="Name of the claim.", examples=["azp"])
    values: list[_ClaimValue] = Part(
        min_length=1, max_length=50, description="It is, or lists, one of these.", examples=[["reporting-client"]]
    )


class IdentityProviderWrite(Shape):
    """An issuer of access tokens that the tenant trusts."""

    name: Title = Field(description="What it is called among you.", schema_extra={"examples": ["Company sign-on"]})
    issuer: _Name = Field(
        description="Exactly what its tokens have in `iss`; it cannot be changed.",
        schema_extra={"examples": ["https://login.example.org/realms/acme"]},
    )
    audience: _Name | None = Field(
        default=None,
        description="What its tokens must have in `aud`; null: `throughline:<tenant>`, by which a token says itself "
        "which tenant it is for. With any other, requests name the tenant in the header Throughline-Tenant.",
        schema_extra={"examples": ["throughline:acme"]},
    )
    jwks_url: _Url | None = Field(
        default=None,
        description="Where its key set (JWKS) is: an https address on the public internet; null: as "
        "`<issuer>/.well-known/openid-configuration` says.",
        schema_extra={"examples": ["https://login.example.org/realms/acme/certs"]},
    )
    algorithms: list[SigningAlgorithm] = Field(
        default=[SigningAlgorithm.RS256, SigningAlgorithm.ES256],
        sa_type=Json,
        min_length=1,
        max_length=len(SigningAlgorithm),
        description="How tokens may be signed.",
        schema_extra={"examples": [["RS256"]]},
    )
    scope_claim: list[_ClaimName] = Field(
        default=["scope"],
        sa_type=Json,
        min_length=1,
        max_length=5,
        description="The claim that `grants` speaks of, as a path of names: `[scope]`, `[groups]`, "
        "`[realm_access, roles]`. It is a list of texts or one text; `scope` and `scp` are cut at spaces.",
        schema_extra={"examples": [["realm_access", "roles"]]},
    )
    grants: list[ScopeGrant] = Field(
        sa_type=Json,
        min_length=1,
        max_length=200,
        description="What the values of that claim allow. A token with none of them may do nothing.",
        schema_extra={"examples": [[{"claim_value": "throughline-editors", "scopes": ["read", "write"]}]]},
    )
    required_claims: list[RequiredClaim] = Field(
        default=[],
        sa_type=Json,
        max_length=20,
        description="Claims that every token must have, such as the client or organisation it was issued to.",
        schema_extra={"examples": [[{"name": "azp", "values": ["reporting-client"]}]]},
    )
    max_lifetime_seconds: Whole = Field(
        default=_DAY_SECONDS,
        ge=60,
        le=30 * _DAY_SECONDS,
        description="The longest time from `iat` to `exp`: a token cannot be revoked one by one.",
        schema_extra={"examples": [3_600]},
    )
    description: Prose | None = Field(default=None, description="Notes for your colleagues.")

    @field_validator("algorithms")
    @classmethod
    def _each_once(cls, value: list[SigningAlgorithm]) -> list[SigningAlgorithm]:
        return list(dict.fromkeys(value))

    @field_validator("grants")
    @classmethod
    def _speaks_once_of_a_value(cls, value: list[ScopeGrant]) -> list[ScopeGrant]:
        if len({grant.claim_value for grant in value}) < len(value):
            raise ValueError("names each claim value once")
        return value


@historised
class IdentityProvider(Noun, IdentityProviderWrite, table=True):
    """An identity provider of one tenant."""

    __tablename__ = "identity_provider"
    __table_args__ = (UniqueConstraint("tenant_id", "issuer", "audience"),)
    prefix: ClassVar[str] = "idp"

    status: str = Field(default=IdentityProviderStatus.ENABLED, max_length=20)
    audience: str
    algorithms: list[str] = Field(sa_type=Json)  # type: ignore[assignment]  # as JSON
    grants: list[dict[str, Any]] = Field(sa_type=Json)  # type: ignore[assignment]  # as JSON
    required_claims: list[dict[str, Any]] = Field(sa_type=Json)  # type: ignore[assignment]  # as JSON
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)


class IdentityProviderRead(ReadShape, IdentityProviderWrite):
    """An identity provider as it stands."""

    model_config = ANSWER

    id: IdentityProviderId = Field(description="Public id.")
    status: IdentityProviderStatus = Field(
        description="Whether its tokens are taken; disabling works within five seconds; may grow.",
        schema_extra={"examples": ["enabled"]},
    )
    audience: str = Field(
        description="What its tokens must have in `aud`.", schema_extra={"examples": ["throughline:acme"]}
    )
    last_used_at: datetime | None = Field(description="When a token of it was last used, to the minute; null: never.")
