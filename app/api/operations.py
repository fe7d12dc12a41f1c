"""`/v1/operations`: long work, how far it is, and what came of it."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from app.api.deps import IDEMPOTENT, SessionOf, VaultOf
from app.api.doors import ETAG, NEXT, Door, listed
from app.api.shapes import page_shape, query_shape
from app.models.operations import FINAL, Operation, OperationItemRead, OperationRead
from app.services import nouns, operations
from app.services.operations import ITEMS, OPERATIONS

RETRY_AFTER_SECONDS = 2

_TEXT = {"schema": {"type": "string"}}
ACCEPTED: dict[int | str, Any] = {
    202: {
        "model": OperationRead,
        "description": "Begun; it goes on after this answer.",
        "headers": ETAG
        | {
            "Location": {"description": "Address of the operation.", **_TEXT},
            "Retry-After": {"description": "Seconds until a look at it is worth while.", **_TEXT},
        },
    }
}
"""What a request that starts an operation answers, for the reference."""

door = Door(OPERATIONS, "/operations", "operations")
door.listing()
router = door.router


def accepted(response: Response, row: Operation) -> Any:
    """Return a started operation as the answer 202."""
    response.status_code = 202
    response.headers["Location"] = door.location(row)
    return answered(response, row)


def answered(response: Response, row: Operation) -> Any:
    """Return an operation; while it goes on, with when to ask again."""
    if row.status not in FINAL:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return door.answer(response, row)


async def get_operation(id: str, response: Response, session: SessionOf) -> Any:  # noqa: A002  the path parameter's name
    """Return it as it stands. Its version, and with it the ETag, changes with its progress."""
    return answered(response, await nouns.get(session, OPERATIONS, door.id_of(id)))


async def cancel_operation(id: str, response: Response, session: SessionOf) -> Any:  # noqa: A002  the path parameter's name
    """Ask it to stop. What waits stops at once, what runs after the portion in hand; what was done stays done."""
    return answered(response, await operations.cancel(session, door.id_of(id)))


async def list_items(
    id: str,  # noqa: A002  the name of the path parameter
    query: Any,
    request: Request,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Return the rows of an import that were refused, or that contradict what is there, in order."""
    row = await nouns.get(session, OPERATIONS, door.id_of(id))
    return await listed(ITEMS, query, request, response, session, vault, within={"operation_id": [row.id]})


for _endpoint in (get_operation, cancel_operation, list_items):
    _endpoint.__annotations__["id"] = door.id_param
list_items.__annotations__["query"] = Annotated[query_shape(ITEMS, sort="line"), Query()]

door.add(
    "GET",
    "/{id}",
    get_operation,
    operation_id="getOperation",
    summary="Get an operation",
    response_model=OperationRead,
    responses={200: {"headers": ETAG}},
)
door.add(
    "POST",
    "/{id}/cancel",
    cancel_operation,
    dependencies=[IDEMPOTENT],
    operation_id="cancelOperation",
    summary="Cancel an operation",
    response_model=OperationRead,
)
door.add(
    "GET",
    "/{id}/items",
    list_items,
    operation_id="listOperationItems",
    summary="List the rows of an operation that need a look",
    response_model=page_shape(OperationItemRead),
    responses={200: {"headers": NEXT}},
)
