"""The hourly look at issued statements: those whose facts have changed are stated anew."""

from datetime import timedelta

from app.domain.errors import Conflict, Invalid
from app.services import restatements
from app.services.jobs import JobKind, Turn


async def restate_changed(turn: Turn) -> None:
    """State anew every issued statement whose facts have changed, one at a time; one that cannot be says why."""
    await turn.settle()
    async with turn.reading() as session:
        issued = await restatements.issued(session)
    for statement_id in issued:
        try:
            async with turn.reading() as session:
                due = await restatements.due(session, statement_id)
            if due is not None:
                ran = await restatements.computed(due)
                async with turn.writing() as session:
                    await restatements.restate(session, due, ran)
        except (Conflict, Invalid) as error:
            async with turn.writing() as session:
                await restatements.note_failure(session, statement_id, error.detail)


KIND = JobKind("restate_statements", carry=restate_changed, every=timedelta(hours=1))
