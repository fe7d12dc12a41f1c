"""Rollout designs: waves dealt by chance with a recorded seed, and what effect each way to roll out could show."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.models.people import AudienceMember, Person
from app.models.rollouts import DealLevel, DealtUnit, RolloutDesign, RolloutDesignRead, RolloutDesignWrite
from app.models.unit import unit_of
from app.services.nouns import NounType, require_references

_SEED_BITS = 53


def _shown(row: RolloutDesign) -> Mapping[str, Any]:
    return row.model_dump() | row.drawn


ROLLOUTS = NounType(
    row=RolloutDesign,
    write=RolloutDesignWrite,
    read=RolloutDesignRead,
    plural="rollout_designs",
    filters=("initiative_id", "audience_id"),
    sorts=("recorded_at",),
    shown=_shown,
)


async def units_of(session: AsyncSession, fields: RolloutDesignWrite) -> list[DealtUnit]:
    """Return the units that are to be dealt. Raises Invalid where the request names what is not there."""
    await require_references(session, ROLLOUTS.table, [fields])
    return fields.units or await _audience(session, fields)


async def deal(fields: RolloutDesignWrite, units: list[DealtUnit]) -> dict[str, Any]:
    """Deal the units to waves, in a thread and without a unit of work. Raises Invalid."""
    seed = secrets.randbits(_SEED_BITS) if fields.seed is None else fields.seed
    return await asyncio.to_thread(_drawn, fields, units, seed)


async def keep(session: AsyncSession, fields: RolloutDesignWrite, drawn: dict[str, Any]) -> RolloutDesign:
    """Keep a draw for ever."""
    unit = unit_of(session)
    plain = json.dumps([drawn["seed"], drawn["units"]], sort_keys=True)
    row = RolloutDesign(
        tenant_id=unit.tenant.id,
        initiative_id=fields.initiative_id,
        audience_id=fields.audience_id,
        request=fields.model_dump(mode="json", exclude={"initiative_id", "audience_id"}),
        drawn=drawn,
        sha256=hashlib.sha256(plain.encode()).hexdigest(),
        recorded_at=unit.tick(),
    )
    session.add(row)
    await session.flush()
    return row


async def _audience(session: AsyncSession, fields: RolloutDesignWrite) -> list[DealtUnit]:
    """Return the people of an audience, or their org units with the number of people in each."""
    by_unit = fields.level is DealLevel.ORG_UNIT
    key = col(Person.org_unit_id) if by_unit else col(Person.id)
    statement = (
        select(key, func.count())
        .select_from(AudienceMember)
        .join(Person, col(Person.id) == col(AudienceMember.person_id))
        .where(
            col(AudienceMember.audience_id) == fields.audience_id,
            col(AudienceMember.archived_at).is_(None),
            key.is_not(None),
        )
        .group_by(key)
        .order_by(key)
    )
    found = (await session.execute(statement)).all()
    prefix = "org" if by_unit else "per"
    return [
        DealtUnit(unit=ids.encode(prefix, each), covariates={"people": float(count)} if by_unit else {})
        for each, count in found
        if each is not None
    ]


def _drawn(fields: RolloutDesignWrite, units: list[DealtUnit], seed: int) -> dict[str, Any]:
    from app.domain.impact import rollout  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.result import json_safe  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.seeds import generator  # noqa: PLC0415  the engine is imported at first use

    names = list(units[0].covariates) if units else []
    for at, each in enumerate(units):
        if set(each.covariates) != set(names):
            fault = Fault("ragged_covariates", "must name the same for every unit", pointer=f"/units/{at}/covariates")
            raise Invalid("Give every unit the same covariates.", errors=(fault,))
    drawn = rollout.randomise(
        [each.unit for each in units],
        len(fields.wave_starts),
        generator=generator(seed),
        strata=[each.stratum or "" for each in units],
        covariates={name: [each.covariates[name] for each in units] for name in names},
    )
    outlook, offers, smallest = _outlook(fields), [], None
    if outlook is not None and fields.outlook is not None:
        told = fields.outlook
        waves = max(len(fields.wave_starts), 2)
        offers = rollout.designs(
            len(units), outlook, first_start=told.first_start, step=told.step, most_waves=max(waves, 6)
        )
        starts = [told.first_start + told.step * wave for wave in drawn.waves]
        smallest = rollout.smallest_effect([start if start < outlook.periods else None for start in starts], outlook)
    answer: dict[str, Any] = json_safe(
        {
            "seed": seed,
            "units": [
                {"unit": each, "wave": wave + 1, "starts_on": fields.wave_starts[wave].isoformat()}
                for each, wave in zip(drawn.units, drawn.waves, strict=True)
            ],
            "sizes": drawn.sizes,
            "balance": drawn.balance,
            "offers": offers,
            "smallest_effect": smallest,
        }
    )
    return answer


def _outlook(fields: RolloutDesignWrite) -> Any:
    from app.domain.impact.power import Serial  # noqa: PLC0415  the engine is imported at first use
    from app.domain.impact.rollout import Outlook  # noqa: PLC0415  the engine is imported at first use

    told = fields.outlook
    if told is None:
        return None
    values = told.model_dump(exclude={"first_start", "step", "serial"})
    return Outlook(serial=Serial(told.serial.value), **values)
