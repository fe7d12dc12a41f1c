"""`throughline copy --from ADDRESS`: from one database to another, such as from the embedded one to PostgreSQL."""

from typing import Annotated

import typer

from app import logs
from app.cli.answers import Mistake, print_json
from app.cli.databases import read_settings
from app.cli.tenants import JsonOption


def copy(
    source: Annotated[
        str, typer.Option("--from", help="Address of the database to copy, such as sqlite:///throughline.db.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Copy every tenant of another database into the one of the settings, which `throughline migrate` has just made.

    Either may be SQLite or PostgreSQL. No service may run on them meanwhile. Every row is read back and compared; all
    of them are copied or none. The other database stays as it is.
    """
    target = read_settings()
    try:
        origin = read_settings(database_url=source)
    except Mistake as error:
        raise Mistake("--from takes an address such as sqlite:///file.db or postgresql://user@host/name.") from error
    logs.configure("warning", "console")
    from app.cli import copying  # noqa: PLC0415  the commands that copy nothing start sooner

    copied = copying.copy(origin, target)
    if as_json:
        tables = {name: found.told() for name, found in copied.tables.items()}
        print_json({"tenants": copied.tenants, "rows": copied.rows, "tables": tables})
        return
    filled = sum(bool(found.rows) for found in copied.tables.values())
    typer.echo(
        f"Copied {', '.join(copied.tenants) or 'no tenant'}: {copied.rows} rows of {filled} tables, each read back."
    )
    typer.echo("Serve from this database from now on: what the other one takes in is not copied any more.")
