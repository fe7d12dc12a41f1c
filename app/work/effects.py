"""Effects of many units: read, estimated one estimator after the other, and kept, as an operation."""

from collections.abc import Mapping
from typing import Any

from app.domain import ids
from app.models.effects import EffectEstimate, EffectEstimateWrite
from app.models.operations import Operation
from app.services import effects, estimation, operations
from app.services.jobs import JobKind, Turn
from app.work import carrying


async def _carried(turn: Turn, row: Operation) -> Mapping[str, Any]:
    """Estimate from the beginning, also after a break: a run leaves nothing that could be gone on with.

    So its parts give no new attempts. What was kept before a break is not estimated again.
    """

    async def told(done: int, total: int) -> None:
        async with turn.writing(beginning=True) as session:
            await operations.advance(session, row.id, done=done + 1, total=total + 1)

    if row.state:
        return row.state
    fields = EffectEstimateWrite.model_validate(row.arguments)
    async with turn.reading() as session:
        prepared = await effects.prepare(session, fields)
    ran = await estimation.run(prepared.task, told)
    async with turn.writing() as session:
        kept = await effects.keep(session, prepared, ran)
        result = {"effect_estimate_id": ids.encode(EffectEstimate.prefix, kept.id)}
        await operations.advance(session, row.id, done=len(ran.results) + 1, state=result, result=result)
    return result


KIND = JobKind(effects.LARGE, carry=carrying(_carried), buried=operations.bury)
