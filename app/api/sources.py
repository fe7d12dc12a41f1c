"""`/v1/sources`: connecting an LMS."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import setups
from app.api.deps import IDEMPOTENT, SessionOf, VaultOf, Versions
from app.api.doors import Door
from app.api.screening import ScreenedRoute
from app.domain.errors import Fault, Invalid
from app.lms._schemes import OptionType
from app.lms._signatures import SCHEMES
from app.models.sources import Source, SourceCreated, SourceWrite
from app.services import nouns, sources

_ENTROPY = 32


class SourceRoute(ScreenedRoute):
    """A route that looks at the addresses in a source's authentication before its unit of work opens."""

    @staticmethod
    def addresses(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the address of each option that is one."""
        authentication = body.get("authentication")
        if not isinstance(authentication, Mapping):
            return
        scheme = SCHEMES.get(str(authentication.get("scheme")))
        for option in scheme.options if scheme else ():
            url = authentication.get(option.name)
            if option.type is OptionType.URL and isinstance(url, str):
                yield f"/authentication/{option.name}", url


class SourceNew(SourceWrite):
    """How an LMS connects, with the secret that it uses already, if it chose one."""

    secret: str | None = Field(
        default=None, max_length=1000, description="The LMS's own secret, in the scheme's form; absent: one is made."
    )


class SecretChange(BaseModel):
    """A change of secret."""

    model_config = ConfigDict(extra="forbid")

    secret: str | None = Field(default=None, max_length=1000, description="The new secret; absent: one is made.")
    overlap_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="How long the former secret stays valid."
    )


async def _fits(session: AsyncSession, row: Source) -> None:
    """Refuse an adapter, an authentication or a mapping that could not be used."""
    setups.check(row)
    await sources.SOURCES.check(session, row)


SOURCES = replace(sources.SOURCES, check=_fits)
door = Door(SOURCES, "/sources", "sources")
door.router.route_class = SourceRoute
door.listing()
door.reading()
door.patching()
door.archiving()
for _action in SOURCES.actions:
    door.acting(_action)
router = door.router


@router.post(
    "",
    status_code=201,
    dependencies=[IDEMPOTENT],
    operation_id="createSource",
    summary="Connect an LMS",
    response_model=SourceCreated,
)
async def create_source(
    fields: Annotated[SourceNew, Body()], request: Request, response: Response, session: SessionOf, vault: VaultOf
) -> Any:
    """Answer the webhook URL and, this once, the secret to type into the LMS."""
    chosen = fields.secret
    written = SourceWrite.model_validate(fields.model_dump(exclude={"secret"}))
    written.authentication = written.authentication or setups.usual_authentication(written.adapter)
    path = sources.receiver_path(request.state.principal.tenant.slug, written.slug)
    placed = replace(SOURCES, columns=lambda shape: shape.model_dump() | {"webhook_path": path})
    row = await nouns.create(session, placed, written)
    secret = _secret_for(row, chosen)
    await sources.set_secret(session, vault, row, secret)
    response.headers["Location"] = door.location(row)
    return _with_secret(request, response, row, secret)


@router.post(
    "/{id}/rotate-secret",
    dependencies=[IDEMPOTENT],
    operation_id="rotateSourceSecret",
    summary="Change the secret of a source",
    response_model=SourceCreated,
)
async def rotate_secret(
    id: door.id_param,  # type: ignore[name-defined]  # noqa: A002  made at run time; the path parameter's name
    request: Request,
    response: Response,
    session: SessionOf,
    vault: VaultOf,
    versions: Versions,
    fields: Annotated[SecretChange | None, Body()] = None,
) -> Any:
    """Answer the new secret, this once; the former one stays valid for a while so that nothing is refused meanwhile."""
    row = await nouns.get(session, SOURCES, door.id_of(id))
    nouns.expect(row, versions)
    change = fields or SecretChange()
    secret = _secret_for(row, change.secret)
    await sources.set_secret(session, vault, row, secret, overlap=timedelta(seconds=change.overlap_seconds))
    return _with_secret(request, response, row, secret)


def _secret_for(row: Source, chosen: str | None) -> str | None:
    """Return the secret to keep: the sender's, or a new one; None where the sender alone has it (a signed body)."""
    scheme = SCHEMES[row.authentication["scheme"]]
    if chosen is None:
        made = scheme.new_secret(secrets.token_bytes(_ENTROPY), row.authentication)
        return secrets.token_urlsafe(_ENTROPY) if made is None and scheme.secret_path else made
    wrong = scheme.check_secret(chosen, row.authentication)
    if wrong:
        raise Invalid(f"Send another secret: {wrong}.", errors=(Fault("invalid_value", wrong, pointer="/secret"),))
    return chosen


def _with_secret(request: Request, response: Response, row: Source, secret: str | None) -> SourceCreated:
    response.headers["ETag"] = f'"{row.version}"'
    base = request.app.state.settings.base_url
    url = base + row.webhook_path
    scheme = SCHEMES[row.authentication["scheme"]]
    tenant = request.state.principal.tenant.slug
    once = {"webhook_url": url, "secret": secret}
    if scheme.secret_path:
        once = {"webhook_url": f"{url}/{secret}", "secret": None}
    elif scheme.name == "oauth2":
        once |= {"client_id": f"{tenant}.{row.slug}", "token_url": f"{base}/v1/oauth/token"}
    if row.adapter == "xapi":
        once |= {"xapi_url": f"{base}/v1/xapi/{tenant}/{row.slug}/"}
    return SourceCreated.model_validate(SOURCES.present(row).model_dump() | once)
