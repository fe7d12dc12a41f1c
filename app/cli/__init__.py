"""`throughline`: the command line. It calls the same services as the doors."""

from typing import Annotated

import typer

from app import __version__
from app.cli import copies, databases, imports, jobs, keys, serving, tenants
from app.cli.answers import Commands, print_json

app = typer.Typer(
    name="throughline",
    cls=Commands,
    help="The open service that connects learning to business results. Settings: THROUGHLINE_... in the environment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serving.serve)
app.command("worker")(serving.worker)
app.command("demo")(serving.demo)
app.command("import")(imports.import_table)
app.command("migrate")(databases.migrate_command)
app.command("copy")(copies.copy)
app.add_typer(tenants.commands, name="tenant")
app.add_typer(keys.commands, name="key")
app.add_typer(jobs.commands, name="job")


@app.command("version")
def version(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        typer.echo(f"throughline {__version__}")


def main() -> None:
    """Run the command that the arguments name."""
    app()
