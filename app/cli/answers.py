"""How commands answer: results on standard output, mistakes as one sentence on standard error with exit code 2."""

import json
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import ArgumentError, OperationalError
from typer.core import TyperGroup

from app.config import Settings
from app.domain.errors import ThroughlineError
from app.logs import scrubbed
from app.vault import VaultError

MISTAKEN = 2
"""Exit code of a command that was called wrongly or could not begin."""


class Mistake(Exception):
    """Something that the caller can mend; the message is one sentence that says how."""


class Commands(TyperGroup):
    """Turns what the caller can mend into a sentence; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's own context is the narrower one
        """Run the command of `ctx`."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                raise
            typer.echo(sentence, err=True)
            raise typer.Exit(MISTAKEN) from error


def sentence_of(error: Exception) -> str | None:
    """Return what to tell the caller about `error`; None when it is a bug."""
    sentence = None
    match error:
        case Mistake() | VaultError():
            sentence = str(error)
        case ThroughlineError():
            sentence = error.detail
        case ValidationError() if error.title == Settings.__name__:
            sentence = "; ".join(f"THROUGHLINE_{_place(each)}: {each['msg']}" for each in error.errors()) + "."
        case SettingsError():
            sentence = f"A setting cannot be read: {error}."
        case ArgumentError():
            sentence = "THROUGHLINE_DATABASE_URL must look like sqlite:///file.db or postgresql://user@host/name."
        case OperationalError():
            reason = scrubbed(str(error.orig).partition("\n")[0])
            sentence = f"The database cannot be used ({reason}): check that it runs, and THROUGHLINE_DATABASE_URL."
        case ModuleNotFoundError(name="psycopg" | "psycopg_pool"):
            sentence = "PostgreSQL needs its driver: install throughline[postgres]."
    return sentence


def print_json(value: Any) -> None:
    """Print one JSON document for a script."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]).upper()
