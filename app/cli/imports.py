"""`throughline import KIND FILE`: tables streamed from CSV and NDJSON files."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import logs
from app.cli.answers import Mistake, print_json
from app.cli.databases import read_settings
from app.cli.tenants import JsonOption
from app.services.batches import Result
from app.services.sheets import SHEETS

if TYPE_CHECKING:
    from app.work.imports import Tally

FAULTY = 1
"""Exit code of an import with lines at fault; the others are written."""

_NDJSON = {".ndjson", ".jsonl"}


def import_table(
    kind: Annotated[str, typer.Argument(help=f"What the lines are: {', '.join(SHEETS)}.")],
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8 with a header, or NDJSON (.ndjson, .jsonl).")],
    tenant: Annotated[str, typer.Option(help="Slug of the tenant.")],
    *,
    source: Annotated[str | None, typer.Option(help="Only for events: slug of the source that tells them.")] = None,
    payloads: Annotated[
        bool, typer.Option("--payloads", help="Only for events: each line is a body as the source sends it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a table line by line; the same table again changes nothing.

    people: external_id, name, org_unit, role, joined_on, left_on, email, account:SLUG (what that source calls them).
    measurements: kpi, subject_kind, subject, period_start, period_end, value or numerator and denominator, provisional.
    events: kind, account | email | username, activity, activity_title, occurred_at, event_id, passed, score_scaled or
    score_raw and score_max, progress, duration, due_at, expires_at, voids; a wrong name is answered with all of them.
    Others: the fields of the noun over REST; `initiative_id` and the like are columns without `_id`, by external id.
    An empty cell clears its field; a column left out leaves it.
    """
    if kind not in SHEETS:
        raise Mistake(f"There is no kind {kind!r}: it takes {', '.join(SHEETS)}.")
    sheet = SHEETS[kind]
    ndjson = file.suffix.lower() in _NDJSON
    if sheet.told != (source is not None):
        raise Mistake("Name the source of the events with --source SLUG." if sheet.told else "--source is for events.")
    if payloads and not (sheet.told and ndjson):
        raise Mistake("--payloads is for events in NDJSON.")
    settings = read_settings()
    logs.configure("warning", "console")
    from app.cli import importing  # noqa: PLC0415  the commands that import nothing start a second sooner

    try:
        stream = file.open("rb")
    except OSError as error:
        raise Mistake(f"Cannot read {file} ({error.strerror}): name a CSV or NDJSON file.") from error
    with stream:
        work = importing.Importing(settings, tenant, sheet, source, payloads=payloads, dry_run=dry_run)
        tally = asyncio.run(work.run(file, stream, ndjson=ndjson))
    _tell(tally, dry_run=dry_run, as_json=as_json)


def _tell(tally: "Tally", *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({**tally.as_json(), "dry_run": dry_run})
    else:
        told = ", ".join(f"{tally.results[each.value]} {each.value}" for each in Result)
        at_fault = f" Faults in {tally.faulty}, named above." if tally.faulty else ""
        typer.echo(f"{tally.lines} lines{' tried, nothing written' if dry_run else ''}: {told}.{at_fault}")
    if tally.faulty:
        raise typer.Exit(FAULTY)
