"""What people think that an initiative did to an outcome: a self-report, never mixed with measured effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.answers import caveat
from app.domain.metrics.privacy import Sensitivity
from app.models.estimates import PersonalEstimate
from app.models.surveys import Survey
from app.services.inputs._cuts import VALUED
from app.services.inputs._outcomes import with_kpis
from app.services.inputs._provider import Given, Link, Place, Provider, Scope
from app.services.inputs._under import within
from app.services.versions import rows_at


@dataclass(slots=True)
class Voiced:
    """The latest estimate of each person about one initiative and outcome, and who was asked."""

    kpi_unit: str
    estimates: list[dict[str, Any]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    invited: dict[UUID, int | None] = field(default_factory=dict)
    unasked: int = 0

    @property
    def asked(self) -> int:
        """How many were asked, as the surveys say; who answered outside of those was asked too."""
        return sum(count or 0 for count in self.invited.values()) + self.unasked


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Voiced]:
    rows = await _latest(session, scope)
    pairs = await with_kpis(session, {row.outcome_id for row in rows}, scope.as_of)
    found: dict[Place, Voiced] = {}
    for row in rows:
        if row.outcome_id not in pairs:
            continue
        here = found.setdefault((row.initiative_id, (row.outcome_id,)), Voiced(pairs[row.outcome_id][1].unit))
        here.estimates.append(
            {
                "change": row.change,
                "share": row.share_rate,
                "confidence": row.confidence_rate,
                "shares_total": row.all_shares_rate,
                "role": row.role,
            }
        )
        here.links.append(Link("personal_estimate", row.id, row.version))
        if row.invited is None:
            here.unasked += 1
        else:
            here.invited[row.survey_id] = row.invited
    return found


async def _latest(session: AsyncSession, scope: Scope) -> list[Any]:
    """Return the latest estimate of each person, with how many the survey behind it invited; one query."""
    table, surveys = rows_at(session, PersonalEstimate, scope.as_of), rows_at(session, Survey, scope.as_of)
    who = func.coalesce(table.c.person_id, table.c.id)
    newest_first = (table.c.given_on.desc(), table.c.recorded_at.desc(), table.c.id.desc())
    rank = func.row_number().over(partition_by=(table.c.initiative_id, table.c.outcome_id, who), order_by=newest_first)
    ranked = (
        select(table, surveys.c.invited, rank.label("rank"))
        .select_from(table.outerjoin(surveys, surveys.c.id == table.c.survey_id))
        .where(table.c.initiative_id.in_(scope.ids), table.c.given_on <= scope.today, *within(table.c.given_on, scope))
        .subquery()
    )
    statement = select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.id)
    return list(await session.execute(statement))


def _adjusted(found: Voiced, _scope: Scope) -> Given:
    sentence = f"{found.unasked} answers name no survey that says how many were asked; silence there cannot count."
    note = caveat("invitations_unknown", sentence, when=found.unasked)
    inputs = {"asked": found.asked, "estimates": found.estimates, "kpi_unit": found.kpi_unit}
    return Given(inputs, len(found.estimates), caveats=(note,) if note else (), links={"estimates": found.links})


PROVIDERS = (
    Provider(
        metrics={"estimate_adjusted": _adjusted},
        kinds=frozenset({"initiative"}),
        load=_load,
        by=frozenset({"outcome"}),
        always=("outcome",),
        refused=VALUED,
        people=True,
        sensitivity=Sensitivity.PERFORMANCE,
    ),
)
