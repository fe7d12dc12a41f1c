"""Statements that go to PostgreSQL together: one message and one wait, however many they are.

Psycopg's own pipeline sends every statement by itself, wakes the server for each and makes a cursor for each answer,
which costs more than what the statements of a few deliveries do. This is libpq's pipeline
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) through psycopg's objects of it.
"""

import functools
import itertools
import re
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, capabilities, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from app.wire import Later, Statement

_PARAMETER = re.compile(r"%\((\w+)\)s")
_KEPT_PREPARED = 300
"""Statements that a connection keeps prepared; what comes after them is planned each time."""


class Pipeline:
    """One connection's conversation with PostgreSQL, and what is prepared on it: it lives as long as the connection."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection
        self._values = Transformer(connection)
        self._prepared: dict[str, bytes] = {}
        self._names = itertools.count()
        self._gone: list[bytes] = []
        self._unanswered: deque[tuple[Later, dict[str, bytes]]] = deque()
        """What is asked, in order, and what is prepared once it is answered."""

        self._failed: Any = None

    def post(self, asked: Sequence[tuple[Later, Statement]], until: Later | None = None) -> None:
        """Send statements, in a transaction, and leave their answers to `read`; that of `until` does not wait.

        Raises ValueError and the driver's errors for what cannot be sent; nothing of it is sent then.
        """
        driver = self._connection.pgconn
        spelled = [(later, statement, self._spelled(*statement)) for later, statement in asked]
        idle = driver.transaction_status == TransactionStatus.IDLE
        driver.enter_pipeline_mode()
        if idle:
            driver.send_query_params(b"BEGIN", None)
            self._unanswered.append((Later(), {}))
        for name in self._gone:
            driver.send_close_prepared(name)
            self._unanswered.append((Later(), {}))
        self._gone.clear()
        preparing: dict[str, bytes] = {}
        for later, (statement, _), (query, texts) in spelled:
            self._write(later, statement, query, texts, preparing)
            if later is until:
                driver.send_flush_request()
        driver.pipeline_sync()
        self._unanswered.append((Later(), {}))

    @property
    def is_unanswered(self) -> bool:
        """Whether something was sent whose answer is not read."""
        return bool(self._unanswered)

    def forget(self) -> None:
        """Prepare everything anew: after a rollback psycopg may drop what a connection has prepared."""
        if capabilities.has_send_close_prepared():
            self._gone += self._prepared.values()
        self._prepared.clear()

    async def read(self, until: Later | None = None) -> None:
        """Read the answers that are left, up to that of `until`.

        Raises the driver's error of the first statement that failed; none after it has any effect.
        """
        if not self._unanswered:
            return
        driver, given_up = self._connection.pgconn, True
        try:
            await self._connection.wait(self._answers(until))
            given_up = False
        finally:
            failed, self._failed = self._failed, None
            if not self._unanswered:
                driver.exit_pipeline_mode()
            elif given_up:
                self._unanswered.clear()
                driver.finish()  # nobody knows what it would answer next
        if failed is not None:
            raise error_from_result(failed)

    def _spelled(self, statement: str, parameters: Mapping[str, Any]) -> tuple[bytes, list[Any]]:
        """Return a statement and its parameters as they are sent; raise what cannot be, before anything is."""
        query, names = _placed(statement)
        values = [parameters[name] for name in names]
        return query, [each if type(each) is bytes else self._text(each) for each in values]

    def _write(self, later: Later, statement: str, query: bytes, texts: list[Any], preparing: dict[str, bytes]) -> None:
        driver = self._connection.pgconn
        name = self._prepared.get(statement) or preparing.get(statement)
        if name is None and len(self._prepared) < _KEPT_PREPARED:
            name = preparing[statement] = f"tl_{next(self._names)}".encode()
            driver.send_prepare(name, query)
            self._unanswered.append((Later(), {statement: name}))
        if name is None:
            driver.send_query_params(query, texts)
        else:
            driver.send_query_prepared(name, texts)
        self._unanswered.append((later, {}))

    def _text(self, value: Any) -> Any:
        return self._values.dump_sequence([value], [PyFormat.TEXT])[0]

    def _answers(self, until: Later | None) -> Generator[Any, Any, None]:
        driver = self._connection.pgconn
        yield from generators.send(driver)
        while self._unanswered:
            (result,) = yield from generators.fetch_many(driver)
            later, prepared = self._unanswered.popleft()
            if result.status == ExecStatus.TUPLES_OK:
                self._values.set_pgresult(result)
                later.rows = self._values.load_rows(0, result.ntuples, tuple)
            elif result.status == ExecStatus.COMMAND_OK:
                self._prepared.update(prepared)
            elif result.status == ExecStatus.FATAL_ERROR and self._failed is None:
                self._failed = result
            if later is until and self._failed is None:
                return


@functools.lru_cache(maxsize=1_000)
def _placed(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement as the server takes it, and the names of its parameters in their order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(statement)))
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    return _PARAMETER.sub(lambda found: places[found[1]], statement).encode(), names
