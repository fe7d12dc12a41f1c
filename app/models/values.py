"""Value types that shapes share: exact numbers, money, instants, zones, slugs."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from app.domain import ids
from app.models.base import LARGEST, Piece, public_id

_FLOAT_DIGITS = 15
_SMALLEST = Decimal("0.000001")
_MONEY_PLACES = 2
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+(Z|z|[+-][0-9:]+)?", re.ASCII)


def _plainly_written(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError("is not a decimal number such as 12.5")
    if isinstance(value, float) and len(repr(value).replace(".", "").replace("-", "").strip("0")) > _FLOAT_DIGITS:
        raise ValueError("send a number of more than 15 digits as a string, so that no digit is lost")
    return value


def _exact(value: Decimal) -> Decimal:
    if abs(value) > LARGEST:
        raise ValueError("is beyond 9,200,000,000,000: use a larger unit")
    if not value:
        return Decimal(0)
    exact = value.quantize(_SMALLEST)
    if exact != value:
        raise ValueError("has more than six decimals: use a smaller unit, or send a numerator and a denominator")
    return exact


def plain(value: Decimal) -> str:
    """Return a decimal without exponent and without trailing zeros: `0.25`, `1200`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_money(value: Decimal) -> str:
    """Return an amount with two places at the least: `1234.50`, `0.125`."""
    whole, _, places = plain(value).partition(".")
    return f"{whole}.{places.ljust(_MONEY_PLACES, '0')}"


_DECIMAL_STRING = {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$"}

ExactNumber = Annotated[
    Decimal,
    BeforeValidator(_plainly_written),
    AfterValidator(_exact),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema(_DECIMAL_STRING),
    Field(examples=["12.5"]),
]
"""An exact decimal of at most six places, a string in JSON; a JSON number of up to 15 digits is taken too."""

MoneyAmount = Annotated[ExactNumber, PlainSerializer(plain_money, return_type=str, when_used="json")]
"""An exact amount of money; at least two places are shown."""


def _in_32_bits(value: int) -> int:
    if not -(2**31) <= value < 2**31:
        raise ValueError("is too large")
    return value


def _without_zero_fraction(value: Any) -> Any:
    """Return 1 for 1.0: to JSON Schema both are integers (https://json-schema.org/draft/2020-12/json-schema-core#6.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, Strict(), BeforeValidator(_without_zero_fraction)]
"""An integer as JSON Schema has it: neither true, nor text, nor 1.5."""

Whole = Annotated[Integer, AfterValidator(_in_32_bits)]
"""A whole number of 32 bits."""

Flag = Annotated[bool, Strict()]
"""true or false, and nothing that could be taken for it."""

Weight = Annotated[ExactNumber, Field(ge=0, le=1000)]

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Prose = Annotated[str, StringConstraints(max_length=10_000)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; to list them is to walk through a folder, some 15 ms."""
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("is not an IANA time zone such as Europe/Vienna")
    return value


Zone = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_zone)]


def _written_day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("is not a day such as 2026-02-01")


Day = Annotated[date, BeforeValidator(_written_day)]
"""A calendar day, written YYYY-MM-DD; never a number of seconds."""


def _written_instant(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise ValueError("is not an instant such as 2026-02-01T12:00:00Z")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs a time zone: end it with Z or an offset such as +02:00")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999 in UTC") from error


AwareTime = Annotated[datetime, BeforeValidator(_written_instant), AfterValidator(_aware)]
"""An instant (RFC 3339); any offset in, UTC out; naive is refused, and so is a number of seconds."""


class Money(Piece):
    """An exact amount in one currency (ISO 4217)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"amount": "1234.50", "currency": "EUR"}]}
    )

    amount: MoneyAmount = Field(description="Decimal string, at most six places.", examples=["1234.50"])
    currency: Currency = Field(description="ISO 4217 code.", examples=["EUR"])


ObjectiveId = public_id("obj")
KpiId = public_id("kpi")
OutcomeId = public_id("out")
MeasurementId = public_id("mea")
InitiativeId = public_id("ini")
AlignmentId = public_id("aln")
AgreementId = public_id("agr")
ActivityId = public_id("act")
ActivityReferenceId = public_id("ref")
PersonId = public_id("per")
IdentityId = public_id("idn")
OrgUnitId = public_id("org")
AudienceId = public_id("aud")
SourceId = public_id("src")
DeliveryId = public_id("dlv")
LearningEventId = public_id("evt")
EnrolmentId = public_id("enr")
CostItemId = public_id("cst")
UnitValueId = public_id("uvl")
SurveyId = public_id("sur")
SurveyResponseId = public_id("srv")
BehaviourId = public_id("beh")
ObservationId = public_id("obs")
SupportDeedId = public_id("dee")
CommitmentId = public_id("cmt")
AssessmentScoreId = public_id("asc")
ProficiencyStandardId = public_id("prs")
StandardAttainmentId = public_id("sat")
ReviewId = public_id("rev")
DecisionId = public_id("dec")
ActionId = public_id("atn")
ForecastId = public_id("fct")
PersonalEstimateId = public_id("est")
StatusOverrideId = public_id("ovr")
ContentVersionId = public_id("cnv")
ReviewIntervalId = public_id("rvi")
RequirementId = public_id("req")
EvaluationPlanId = public_id("pln")
EffectEstimateId = public_id("eff")
PanelId = public_id("pan")
RolloutDesignId = public_id("rol")
ImpactStatementId = public_id("stm")
WebhookEndpointId = public_id("hook")
WebhookMessageId = public_id("msg")
WebhookAttemptId = public_id("att")
KeyId = public_id("key")
IdentityProviderId = public_id("idp")
TenantId = public_id("ten")
ChangeId = public_id("chg")
PublishedFigureId = public_id("pub")
RestatementId = public_id("rst")
OperationId = public_id("opn")


def _any_id(value: Any) -> Any:
    if isinstance(value, str):
        prefix = ids.kind_of(value)
        if prefix is None:
            raise ValueError("is not a public id such as org_01h455vb4pex5vsknk084sn02q")
        return ids.decode(prefix, value)
    return value


AnyId = Annotated[UUID, BeforeValidator(_any_id), WithJsonSchema({"type": "string"})]
"""The public id of a noun that another field names."""
