"""Attribution: what several initiatives on one KPI did together, and what each may claim of it."""

from datetime import date, datetime

from pydantic import Field

from app.models.base import Piece

_INITIATIVE = "ini_01h455vb4pex5vsknk084sn02q"


class Overlap(Piece):
    """How many of the units offered one initiative were offered another one in the time of the data."""

    initiative_id: str = Field(description="The initiative.", examples=[_INITIATIVE])
    other_initiative_id: str = Field(description="The other one.", examples=[_INITIATIVE])
    exposed_units: int = Field(description="Units offered the initiative.", examples=[40])
    shared_units: int = Field(description="Of those, units offered the other one too.", examples=[12])
    share: float = Field(description="The second over the first, 0 to 1.", examples=[0.3])
    flagged: bool = Field(description="Whether it is above 0.1: then only a joint estimate gives either its due.")


class Spread(Piece):
    """A 95 % confidence interval."""

    low: float = Field(description="Lower end.", examples=[-31.5])
    high: float = Field(description="Upper end.", examples=[-4.2])


class Claim(Piece):
    """What one initiative may claim of the joint effect (Shapley's value)."""

    initiative_id: str = Field(description="The initiative.", examples=[_INITIATIVE])
    value: float = Field(description="Its part, summed over units, per period, in the KPI's unit.", examples=[-12.0])
    standard_error: float = Field(description="Of that part.", examples=[4.1])
    interval: Spread = Field(description="Of that part.")
    share: float | None = Field(description="Its part over the joint effect; null where that is zero.", examples=[0.6])
    exclusive: float = Field(description="Its effect on a unit that has no other initiative.", examples=[-0.4])
    alone: float = Field(description="What an analysis that ignores the others would claim.", examples=[-16.0])


class Joint(Piece):
    """The effect of all initiatives together, summed over units, per period, in the KPI's unit."""

    value: float = Field(description="Their effect; the claims add up to it.", examples=[-20.0])
    standard_error: float = Field(description="Its standard error.", examples=[6.9])
    interval: Spread = Field(description="Its interval.")
    interactions: list[list[str]] = Field(description="Pairs of initiatives whose joint presence has its own effect.")
    overclaimed: float | None = Field(
        description="What separate analyses would claim over the joint effect: 1.25 is 125 %.", examples=[1.25]
    )


class LedgerEntry(Piece):
    """One accepted effect, as it stands in the ledger."""

    initiative_id: str = Field(description="The initiative.", examples=[_INITIATIVE])
    effect_estimate_id: str = Field(description="The accepted estimate.", examples=["eff_01h455vb4pex5vsknk084sn02q"])
    basis: str = Field(description="alone, or split (Shapley); may grow.", examples=["alone"])
    value: float = Field(description="What was claimed, as in claims.", examples=[-12.0])
    most: float = Field(description="What fits under the joint effect.", examples=[-12.0])


class AttributionLedger(Piece):
    """All accepted effects on one KPI; together they never claim more than the joint effect."""

    entries: list[LedgerEntry] = Field(description="The accepted effects.")
    claimed: float = Field(description="Their sum.", examples=[-12.0])
    share: float | None = Field(description="The sum over the joint effect; null without one.", examples=[0.6])
    over: bool = Field(description="Whether overlapping initiatives claim more than they did together.")
    observed_change: float | None = Field(
        description="How much the exposed units changed in all, beyond what the others did; null without both.",
        examples=[-22.0],
    )
    share_of_observed: float | None = Field(description="The sum over that change.", examples=[0.55])


class AttributionRead(Piece):
    """Who moved a KPI, where several initiatives were meant to."""

    outcome_id: str = Field(description="The outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])
    kpi_unit: str = Field(description="Unit of the KPI.", examples=["items per 100"])
    as_of: datetime = Field(description="The instant whose facts were used.")
    unit: str | None = Field(description="org_unit or person: what was measured; null: nothing.", examples=["person"])
    initiatives: list[str] = Field(description="The initiatives aligned to the KPI that reached measured units.")
    units: int = Field(description="Units measured before the first and after the last start.", examples=[120])
    before: list[date] = Field(description="First days of the periods before the first start.")
    after: list[date] = Field(description="First days of the periods after the last start.")
    overlaps: list[Overlap] = Field(description="Pairs of initiatives that share units, in both orders.")
    joint: Joint | None = Field(description="Null where they cannot be told apart; `reason` says why.")
    reason: str | None = Field(description="Why there is no joint effect.")
    claims: list[Claim] = Field(description="What each may claim; empty without a joint effect.")
    ledger: AttributionLedger = Field(description="What has been claimed.")
