"""Figures and their explanations as REST returns them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from app.domain.figure import Figure, Status, ValueType
from app.models import values
from app.models.base import Piece
from app.models.values import ActivityId, DeliveryId, LearningEventId, PersonId


class AudienceSnapshot(StrEnum):
    """Which snapshot of an audience is counted."""

    AT_START = "at_start"
    AT_END = "at_end"


class FigureSubject(Piece):
    """What the figure is about."""

    kind: str = Field(description="The noun.", examples=["initiative"])
    id: str = Field(description="Its public id.", examples=["ini_01h455vb4pex5vsknk084sn02q"])


class FigureInterval(Piece):
    """An uncertainty interval in the figure's unit."""

    low: str = Field(description="Lower end, a decimal.", examples=["0.711"])
    high: str = Field(description="Upper end, a decimal.", examples=["0.867"])
    level: str = Field(description="Confidence level.", examples=["0.95"])
    method: str = Field(description="How it was constructed.", examples=["wilson"])


class FigurePeriod(Piece):
    """A half-open period of local days."""

    model_config = ConfigDict(populate_by_name=True)

    start: date | None = Field(alias="from", description="First day; null: open.")
    end: date | None = Field(alias="to", description="Day after the last; null: open.")
    zone: str = Field(description="IANA zone of the days.", examples=["Europe/Vienna"])


class FigureCaveat(Piece):
    """One reservation."""

    code: str = Field(description="Stable code.", examples=["mean_of_subjects"])
    detail: str = Field(description="The reservation in a sentence.")


class FigureOverride(Piece):
    """What a person says that a status is, beside the computed one."""

    model_config = ConfigDict(populate_by_name=True)

    id: str = Field(description="Public id of the override.", examples=["ovr_01h455vb4pex5vsknk084sn02q"])
    value: str = Field(description="What the author says that it is.", examples=["at_risk"])
    reason: str = Field(description="Why.", examples=["The supplier's new steel arrives in May."])
    author_id: str = Field(description="Who says so.", examples=["per_01h455vb4pex5vsknk084sn02q"])
    start: date = Field(alias="from", description="First day on which it is shown.")
    end: date | None = Field(alias="to", description="Day after the last; null: open.")


class FigureRead(Piece):
    """A computed value with all that makes it defensible; never a bare number."""

    metric: str = Field(description="Slug in the catalogue.", examples=["participation_rate"])
    definition_version: int = Field(description="Version of the metric's definition.", examples=[1])
    parameters: dict[str, Any] = Field(description="Declared choices of the metric.", examples=[{}])
    subject: FigureSubject | None = Field(description="What it is about.")
    segment: dict[str, str | None] = Field(
        description="Which part of the subject, by dimension; null: those without. Empty: all of it.", examples=[{}]
    )
    status: Status = Field(description="Whether the value can be used; may grow.")
    reason: str | None = Field(description="Why there is no value, or why it is provisional.")
    value: str | None = Field(description="A decimal, an ISO date or a word, as value_type says.", examples=["0.75"])
    value_type: ValueType = Field(description="How to read the value.")
    unit: str = Field(description="Unit of value, interval and, for ratios, of nothing.", examples=["ratio"])
    numerator: str | None = Field(description="A decimal.", examples=["30"])
    denominator: str | None = Field(description="A decimal.", examples=["40"])
    n_people: int | None = Field(description="Distinct persons behind it.", examples=[40])
    interval: FigureInterval | None = Field(description="Uncertainty, where it is defined.")
    period: FigurePeriod | None = Field(description="The period that it covers.")
    as_of: datetime | None = Field(description="The instant as of which it stands.")
    revision: int = Field(description="Counts restatements.", examples=[1])
    basis: str | None = Field(description="How the inputs were taken.", examples=["audience"])
    caveats: list[FigureCaveat] = Field(description="Reservations to be shown beside it.")
    override: FigureOverride | None = Field(
        default=None, description="What a person says instead; the value stays the computed one."
    )
    explain: str | None = Field(description="Address of its explanation.")

    @classmethod
    def of(cls, figure: Figure) -> "FigureRead":
        """Return the published form of a figure."""
        return cls.model_validate(figure.as_json())


class FigureList(Piece):
    """Figures of one subject, or of several."""

    items: list[FigureRead] = Field(description="By subject, then in the order of the catalogue or as asked.")


class ExplainedInput(Piece):
    """One input of a formula."""

    name: str = Field(description="Name in the formula.", examples=["audience"])
    value: Any | None = Field(
        description="The value that went in, null where it is not known; decimals are strings.", examples=[40]
    )
    description: str = Field(description="What it is.")
    links: list[str] = Field(
        default=[], description="Addresses of the facts that it was read from, oldest first, a page of them."
    )
    links_total: int = Field(default=0, description="How many facts it was read from, on all pages.", examples=[12])
    unlinked: str | None = Field(
        default=None,
        description="Why no addresses are given on any page, in a sentence; null where they are.",
        examples=["It was counted from the learning events that are listed with this explanation."],
    )


class EventBehind(Piece):
    """One learning event behind a figure, down to the bytes that an LMS sent."""

    id: LearningEventId = Field(description="Public id of the event.")
    kind: str = Field(description="What happened.", examples=["completed"])
    occurred_at: datetime = Field(description="When, by the sender's clock.")
    person_id: PersonId = Field(description="The learner.")
    activity_id: ActivityId = Field(description="The activity.")
    delivery: str = Field(description="Address of the raw delivery.", examples=["/v1/deliveries/dlv_..."])
    delivery_id: DeliveryId = Field(description="Public id of the delivery.")
    body_sha256: str = Field(description="SHA-256 of the raw body, hex.")


class MeasurementBehind(Piece):
    """One measurement behind a figure."""

    id: str = Field(description="Public id.", examples=["mea_01h455vb4pex5vsknk084sn02q"])
    subject_id: str = Field(description="Public id of the tenant, org unit or person.")
    period: FigurePeriod = Field(description="The period measured.")
    value: str = Field(description="The value, a decimal.", examples=["4.6"])
    version: int = Field(description="The version that was used.")


class Explanation(Piece):
    """A figure unfolded: its formula, what went in, and the facts behind it."""

    figure: FigureRead = Field(description="The figure.")
    title: str = Field(description="Name of the metric.")
    formula: str = Field(description="The formula in words and signs.")
    edge_rules: list[str] = Field(description="What happens in the special cases.")
    source: str = Field(description="Where the definition comes from.")
    inputs: list[ExplainedInput] = Field(description="Every input with its value; none when the figure is suppressed.")
    events: list[EventBehind] = Field(description="Learning events behind it, a page of them.")
    measurements: list[MeasurementBehind] = Field(description="Measurements behind it, those linked on this page.")
    next_cursor: str | None = Field(description="For the next page of events and links; null on the last.")


def plain(value: Any) -> Any:
    """Return an input as JSON: decimals as strings without trailing zeros, money and records as objects."""
    if isinstance(value, Decimal):
        return values.plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
