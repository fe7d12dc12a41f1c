"""Batches: up to 1,000 items in one request, each with its own result (api.md, REST 10)."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.api.errors import ProblemFault
from app.api.shapes import camel
from app.domain import ids
from app.domain.errors import Fault
from app.models.examples import give_example
from app.services.batches import ItemResult, Result
from app.services.nouns import NounType

ITEMS_MOST = 1000
RULES = (
    "Items are written or refused one by one, with a result for each in the order sent. A body that does not fit the "
    "shape is refused whole. The same items again change nothing."
)


class BatchItem(BaseModel):
    """What became of one item."""

    index: int = Field(description="Its place in what was sent, from 0.", examples=[0])
    result: Result = Field(description="created, updated, unchanged or refused; may grow.", examples=["created"])
    id: str | None = Field(
        description="Public id; null for a refused item.", examples=["per_01h455vb4pex5vsknk084sn02q"]
    )
    errors: list[ProblemFault] = Field(description="Why it was refused; pointers into the item.", examples=[[]])


class BatchResult(BaseModel):
    """What became of every item of a batch."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "created": 1,
                    "updated": 0,
                    "unchanged": 0,
                    "refused": 0,
                    "items": [{"index": 0, "result": "created", "id": "per_01h455vb4pex5vsknk084sn02q", "errors": []}],
                }
            ]
        }
    )

    created: int = Field(description="Items that made something new.")
    updated: int = Field(description="Items that changed something.")
    unchanged: int = Field(description="Items that were there already, as sent.")
    refused: int = Field(description="Items that were not written.")
    items: list[BatchItem] = Field(description="In the order sent.")


def batch_shape(noun: NounType[Any]) -> type[BaseModel]:
    """Return the shape of many rows of a noun at once; each has an external id, by which it is known again."""
    [example] = noun.write.model_json_schema()["examples"]
    shape: type[BaseModel] = create_model(
        f"{camel(noun.name)}Batch",
        __config__=ConfigDict(extra="forbid", json_schema_extra=give_example),
        __doc__="Many rows at once; each has an external id, by which it is known again.",
        items=(
            list[noun.write],  # type: ignore[name-defined]  # made at run time
            Field(
                min_length=1,
                max_length=ITEMS_MOST,
                description="Up to 1,000.",
                examples=[[example | {"external_id": "2026-0417"}]],
            ),
        ),
    )
    return shape


def batch_of(prefix: str, results: Sequence[ItemResult]) -> BatchResult:
    """Return results as the answer to a batch; `prefix` is that of their public ids."""
    counts = {each.value: sum(result.result is each for result in results) for each in Result}
    items = [
        BatchItem(
            index=index,
            result=result.result,
            id=None if result.id is None else ids.encode(prefix, result.id),
            errors=[ProblemFault(**_fault(fault)) for fault in result.faults],
        )
        for index, result in enumerate(results)
    ]
    return BatchResult(**counts, items=items)


def _fault(fault: Fault) -> dict[str, Any]:
    return {"code": fault.code, "detail": fault.detail, "pointer": fault.pointer}
