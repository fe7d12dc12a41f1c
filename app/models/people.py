"""People, the identities under which sources know them, and the organisation they work in."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator
from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlmodel import Field

from app.domain.learning import IdentityKind
from app.models.base import ANSWER, Noun, ReadShape, Shape, tenant_key
from app.models.history import historised
from app.models.values import AudienceId, Day, ExternalId, IdentityId, InitiativeId, OrgUnitId, PersonId, Title, Word

LOCAL_KINDS = (IdentityKind.ACCOUNT, IdentityKind.USERNAME)
"""The kinds that mean somebody only together with their issuer."""

Issuer = Annotated[str, StringConstraints(max_length=255)]

_ADDRESS = re.compile(r"(mailto:)?[^\s@]{1,64}@[^\s@]{1,190}", re.IGNORECASE)
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")


class OrgUnitWrite(Shape):
    """A node of the organisation tree."""

    name: Title = Field(description="Name of the unit.", schema_extra={"examples": ["Plant Graz"]})
    kind: Word | None = Field(default=None, description="Such as plant, region or team.")
    parent_id: OrgUnitId | None = Field(default=None, description="The unit above it.")
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


@historised
class OrgUnit(Noun, OrgUnitWrite, table=True):
    """An org unit of one tenant."""

    __tablename__ = "org_unit"
    __table_args__ = (tenant_key("parent_id", "org_unit"), UniqueConstraint("tenant_id", "external_id"))
    prefix: ClassVar[str] = "org"

    parent_id: UUID | None = None


class OrgUnitRead(ReadShape, OrgUnitWrite):
    """An org unit as it stands."""

    model_config = ANSWER

    id: OrgUnitId = Field(description="Public id.")


class PersonStatus(StrEnum):
    """Whether the person still works here (product.md)."""

    ACTIVE = "active"
    LEFT = "left"
    ERASED = "erased"


class IdentityWrite(Shape):
    """One name under which a source or issuer knows the person."""

    kind: IdentityKind = Field(
        description="account and username belong to an issuer; the others are global.",
        schema_extra={"examples": ["email"]},
    )
    value: ExternalId = Field(
        description="The name; e-mail addresses are compared in lower case.",
        schema_extra={"examples": ["r.okafor@example.org"]},
    )
    issuer: Issuer = Field(
        default="", description="Public id of the source, or the homePage of an xAPI account; empty for global kinds."
    )

    @model_validator(mode="after")
    def _is_a_name_of_its_kind(self) -> Self:
        local = self.kind in LOCAL_KINDS
        if local and not self.issuer:
            raise ValueError(f"an identity of kind {self.kind} needs its issuer: the source's id, or the homePage")
        if not local and self.issuer:
            raise ValueError(f"an identity of kind {self.kind} is the same everywhere: leave the issuer out")
        if self.kind is IdentityKind.EMAIL and not _ADDRESS.fullmatch(self.value.strip()):
            raise ValueError("is not an e-mail address such as r.okafor@example.org")
        if self.kind is IdentityKind.EMAIL_SHA1 and not _SHA1.fullmatch(self.value.strip()):
            raise ValueError("email_sha1 takes 40 hexadecimal digits: the SHA-1 of mailto: and the address")
        return self


class PersonWrite(Shape):
    """One human."""

    name: Title | None = Field(
        default=None, description="Display name; may stay empty.", schema_extra={"examples": ["Rosa Okafor"]}
    )
    external_id: ExternalId | None = Field(
        default=None, description="Personnel number; unique in the tenant.", schema_extra={"examples": ["10442"]}
    )
    org_unit_id: OrgUnitId | None = Field(default=None, description="Where the person works now.")
    role: Word | None = Field(default=None, description="Job role.", schema_extra={"examples": ["press operator"]})
    joined_on: Day | None = Field(default=None, description="First day of work.")
    left_on: Day | None = Field(default=None, description="Day after the last.")

    @model_validator(mode="after")
    def _leaves_after_joining(self) -> Self:
        if self.joined_on and self.left_on and self.left_on <= self.joined_on:
            raise ValueError("left_on is the day after the last: it must come after joined_on")
        return self


@historised
class Person(Noun, PersonWrite, table=True):
    """A person under a pseudonymous key. `resolved` is false while only a source's name is known."""

    __tablename__ = "person"
    __table_args__ = (
        tenant_key("org_unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_person_org_unit", "tenant_id", "org_unit_id"),
    )
    prefix: ClassVar[str] = "per"

    status: str = Field(default=PersonStatus.ACTIVE, max_length=20)
    resolved: bool = True
    org_unit_id: UUID | None = None


class PersonRead(ReadShape, PersonWrite):
    """A person as known."""

    model_config = ANSWER

    id: PersonId = Field(description="Public id.")
    status: PersonStatus = Field(
        description="active, left or erased; changed by the actions only; may grow.",
        schema_extra={"examples": ["active"]},
    )
    resolved: bool = Field(
        description="False while the person is known only by what a source calls them.",
        schema_extra={"examples": [True]},
    )


@historised
class Identity(Noun, table=True):
    """A link from (issuer, kind, value) to a person. Events point here, so that a merge refolds them."""

    __tablename__ = "identity"
    __table_args__ = (
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "issuer", "kind", "value"),
        Index("ix_identity_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "idn"

    person_id: UUID = Field(sa_type=Uuid)
    issuer: str = Field(default="", max_length=255)
    kind: str = Field(max_length=20)
    value: str = Field(max_length=255)


class IdentityRead(ReadShape):
    """An identity as linked."""

    id: IdentityId = Field(description="Public id.")
    person_id: PersonId = Field(description="The person it is linked to.")
    issuer: str = Field(
        description="Public id of the source, or the issuer's address; empty for global kinds.",
        schema_extra={"examples": [""]},
    )
    kind: IdentityKind = Field(description="What kind of name it is; may grow.", schema_extra={"examples": ["email"]})
    value: str = Field(description="The name, normalised.", schema_extra={"examples": ["r.okafor@example.org"]})


class AudienceWrite(Shape):
    """Who should learn: named and dated; people are added to it."""

    initiative_id: InitiativeId = Field(description="The initiative.")
    name: Title = Field(description="Such as wave 1.", schema_extra={"examples": ["Grant firms 1988"]})
    external_id: ExternalId | None = Field(default=None, description="Your own id; unique in the tenant.")


class AudienceMemberWrite(Shape):
    """One person of an audience."""

    person_id: PersonId = Field(description="The person.")
    offered_on: Day = Field(
        description="Day on which the learning was offered or assigned: the exposure date.",
        schema_extra={"examples": ["2026-03-02"]},
    )
    due_on: Day | None = Field(default=None, description="Day by which it is to be completed.")
    wave: Word | None = Field(default=None, description="Roll-out wave.", schema_extra={"examples": ["wave 1"]})

    @model_validator(mode="after")
    def _due_after_the_offer(self) -> Self:
        if self.due_on and self.due_on < self.offered_on:
            raise ValueError("due_on must not come before offered_on")
        return self


@historised
class Audience(Noun, AudienceWrite, table=True):
    """An audience of one initiative."""

    __tablename__ = "audience"
    __table_args__ = (
        tenant_key("initiative_id", "initiative"),
        UniqueConstraint("tenant_id", "external_id"),
        Index("ix_audience_initiative", "tenant_id", "initiative_id"),
    )
    prefix: ClassVar[str] = "aud"

    initiative_id: UUID = Field(sa_type=Uuid)


class AudienceRead(ReadShape, AudienceWrite):
    """An audience as it stands."""

    model_config = ANSWER

    id: AudienceId = Field(description="Public id.")


@historised
class AudienceMember(Noun, table=True):
    """Membership of one person in one audience; archived when taken out. Its changes show as the audience's."""

    __tablename__ = "audience_member"
    __table_args__ = (
        tenant_key("audience_id", "audience"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "audience_id", "person_id"),
        Index("ix_audience_member_person", "tenant_id", "person_id"),
    )
    prefix: ClassVar[str] = "aud"

    audience_id: UUID = Field(sa_type=Uuid)
    person_id: UUID = Field(sa_type=Uuid)
    offered_on: date
    due_on: date | None = None
    wave: str | None = Field(default=None, max_length=100)


class AudienceMemberRead(ReadShape):
    """One person of an audience, as it stands."""

    person_id: PersonId = Field(description="The person.")
    offered_on: date = Field(
        description="Day of the offer: the exposure date.", schema_extra={"examples": ["2026-03-02"]}
    )
    due_on: date | None = Field(description="Day by which it is to be completed.", schema_extra={"examples": [None]})
    wave: str | None = Field(description="Roll-out wave.", schema_extra={"examples": ["wave 1"]})


@historised
class OrgMembership(Noun, table=True):
    """Where a person worked, from a day on; None: nowhere. The newest one is the person's `org_unit_id`."""

    __tablename__ = "org_membership"
    __table_args__ = (
        tenant_key("org_unit_id", "org_unit"),
        tenant_key("person_id", "person"),
        UniqueConstraint("tenant_id", "person_id", "valid_from"),
    )
    prefix: ClassVar[str] = "org"

    person_id: UUID = Field(sa_type=Uuid)
    org_unit_id: UUID | None = Field(default=None, sa_type=Uuid)
    valid_from: date
