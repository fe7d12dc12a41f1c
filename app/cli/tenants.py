"""`throughline tenant ...`: organisations."""

import asyncio
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from app.cli.answers import Mistake, print_json
from app.cli.databases import opened, read_settings
from app.config import Settings
from app.db import Database
from app.domain import ids
from app.domain.errors import Conflict
from app.models.tenancy import SCOPES, ApiKeyWrite, TenantSettings
from app.models.unit import TenantScope
from app.models.values import Slug, Title
from app.services import keys, tenants
from app.services.keys import NewKey

commands = typer.Typer(help="Organisations; every row belongs to one.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@commands.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="Name in addresses and keys, for ever: a-z, 0-9 and -, at most 40.")],
    name: Annotated[str | None, typer.Option(help="Name of the organisation; default: the slug.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Found a tenant and print its first API key, which has every scope; it is shown this once."""
    slug, name = _checked(slug, name or slug)
    settings = read_settings()
    tenant, made = asyncio.run(_create(settings, slug, name))
    if as_json:
        print_json({"id": ids.encode("ten", tenant.id), "slug": slug, "name": name, "key": shown_key(made)})
        return
    typer.echo(f"Founded the tenant {slug} ({ids.encode('ten', tenant.id)}). Its API key, shown this once:")
    typer.echo(f"\n    {made.token}\n")
    typer.echo(f"Try: curl -H 'Authorization: Bearer {made.token}' {settings.base_url}/v1/objectives")


@commands.command("list")
def list_all(*, as_json: JsonOption = False) -> None:
    """List the tenants."""
    found = asyncio.run(_list(read_settings()))
    if as_json:
        print_json({"items": [{"id": ids.encode("ten", each.id), "slug": each.slug} for each in found]})
        return
    for each in found:
        typer.echo(f"{each.slug}  {ids.encode('ten', each.id)}")
    if not found:
        typer.echo("There is no tenant yet: `throughline tenant create SLUG` founds one.", err=True)


async def found(database: Database, slug: str, name: str) -> tuple[TenantScope, NewKey]:
    """Add a tenant with its settings and a key of every scope; finish it where an earlier attempt broke off.

    Raises Conflict when the slug is taken.
    """
    try:
        async with database.founding() as session:
            scope = tenants.scope(await tenants.found(session, slug, name))
    except Conflict:
        scope = await scope_of(database, slug)
        async with database.reading(scope) as session:
            if await session.get(TenantSettings, (scope.id, scope.id)):
                raise
    async with database.transaction(scope) as session:
        await tenants.settle(session)
        return scope, await keys.create(session, ApiKeyWrite(name="First key", scopes=list(SCOPES)))


async def scope_of(database: Database, slug: str) -> TenantScope:
    """Return the tenant of that slug. Raises Mistake when there is none."""
    async with database.reading(None) as session:
        tenant = await tenants.by_slug(session, slug)
    if tenant is None:
        raise Mistake(f"There is no tenant {slug!r}: `throughline tenant list` shows all of them.")
    return tenants.scope(tenant)


def shown_key(made: NewKey) -> dict[str, object]:
    """Return a new key for a script."""
    return {
        "id": ids.encode("key", made.row.id),
        "name": made.row.name,
        "scopes": made.row.scopes,
        "expires_at": made.row.expires_at,
        "token": made.token,
    }


async def _create(settings: Settings, slug: str, name: str) -> tuple[TenantScope, NewKey]:
    async with opened(settings) as database:
        try:
            return await found(database, slug, name)
        except Conflict as error:
            hint = f"make another key with `throughline key create {slug} --name NAME`"
            raise Mistake(f"There is a tenant {slug} already: choose another slug, or {hint}.") from error


async def _list(settings: Settings) -> list[TenantScope]:
    async with opened(settings) as database, database.reading(None) as session:
        return await tenants.everyone(session)


def _checked(slug: str, name: str) -> tuple[str, str]:
    try:
        TypeAdapter(Slug).validate_python(slug)
    except ValidationError as error:
        raise Mistake(f"{slug!r} cannot be a slug: use a-z, 0-9 and -, 40 characters at most.") from error
    try:
        return slug, TypeAdapter(Title).validate_python(name)
    except ValidationError as error:
        raise Mistake("A name has 1 to 200 characters.") from error
