"""Panels that an analyst brings: a description, the rows, and the hash that names them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy import LargeBinary, UniqueConstraint, Uuid
from sqlmodel import Field as Column

from app.models.base import Answer, Instant, Json, Piece, Row, Shape, tenant_key
from app.models.effect_options import Transform
from app.models.initiatives import Assignment
from app.models.kpis import Direction
from app.models.values import PanelId, Title, Word

CELLS_MOST = 4_000_000


class ExposureBasis(StrEnum):
    """What the exposure column says; completion is decided after the start and bounds the grade at 1."""

    OFFERED = "offered"
    ENROLLED = "enrolled"
    COMPLETED = "completed"


class PanelDescription(Shape):
    """Which column is what. The rest of the columns is not kept."""

    title: Title | None = Column(default=None, description="One line.", schema_extra={"examples": ["Minimum wages"]})
    outcome: Word = Column(
        description="Column of the outcome; empty or null where it was not observed.",
        schema_extra={"examples": ["lemp"]},
    )
    unit: Word | None = Column(
        default=None,
        description="Column of the unit; absent: every row is another unit.",
        schema_extra={"examples": ["county"]},
    )
    period: Word | None = Column(
        default=None,
        description="Column of the period, whole numbers or texts that sort in time; absent: a cross-section.",
        schema_extra={"examples": ["year"]},
    )
    first_exposed: Word | None = Column(
        default=None,
        description="Column of the unit's first exposed period; empty, null or 0: never. This, or exposure.",
        schema_extra={"examples": ["first_treat"]},
    )
    exposure: Word | None = Column(default=None, description="Column that is 1 where the unit is exposed, else 0.")
    exposure_basis: ExposureBasis = Column(default=ExposureBasis.OFFERED, description="What exposure means.")
    assignment: Assignment = Column(
        default=Assignment.UNKNOWN, description="How units came to be exposed; decides what evidence is possible."
    )
    transform: Transform = Column(default=Transform.NONE, description="log: effects are in log points.")
    direction: Direction | None = Column(default=None, description="Which way is good.")
    cluster: Word | None = Column(default=None, description="Column of the cluster in which exposure was assigned.")
    weights: Word | None = Column(default=None, description="Column of sampling weights, above zero.")
    covariates: list[Word] = Column(default=[], max_length=100, description="Columns that estimators may adjust for.")

    @model_validator(mode="after")
    def _tells_exposure(self) -> Self:
        if self.first_exposed is None and self.exposure is None:
            raise ValueError("name the column of exposure: first_exposed, or exposure for a column of 0 and 1")
        if self.first_exposed is not None and self.period is None:
            raise ValueError("first_exposed names a period: name the column of periods too, or use exposure")
        return self


class PanelWrite(PanelDescription):
    """A panel in JSON: its description and its rows."""

    rows: list[dict[str, Any]] = Column(
        min_length=1,
        description="One object a row, from column to number, text or null.",
        schema_extra={"examples": [[{"county": 8001, "year": 2003, "lemp": 8.46, "first_treat": 2007}]]},
    )


class PanelBalance(Piece):
    """One variable on both sides, in each unit's first period."""

    variable: str = Field(description="The covariate, or outcome.", examples=["lpop"])
    mean_exposed: float | None = Field(description="Mean of the units that are ever exposed.")
    mean_others: float | None = Field(description="Mean of the others.")
    standardised_difference: float | None = Field(description="Difference over the pooled standard deviation.")
    flagged: bool = Field(description="Whether it lies beyond 0.25.")


class PanelRead(Answer):
    """A panel as it was sent; it never changes."""

    id: PanelId = Column(description="Public id.")
    description: dict[str, Any] = Column(description="Which column is what, as sent.")
    rows: int = Column(description="Rows, with and without an outcome.", schema_extra={"examples": [2500]})
    sha256: str = Column(description="Hash of description and rows, hex: equal hashes are equal data.")
    shape: str = Column(
        description="panel, repeated_cross_section or cross_section.", schema_extra={"examples": ["panel"]}
    )
    units: int = Column(description="Units.", schema_extra={"examples": [500]})
    exposed_units: int = Column(description="Units that are ever exposed.", schema_extra={"examples": [191]})
    clusters: int | None = Column(description="Clusters; null where the unit is one.")
    periods: list[Any] = Column(description="Labels of the periods, in order.", schema_extra={"examples": [[2003]]})
    observations: int = Column(description="Rows with an outcome.", schema_extra={"examples": [2500]})
    exposure_lasts: bool = Column(description="Whether exposure, once begun, goes on.")
    balance: list[PanelBalance] = Column(description="How alike the two sides were at first.")
    diagnostics: list[dict[str, Any]] = Column(description="Composition, missing outcomes, leavers and raw means.")
    recorded_at: datetime = Column(description="When it was recorded, on the tenant's clock.")


class PanelOverlap(Piece):
    """Another initiative on the same KPI that reached the same units in the time of the data."""

    initiative_id: str = Field(description="The other initiative.", examples=["ini_01h455vb4pex5vsknk084sn02q"])
    exposed_units: int = Field(description="Exposed units of this initiative.", examples=[40])
    shared_units: int = Field(description="Of those, units of the other one too.", examples=[6])
    share: float = Field(description="The second over the first.", examples=[0.15])
    flagged: bool = Field(description="Whether it is above 0.1: see the attribution of the outcome.")


class PanelContamination(Piece):
    """Comparison units that another initiative on the same KPI reached."""

    units: int = Field(description="How many.", examples=[3])
    left_out: bool = Field(description="Whether they are left out; they stay where too few others would be left.")


class FactPanelRead(Piece):
    """The panel that an estimate from stored facts would rest on."""

    initiative_id: str = Field(description="The initiative.", examples=["ini_01h455vb4pex5vsknk084sn02q"])
    outcome_id: str = Field(description="The outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])
    as_of: datetime | None = Field(description="The instant whose facts it holds; null: now.")
    unit: str = Field(description="org_unit or person.", examples=["person"])
    units: int = Field(description="Units.", examples=[120])
    exposed_units: int = Field(description="Units that are ever exposed.", examples=[48])
    assignment_level: str = Field(
        description="person or org_unit: to whom exposure was assigned; clusters are those.", examples=["org_unit"]
    )
    clusters: int | None = Field(description="Clusters; null where the unit is one.", examples=[12])
    periods: list[str] = Field(description="First days of the periods, in order.", examples=[["2026-01-01"]])
    observations: int = Field(description="Measured unit-periods.", examples=[480])
    unmeasured: int = Field(description="People of the audience whom the KPI never measured.", examples=[2])
    contaminated: PanelContamination = Field(description="Comparison units reached by another initiative.")
    incomplete: int = Field(description="Units left out because a covariate is not known of them.", examples=[0])
    overlaps: list[PanelOverlap] = Field(description="Other initiatives that share exposed units.")
    shape: str = Field(description="panel or cross_section.", examples=["panel"])
    exposure_lasts: bool = Field(description="Whether exposure, once begun, goes on.", examples=[True])
    balance: list[PanelBalance] = Field(description="How alike the two sides were at first.")
    diagnostics: list[dict[str, Any]] = Field(
        description="Composition, missing outcomes, leavers by arm, the effect on staying, and raw means."
    )
    data_sha256: str = Field(description="Hash of the data, hex: equal hashes are equal data.")


class PanelRows(Piece):
    """A stretch of a panel's rows."""

    columns: list[str] = Field(description="Names of the columns.", examples=[["county", "year", "lemp"]])
    rows: list[list[Any]] = Field(description="Rows in the order sent.", examples=[[[8001, 2003, 8.46]]])
    offset: int = Field(description="Place of the first row shown, from 0.")
    total: int = Field(description="Rows in all.")


class Panel(Row, table=True):
    """A panel of one tenant: what was told of it, and what it holds."""

    __tablename__ = "panel"
    prefix: ClassVar[str] = "pan"

    description: dict[str, Any] = Column(sa_type=Json)
    summary: dict[str, Any] = Column(sa_type=Json)
    row_count: int
    sha256: str = Column(max_length=64)
    recorded_at: datetime = Column(sa_type=Instant)


class PanelContent(Row, table=True):
    """The rows of one panel: its canonical JSON by columns, compressed. Kept apart so that lists stay light."""

    __tablename__ = "panel_content"
    __table_args__ = (tenant_key("panel_id", "panel"), UniqueConstraint("tenant_id", "panel_id"))
    prefix: ClassVar[str] = "pan"

    panel_id: UUID = Column(sa_type=Uuid)
    body: bytes = Column(sa_type=LargeBinary)
