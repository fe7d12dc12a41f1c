"""Planning in the graph: what a comparison could find. Nothing of the tenant is read, and nothing is kept."""

from typing import Annotated, Any

import strawberry

from app.api.graphql.inputs import given, input_of
from app.api.graphql.scalars import shape_of
from app.models.power import PowerRead, PowerWrite
from app.services import planning


def _power(comparison: Any) -> Any:
    return planning.power(given(PowerWrite, comparison))


_power.__annotations__["comparison"] = Annotated[
    input_of(PowerWrite), strawberry.argument(description="The comparison to be planned.")
]

PLANNING = {
    "power": strawberry.field(
        resolver=_power,
        description="What a comparison could find, before anybody is trained, or how many units that takes.",
        graphql_type=shape_of(PowerRead) | None,
    )
}
"""What the root has of planning."""
