"""`/v1/measurements`: recorded once, restated by writing them again."""

from typing import Annotated, Any

from fastapi import Body, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.batches import ITEMS_MOST, RULES, BatchResult, batch_of
from app.api.deps import IDEMPOTENT, SessionOf
from app.api.doors import Door
from app.models.examples import give_example
from app.models.kpis import MeasurementRead, MeasurementWrite
from app.services import measurements
from app.services.measurements import MEASUREMENTS

door = Door(MEASUREMENTS, "/measurements", "measurements")
door.listing()
door.reading()
door.patching(measurements.patch)
door.archiving(measurements.archive)
for _action in MEASUREMENTS.actions:
    door.acting(_action)
router = door.router


class MeasurementBatch(BaseModel):
    """Many measurements at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=give_example)

    items: list[MeasurementWrite] = Field(
        min_length=1,
        max_length=ITEMS_MOST,
        description="Up to 1,000.",
        examples=[
            [
                {
                    "kpi_id": "kpi_01h455vb4pex5vsknk084sn02q",
                    "period_start": "2026-01-01",
                    "period_end": "2026-02-01",
                    "value": "4.6",
                }
            ]
        ],
    )


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createMeasurement",
    summary="Record or restate a measurement",
    response_model=MeasurementRead,
    responses={200: {"model": MeasurementRead, "description": "Restated, or unchanged."}},
)
async def record(fields: Annotated[MeasurementWrite, Body()], response: Response, session: SessionOf) -> Any:
    """Record the value of one KPI, subject and period: 201. Where there is one, another value restates it: 200.

    Periods of one KPI and subject are apart or the same: 422 (`overlapping_period`) for one that shares days with
    another, unless that one was voided.
    """
    row, new = await measurements.put(session, fields)
    response.status_code = 201 if new else 200
    response.headers["Location"] = door.location(row)
    return door.answer(response, row)


@router.post(
    "/batch",
    dependencies=[IDEMPOTENT],
    operation_id="batchMeasurements",
    summary="Record or restate up to 1,000 measurements",
    description=f"{RULES} An item is refused, too, whose period shares days with another one of its KPI and subject.",
)
async def record_many(fields: MeasurementBatch, session: SessionOf) -> BatchResult:
    """Record or restate each."""
    return batch_of("mea", await measurements.put_many(session, fields.items))
