"""`throughline key ...`: API keys of a tenant."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.answers import Mistake, print_json
from app.cli.databases import opened, read_settings
from app.cli.tenants import JsonOption, scope_of, shown_key
from app.config import Settings
from app.domain import ids
from app.models.tenancy import SCOPES, ApiKey, ApiKeyRead, ApiKeyWrite
from app.models.unit import TenantScope
from app.models.values import AwareTime
from app.services import keys, tenants
from app.services.keys import NewKey
from app.vault import parse_key_token

commands = typer.Typer(help="API keys of a tenant.", no_args_is_help=True)

TenantArgument = Annotated[str, typer.Argument(help="Slug of the tenant.")]


@commands.command("create")
def create(
    tenant: TenantArgument,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; repeat it. Default: read.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="An instant with its zone, or days such as 90d. Default: never.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a key; its token is shown this once."""
    try:
        told = {"name": name, "scopes": scope or ["read"], "expires_at": _instant(expires)}
        fields = ApiKeyWrite.model_validate(told)
    except ValidationError as error:
        raise Mistake("A name has 1 to 200 characters.") from error
    made = asyncio.run(_create(read_settings(), tenant, fields))
    if as_json:
        print_json(shown_key(made))
        return
    typer.echo(f"Made {ids.encode('key', made.row.id)} ({', '.join(made.row.scopes)}). Its token, shown this once:")
    typer.echo(f"\n    {made.token}\n")


@commands.command("list")
def list_all(tenant: TenantArgument, *, as_json: JsonOption = False) -> None:
    """List the keys of a tenant, revoked ones too, the newest first."""
    found = [
        ApiKeyRead.model_validate(row, from_attributes=True) for row in asyncio.run(_list(read_settings(), tenant))
    ]
    if as_json:
        print_json({"items": [each.model_dump(mode="json") for each in found]})
        return
    for each in found:
        typer.echo(f"{ids.encode('key', each.id)}  {_state(each):<8}  {','.join(each.scopes)}  {each.name}")


@commands.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key (key_...), or the leaked token itself.")],
    tenant: Annotated[str | None, typer.Option(help="Slug of its tenant; default: all are searched.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """End a key; within five seconds no process accepts it."""
    token = parse_key_token(key)
    key_id = token.key_id if token else _key_id(key)
    row = asyncio.run(_revoke(read_settings(), key_id, token.tenant_slug if token else tenant))
    shown = ApiKeyRead.model_validate(row, from_attributes=True)
    if as_json:
        print_json(shown.model_dump(mode="json"))
        return
    typer.echo(f"Revoked {ids.encode('key', shown.id)} ({shown.name}).")


async def _create(settings: Settings, slug: str, fields: ApiKeyWrite) -> NewKey:
    async with opened(settings) as database:
        scope = await scope_of(database, slug)
        async with database.transaction(scope) as session:
            return await keys.create(session, fields)


async def _list(settings: Settings, slug: str) -> list[ApiKey]:
    async with opened(settings) as database:
        scope = await scope_of(database, slug)
        async with database.reading(scope) as session:
            return list(await keys.all_of_tenant(session))


async def _revoke(settings: Settings, key_id: UUID, slug: str | None) -> ApiKey:
    async with opened(settings) as database:
        if slug is not None:
            scopes: list[TenantScope] = [await scope_of(database, slug)]
        else:
            async with database.reading(None) as session:
                scopes = await tenants.everyone(session)
        for scope in scopes:
            async with database.reading(scope) as session:
                known = await keys.find(session, key_id)
            if known is not None:
                async with database.transaction(scope) as session:
                    return await keys.revoke(session, key_id)
    where = f"the tenant {slug}" if slug else "any tenant"
    raise Mistake(f"There is no key {ids.encode('key', key_id)} in {where}: `throughline key list TENANT` shows them.")


def _key_id(text: str) -> UUID:
    try:
        return ids.decode("key", text)
    except ValueError as error:
        raise Mistake(f"That is no key: {error}.") from error


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    days = re.fullmatch(r"(\d{1,5})d", text)
    if days:
        return datetime.now(UTC) + timedelta(days=int(days[1]))
    try:
        instant: datetime = TypeAdapter(AwareTime).validate_python(text)
    except ValidationError as error:
        raise Mistake("--expires takes days such as 90d, or an instant such as 2027-01-31T00:00:00Z.") from error
    if instant <= datetime.now(UTC):
        raise Mistake("--expires lies in the past: a new key would not work.")
    return instant


def _state(key: ApiKeyRead) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "expired"
    return "valid"
