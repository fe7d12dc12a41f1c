"""Tenants, their clock, settings, API keys, the change feed, and the records of idempotent requests."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, WithJsonSchema, model_validator
from pydantic import Field as Part
from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint, Uuid, text
from sqlmodel import Field, SQLModel

from app.models.base import ANSWER, Answer, Exact, Instant, Json, Noun, Piece, ReadShape, Row, Shape, new_id
from app.models.history import historised
from app.models.initiatives import Level
from app.models.values import AwareTime, ChangeId, ExactNumber, KeyId, TenantId, Title, Weight, Whole, Zone

REFERENCE_TABLES = ("tenant",)
"""Global tables: small, read-mostly, the same on every node (tenancy rule 3)."""

LOCAL_TABLES = ("job",)
"""Tables that stay on the coordinator, without policy and without foreign keys (tenancy rule 6)."""


class Scope(StrEnum):
    """What a caller may do; admin may do everything."""

    READ = "read"
    WRITE = "write"
    INGEST = "ingest"
    ADMIN = "admin"


SCOPES = tuple(Scope)


class Tenant(SQLModel, table=True):
    """One organisation; every other row belongs to one. A reference table."""

    __tablename__ = "tenant"

    id: UUID = Field(default_factory=new_id, primary_key=True, sa_type=Uuid)
    slug: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    status: str = Field(default="active", max_length=20)
    created_at: datetime = Field(sa_type=Instant)


class TenantClock(Row, table=True):
    """The last change position and instant of a tenant; locking this row orders its writing transactions.

    Its id is the tenant's. `ticked_us` is in microseconds since 1970, so that both engines can add one.
    """

    __tablename__ = "tenant_clock"

    position: int = Field(default=0, sa_type=BigInteger)
    ticked_us: int = Field(sa_type=BigInteger)


class LevelTarget(Piece):
    """How many of the initiatives that end are to be evaluated at a level."""

    model_config = ConfigDict(extra="forbid")

    level: Level = Part(description="Level of evaluation, 0 reach to 5 return.", examples=[3])
    rate: ExactNumber = Part(ge=0, le=1, description="Share of initiatives, 0 to 1.", examples=["0.3"])


class EngagementComponent(StrEnum):
    """What the engagement index is made of, each on average of a learner and pursuit."""

    ACTIVE_WEEKS = "active_weeks"
    ACTIVITIES_TOUCHED = "activities_touched"
    VOLUNTARY_RETURNS = "voluntary_returns"
    CONTRIBUTION = "contribution"


class EngagementPart(Piece):
    """How one component counts in the engagement index."""

    model_config = ConfigDict(extra="forbid")

    component: EngagementComponent = Part(description="Which.", examples=["active_weeks"])
    cap: ExactNumber = Part(gt=0, description="The amount from which on more does not count.", examples=["4"])
    weight: Weight = Part(description="Its weight among the components.", examples=["1"])


class TenantSettingsWrite(Shape):
    """What a tenant can decide for itself."""

    zone: Zone = Field(
        default="UTC", description="IANA zone in which periods are cut.", schema_extra={"examples": ["Europe/Vienna"]}
    )
    minimum_cohort: Whole = Field(
        default=5,
        ge=5,
        le=1000,
        description="Fewest people in a figure that is shown.",
        schema_extra={"examples": [10]},
    )
    on_track_at: ExactNumber | None = Field(
        default=None, ge=0, le=1, sa_type=Exact, description="Pace from which an outcome is on track; null: 0.90."
    )
    at_risk_at: ExactNumber | None = Field(
        default=None, ge=0, le=1, sa_type=Exact, description="Pace from which it is only at risk; null: 0.75."
    )
    stale_after: ExactNumber | None = Field(
        default=None, ge=1, le=100, sa_type=Exact, description="Cadences after which a status is unknown; null: 1.5."
    )
    evaluation_policy: list[LevelTarget] | None = Field(
        default=None,
        max_length=6,
        sa_type=Json,
        description="How many initiatives are to be evaluated at which level, each level once; null: no policy.",
        schema_extra={"examples": [[{"level": 3, "rate": "0.3"}, {"level": 4, "rate": "0.1"}]]},
    )
    engagement: list[EngagementPart] | None = Field(
        default=None,
        min_length=1,
        max_length=4,
        sa_type=Json,
        description="Caps and weights of the engagement index, each component once; null: those of the catalogue.",
        schema_extra={"examples": [[{"component": "active_weeks", "cap": "4", "weight": "1"}]]},
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        levels = [each.level for each in self.evaluation_policy or []]
        if len(set(levels)) < len(levels):
            raise ValueError("evaluation_policy names each level once")
        parts = [each.component for each in self.engagement or []]
        if len(set(parts)) < len(parts):
            raise ValueError("engagement names each component once")
        return self


@historised
class TenantSettings(Noun, TenantSettingsWrite, table=True):
    """The settings of a tenant; its id is the tenant's."""

    __tablename__ = "tenant_settings"
    prefix: ClassVar[str] = "ten"

    on_track_at: Decimal | None = Field(default=None, sa_type=Exact)
    at_risk_at: Decimal | None = Field(default=None, sa_type=Exact)
    stale_after: Decimal | None = Field(default=None, sa_type=Exact)
    evaluation_policy: list[dict[str, Any]] | None = Field(default=None, sa_type=Json)  # type: ignore[assignment]  # as JSON
    engagement: list[dict[str, Any]] | None = Field(default=None, sa_type=Json)  # type: ignore[assignment]  # as JSON


_SCOPE_WORDS = {"type": "string", "enum": list(SCOPES)}
Scopes = Annotated[list[str], WithJsonSchema({"type": "array", "items": _SCOPE_WORDS, "minItems": 1})]
"""Some scopes; that each is one is checked where keys are made, for keys that are made by command too."""


class ApiKeyWrite(Shape):
    """A key to be made."""

    name: Title = Field(description="What the key is for.", schema_extra={"examples": ["Power BI refresh"]})
    scopes: Scopes = Field(
        default=["read"],
        sa_type=Json,
        description="What it may do: read, write, ingest, admin.",
        schema_extra={"examples": [["read", "write"]]},
    )
    expires_at: AwareTime | None = Field(
        default=None, sa_type=Instant, description="When it stops working; null: until revoked."
    )


class ApiKey(Row, ApiKeyWrite, table=True):
    """An API key; only the SHA-256 of its secret is kept."""

    __tablename__ = "api_key"

    secret_sha256: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)


class ApiKeyRead(ApiKeyWrite):
    """A key without its secret."""

    model_config = ANSWER

    id: KeyId = Field(description="Public id; it stands in the key itself too.")
    scopes: list[str] = Field(
        description="What it may do; more may come.", schema_extra={"examples": [["read", "write"]]}
    )
    created_at: datetime = Field(
        description="When it was made.", schema_extra={"examples": ["2026-02-01T08:30:00.000001Z"]}
    )
    revoked_at: datetime | None = Field(description="When it was revoked; null while it works.")
    last_used_at: datetime | None = Field(description="Last use, to the minute; null when never used.")


INDEXED_CHANGES = "noun <> 'enrolment'"
"""The entries that are found by the row that changed; deliveries write the others, most of the feed, without that."""


class Change(Row, table=True):
    """One entry of the change feed, ordered by (position, ordinal); position is the transaction's."""

    __tablename__ = "change"
    __table_args__ = (
        UniqueConstraint("tenant_id", "position", "ordinal"),
        Index(
            "ix_change_noun",
            "tenant_id",
            "noun_id",
            sqlite_where=text(INDEXED_CHANGES),
            postgresql_where=text(INDEXED_CHANGES),
        ),
    )

    position: int = Field(sa_type=BigInteger)
    ordinal: int
    recorded_at: datetime = Field(sa_type=Instant)
    noun: str = Field(max_length=40)
    noun_id: UUID = Field(sa_type=Uuid)
    verb: str = Field(max_length=40)
    version: int


class ChangeRead(Answer):
    """One entry of the change feed."""

    id: ChangeId = Field(description="Public id of the entry.")
    type: str = Field(description="What happened: `<noun>.<verb>`; new ones may come.")
    resource_id: str = Field(description="Public id of what changed.")
    version: int = Field(description="Version of the resource after the change.")
    recorded_at: datetime = Field(description="Instant of the transaction on the tenant's clock.")


class IdempotencyRecord(Row, table=True):
    """The stored answer of a request that carried an Idempotency-Key (decisions.md, "Idempotency-Key").

    `caller_id` is the id of an API key, or the pseudonym of one subject of an identity provider.
    """

    __tablename__ = "idempotency_record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "caller_id", "method", "route", "key_sha256"),
        Index("ix_idempotency_record_created_at", "tenant_id", "created_at"),
    )

    caller_id: UUID = Field(sa_type=Uuid)
    method: str = Field(max_length=10)
    route: str = Field(max_length=500)
    key_sha256: bytes = Field(sa_type=LargeBinary)
    request_sha256: bytes = Field(sa_type=LargeBinary)
    status: int
    headers: dict[str, str] = Field(sa_type=Json)
    body: bytes = Field(sa_type=LargeBinary, description="Encrypted with the vault.")
    created_at: datetime = Field(sa_type=Instant)


class Job(SQLModel, table=True):
    """One unit of background work, claimed with a lease; local to the coordinator."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_due", "status", "run_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True, sa_type=Uuid)
    tenant_id: UUID = Field(sa_type=Uuid)
    kind: str = Field(max_length=60)
    arguments: dict[str, object] = Field(sa_type=Json)
    status: str = Field(default="waiting", max_length=20)
    run_at: datetime = Field(sa_type=Instant)
    attempts: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    lease_token: UUID | None = Field(default=None, sa_type=Uuid)
    error: str | None = None
    created_at: datetime = Field(sa_type=Instant)


class TenantRead(ReadShape, TenantSettingsWrite):
    """The tenant of the key in use, with its settings."""

    model_config = ANSWER

    id: TenantId = Field(description="Public id.")
    slug: str = Field(description="Immutable name in URLs and keys.", schema_extra={"examples": ["acme"]})
    name: str = Field(description="Name of the organisation.", schema_extra={"examples": ["Acme Castings"]})
