"""The attribution budget: initiatives on one KPI estimated jointly, split, and set against what was claimed of it.

Each unit's change from before the first start to after the last one is regressed on all initiatives at once; Shapley's
value splits what they did together. Accepted effects stand in a ledger: where initiatives overlap, their claims never
add up to more than the joint effect.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Invalid
from app.models.attributions import AttributionLedger, AttributionRead, Claim, Joint, LedgerEntry, Overlap, Spread
from app.models.effects import EffectEstimate
from app.models.initiatives import Initiative
from app.models.kpis import Kpi
from app.models.outcomes import Outcome
from app.services import fact_panels, standing
from app.services.panels import Facts
from app.services.versions import rows_at


@dataclass(frozen=True, slots=True)
class _Table:
    """Units (rows) with the change of their mean and who was offered what; `starts` is the engine's table."""

    names: tuple[str, ...]
    starts: Any
    units: list[int]
    changes: list[float]
    exposed: list[list[float]]
    before: list[date]
    after: list[date]


async def of_outcomes(
    session: AsyncSession, outcome_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[AttributionRead | None]:
    """Return the attribution of each outcome, in order; None for an id that was not there."""
    return [await of_outcome(session, outcome_id, as_of=as_of) for outcome_id in outcome_ids]


async def of_outcome(
    session: AsyncSession, outcome_id: UUID, *, as_of: datetime | None = None, pending: Collection[LedgerEntry] = ()
) -> AttributionRead | None:
    """Return the attribution of an outcome; None where there was none. `pending` claims count as if accepted."""
    outcomes, kpis = rows_at(session, Outcome, as_of), rows_at(session, Kpi, as_of, archived=True)
    statement = select(kpis.c.id, kpis.c.unit).select_from(outcomes.join(kpis, kpis.c.id == outcomes.c.kpi_id))
    kpi = (await session.execute(statement.where(outcomes.c.id == outcome_id))).one_or_none()
    if kpi is None:
        return None
    facts, known = await fact_panels.initiatives_on(session, kpi.id, as_of=as_of)
    entries = [*pending, *await accepted(session, kpi.id, as_of, {each.initiative_id for each in pending})]
    computed = await asyncio.to_thread(_computed, facts, known, entries)
    return AttributionRead(
        outcome_id=ids.encode(Outcome.prefix, outcome_id),
        kpi_unit=kpi.unit,
        as_of=as_of or datetime.now(UTC),
        unit=facts.unit_kind if facts.rows else None,
        **computed,
    )


def _computed(facts: Facts, known: Mapping[UUID, Mapping[UUID, date]], entries: list[LedgerEntry]) -> dict[str, Any]:
    from app.domain.impact import attribution as engine  # noqa: PLC0415  the engine is imported at first use

    if not known:
        nobody = "No initiative aligned to the KPI was offered to anybody whom it measures."
        return _told(None, [], None, nobody, [], _ledger(entries, None, None, overlapping=False))
    table = _table(facts, known)
    overlaps = engine.overlaps(table.starts, table.names, window=len(facts.periods))
    overlapping = any(each.flagged and {each.initiative, each.other} <= _claiming(entries) for each in overlaps)
    found: Any = None
    reason: str | None = None
    if not table.before or not table.after or not table.changes:
        reason = "There is no period before the first start and after the last one in which units were measured."
    else:
        try:
            found = engine.joint_of(table.changes, table.exposed, table.names)
        except Invalid as error:
            reason = error.detail
    observed = engine.change_beyond(table.changes, table.exposed) if table.changes else None
    ledger = _ledger(entries, None if found is None else found.value, observed, overlapping=overlapping)
    return _told(table, list(overlaps), found, reason, list(table.names), ledger)


def _told(
    table: _Table | None,
    overlaps: list[Any],
    found: Any,
    reason: str | None,
    names: list[str],
    ledger: AttributionLedger,
) -> dict[str, Any]:
    joint = None
    if found is not None:
        joint = Joint(
            value=found.value,
            standard_error=found.standard_error,
            interval=_spread(found.interval),
            interactions=[list(pair) for pair in found.interactions],
            overclaimed=found.overclaimed,
        )
    return {
        "initiatives": names,
        "units": 0 if table is None else len(table.units),
        "before": [] if table is None else table.before,
        "after": [] if table is None else table.after,
        "overlaps": [
            Overlap(
                initiative_id=each.initiative,
                other_initiative_id=each.other,
                exposed_units=each.treated,
                shared_units=each.both,
                share=each.share,
                flagged=each.flagged,
            )
            for each in overlaps
        ],
        "joint": joint,
        "reason": reason,
        "claims": [] if found is None else [_claim(each) for each in found.claims],
        "ledger": ledger,
    }


def _claim(found: Any) -> Claim:
    return Claim(
        initiative_id=found.initiative,
        value=found.value,
        standard_error=found.standard_error,
        interval=_spread(found.interval),
        share=found.share,
        exclusive=found.exclusive,
        alone=found.alone,
    )


def _spread(interval: Any) -> Spread:
    return Spread(low=interval.low, high=interval.high)


def _table(facts: Facts, known: Mapping[UUID, Mapping[UUID, date]]) -> _Table:
    names, starts = fact_panels.starts_of(facts, known)
    positions = [[None if at != at else int(at) for at in row] for row in starts.tolist()]  # noqa: PLR0124  NaN
    begun = [at for row in positions for at in row if at is not None]
    periods = facts.periods
    before = periods[: min(begun)] if begun else []
    after = periods[max(begun) :] if begun else []
    means = _means(facts, set(before), set(after))
    units = [at for at, pair in enumerate(means) if None not in pair]
    return _Table(
        names,
        starts,
        units,
        [float(means[at][1] or 0.0) - float(means[at][0] or 0.0) for at in units],
        [[0.0 if one is None else 1.0 for one in positions[at]] for at in units],
        before,
        after,
    )


def _means(facts: Facts, before: set[date], after: set[date]) -> list[tuple[float | None, float | None]]:
    """Return each unit's mean before and after, in the order of the facts."""
    sums: dict[UUID, list[float]] = {}
    for row in facts.rows:
        held = sums.setdefault(row.unit_id, [0.0, 0.0, 0.0, 0.0])
        at = 0 if row.period_start in before else 2 if row.period_start in after else None
        if at is not None:
            held[at] += float(row.value)
            held[at + 1] += 1.0
    return [(a / n if n else None, b / m if m else None) for a, n, b, m in sums.values()]


def _claiming(entries: Collection[LedgerEntry]) -> set[str]:
    return {each.initiative_id for each in entries}


def _ledger(
    entries: list[LedgerEntry], joint: float | None, observed: float | None, *, overlapping: bool
) -> AttributionLedger:
    """Return what was claimed; it is over only where initiatives share units, as their claims then count twice."""
    from app.domain.impact.attribution import ledger  # noqa: PLC0415  the engine is imported at first use

    claims = {each.initiative_id: each.value for each in entries}
    claimed = sum(claims.values())
    found = None if joint is None else ledger(claims, joint)
    over = found is not None and found.over and overlapping
    fitting = dict(found.most) if found is not None and over else claims
    return AttributionLedger(
        entries=[each.model_copy(update={"most": fitting[each.initiative_id]}) for each in entries],
        claimed=claimed,
        share=None if found is None else found.share,
        over=over,
        observed_change=observed,
        share_of_observed=claimed / observed if observed else None,
    )


async def accepted(
    session: AsyncSession, kpi_id: UUID, as_of: datetime | None = None, besides: Collection[str] = ()
) -> list[LedgerEntry]:
    """Return the accepted effects on the KPI, whatever their outcome, but those of the initiatives `besides`."""
    statement = (
        select(EffectEstimate)
        .join(Outcome, col(Outcome.id) == col(EffectEstimate.outcome_id))
        .where(col(Outcome.kpi_id) == kpi_id, col(EffectEstimate.decided_at).is_not(None))
        .order_by(col(EffectEstimate.decided_at), col(EffectEstimate.id))
    )
    rows = (await session.scalars(statement)).all()
    claims = await standing.claims(session, rows, as_of)
    entries = [
        entry_of(row.initiative_id, row.id, claims[row.id]) for row in rows if row.initiative_id and row.id in claims
    ]
    return [each for each in entries if each.initiative_id not in besides]


def entry_of(initiative_id: UUID, estimate_id: UUID, claim: Mapping[str, Any]) -> LedgerEntry:
    """Return a claim as it stands in the ledger."""
    return LedgerEntry(
        initiative_id=ids.encode(Initiative.prefix, initiative_id),
        effect_estimate_id=ids.encode(EffectEstimate.prefix, estimate_id),
        basis=claim["basis"],
        value=claim["value"],
        most=claim["value"],
    )
