"""`/v1/people`, and the identities under which sources know them."""

from typing import Annotated, Any

from fastapi import Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.batches import ITEMS_MOST, RULES, BatchResult, batch_of
from app.api.deps import IDEMPOTENT, SessionOf, VaultOf
from app.api.doors import ETAG, NEXT, Door, listed
from app.api.routing import AdminRoute
from app.api.shapes import page_shape, query_shape
from app.models.examples import give_example
from app.models.people import IdentityRead, IdentityWrite, PersonRead, PersonWrite
from app.models.values import PersonId
from app.services import erasure, nouns, people
from app.services.people import IDENTITIES, PEOPLE

door = Door(PEOPLE, "/people", "people")
router = door.full(batch=None)


class PeopleBatch(BaseModel):
    """Many people at once; each has an external id, by which it is known again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=give_example)

    items: list[PersonWrite] = Field(
        min_length=1,
        max_length=ITEMS_MOST,
        description="Up to 1,000.",
        examples=[[{"external_id": "10442", "name": "Rosa Okafor"}]],
    )


class PersonMerge(BaseModel):
    """Whom a person is one with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=give_example)

    person_id: PersonId = Field(description="The unresolved person whose identities and learning come along.")


@router.post(
    "/batch",
    dependencies=[IDEMPOTENT],
    operation_id="batchPeople",
    summary="Create or replace up to 1,000 people by your own ids",
    description=RULES,
)
async def put_people(fields: PeopleBatch, session: SessionOf) -> BatchResult:
    """Create or replace each."""
    return batch_of("per", await people.put_many(session, fields.items))


async def list_identities(
    id: str,  # noqa: A002  the name of the path parameter
    query: Any,
    request: Request,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Return one page of the names under which sources know the person."""
    person = await nouns.get(session, PEOPLE, door.id_of(id))
    within = {"person_id": [person.id]}
    return await listed(IDENTITIES, query, request, response, session, vault, within=within)


_identities = query_shape(IDENTITIES, sort="created_at", within="person_id")
list_identities.__annotations__ |= {"id": door.id_param, "query": Annotated[_identities, Query()]}
door.add(
    "GET",
    "/{id}/identities",
    list_identities,
    operation_id="listIdentities",
    summary="List the identities of a person",
    response_model=page_shape(IdentityRead),
    responses={200: {"headers": NEXT}},
)


@router.post(
    "/{id}/identities",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createIdentity",
    summary="Add an identity to a person",
    response_model=IdentityRead,
    responses={200: {"model": IdentityRead, "description": "The person has it already."}},
)
async def add_identity(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: Annotated[IdentityWrite, Body()],
    response: Response,
    session: SessionOf,
) -> Any:
    """Link a name to a person. Learning that only an unresolved person had under it comes along."""
    row, new = await people.link(session, door.id_of(id), fields)
    response.status_code = 201 if new else 200
    return IDENTITIES.present(row)


@router.post(
    "/{id}/merge",
    dependencies=[IDEMPOTENT],
    operation_id="mergePerson",
    summary="Merge an unresolved person into another",
    response_model=PersonRead,
    responses={200: {"headers": ETAG}},
)
async def merge_person(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    fields: Annotated[PersonMerge, Body()],
    response: Response,
    session: SessionOf,
) -> Any:
    """Both were one human: every identity goes over, enrolments are folded anew, and the emptied person is archived."""
    return door.answer(response, await people.merge(session, door.id_of(id), fields.person_id))


async def erase_person(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    response: Response,
    session: SessionOf,
    vault: VaultOf,
) -> Any:
    """Remove for good what names a person, everywhere and in every version. Needs a key with the scope admin.

    Counts and enrolments stay, under a person without a name. Raw bodies that told of the person are emptied, and their
    hashes kept. Nothing that comes under one of the person's names later is taken in. This cannot be undone.
    """
    return door.answer(response, await erasure.erase(session, vault, door.id_of(id)))


router.add_api_route(
    "/{id}/erase",
    erase_person,
    methods=["POST"],
    dependencies=[IDEMPOTENT],
    operation_id="erasePerson",
    summary="Erase a person",
    response_model=PersonRead,
    responses={200: {"headers": ETAG}},
    route_class_override=AdminRoute,
)
