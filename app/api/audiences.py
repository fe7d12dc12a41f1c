"""`/v1/audiences` and their members."""

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.batches import ITEMS_MOST, RULES, BatchResult, batch_of
from app.api.deps import IDEMPOTENT, SessionOf, VaultOf
from app.api.doors import NEXT, Door, listed
from app.api.shapes import page_shape, query_shape
from app.domain import ids
from app.domain.errors import NotFound
from app.models.examples import give_example
from app.models.people import AudienceMemberRead, AudienceMemberWrite
from app.services import audiences, nouns
from app.services.audiences import AUDIENCES, MEMBERS

door = Door(AUDIENCES, "/audiences", "audiences")
router = door.full()


class AudienceMemberBatch(BaseModel):
    """Who is to be in the audience, with their dates."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=give_example)

    items: list[AudienceMemberWrite] = Field(
        min_length=1,
        max_length=ITEMS_MOST,
        description="Up to 1,000.",
        examples=[[{"person_id": "per_01h455vb4pex5vsknk084sn02q", "offered_on": "2026-03-02"}]],
    )


async def list_members(
    id: str,  # noqa: A002  the name of the path parameter
    query: Any,
    request: Request,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Return one page of the members of an audience."""
    audience = await nouns.get(session, AUDIENCES, door.id_of(id))
    within = {"audience_id": [audience.id]}
    return await listed(MEMBERS, query, request, response, session, vault, within=within)


list_members.__annotations__ |= {"id": door.id_param, "query": Annotated[query_shape(MEMBERS), Query()]}
door.add(
    "GET",
    "/{id}/members",
    list_members,
    operation_id="listAudienceMembers",
    summary="List the members of an audience",
    response_model=page_shape(AudienceMemberRead),
    responses={200: {"headers": NEXT}},
)


@router.post(
    "/{id}/members",
    dependencies=[IDEMPOTENT],
    operation_id="putAudienceMembers",
    summary="Add up to 1,000 people to an audience, or change their dates",
    description=RULES,
)
async def put_members(id: door.id_param, fields: AudienceMemberBatch, session: SessionOf) -> BatchResult:  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    """Add each; who is in it already gets the new dates."""
    return batch_of("per", await audiences.put_members(session, door.id_of(id), fields.items))


@router.delete(
    "/{id}/members/{person_id}",
    status_code=204,
    operation_id="removeAudienceMember",
    summary="Take a person out of an audience",
    response_model=None,
)
async def remove_member(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    person_id: Annotated[
        str, Path(description="Public id of the person.", examples=["per_01h455vb4pex5vsknk084sn02q"])
    ],
    session: SessionOf,
) -> Response:
    """Take a person out; figures as of an earlier instant still count them."""
    audience_id = door.id_of(id)
    try:
        member_id = ids.decode("per", person_id)
    except ValueError as error:
        raise NotFound(f"There is no person {person_id[:60]!r}: {error}.") from error
    await audiences.remove_member(session, audience_id, member_id)
    return Response(status_code=204)
