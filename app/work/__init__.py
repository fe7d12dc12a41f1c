"""What operations do, portion by portion; each module is one kind of long work. Run by the worker and by the CLI."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.domain.errors import ThroughlineError, Unavailable
from app.models.operations import Operation
from app.services import operations
from app.services.jobs import Turn
from app.services.operations import Stopped

Carried = Callable[[Turn, Operation], Awaitable[Mapping[str, Any]]]
"""Does the work of an operation from where it stands, in units of the turn; returns what came of it."""


def carrying(work: Carried) -> Callable[[Turn], Awaitable[None]]:
    """Return the job that carries an operation out: begun, worked on, and brought to one of its three ends.

    An error of ours that says what to do is the operation's; anything else is the job's, which is tried again.
    """

    async def carry(turn: Turn) -> None:
        operation_id = operations.id_in(turn.claim.arguments)
        try:
            async with turn.writing(beginning=True) as session:
                row = await operations.begin(session, operation_id)
            result = await work(turn, row)
            async with turn.writing() as session:
                await operations.succeed(session, operation_id, result)
        except Stopped:
            async with turn.writing() as session:
                await operations.stop(session, operation_id)
        except Unavailable:
            raise
        except ThroughlineError as error:
            async with turn.writing() as session:
                await operations.fail(session, operation_id, error.code, error.detail)

    return carry
