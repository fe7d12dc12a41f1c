"""Documents: parsed, measured and validated, once for the same text; then run."""

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from inspect import isawaitable
from typing import Any, TypeGuard, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    validate,
)
from strawberry.execution import optimized_is_awaitable

from app.api.graphql import errors, limits
from app.api.graphql.context import Graph
from app.api.graphql.limits import Map, TooMuch
from app.api.graphql.requests import Answer, Asked, Caller
from app.api.graphql.schema import schema

_MAKING = threading.Lock()
_ERRORS_MOST = 5
_REMEMBERED_MOST = 100
_REMEMBERED_CHARACTERS = 5_000
_REFUSED_BY_PARSER = {
    "tokens": (limits.TOKENS, "more than that many tokens"),
    "comments": (limits.COMMENTS, "more than that many comments"),
    "nested too deeply": (limits.DEPTH, "hundreds of levels in depth"),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with what is wrong with it whichever operation is run and whatever the variables are."""

    document: DocumentNode | None
    operations: Mapping[str | None, OperationDefinitionNode]
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to run. Raises GraphQLError when the name does not say which."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None:
            raise refused("The document has several operations: name the one to run in operationName.")
        if name not in self.operations:
            raise refused("The document has no operation of the name in operationName.")
        return self.operations[name]


def refused(message: str) -> GraphQLError:
    """Return the error for a request that is no query for this schema."""
    return GraphQLError(message, extensions={"code": "invalid_query"})


def prepare(text: str) -> Prepared:
    """Return a document that is fit to run, or the errors that keep it from being run."""
    return _remembered(text) if len(text) <= _REMEMBERED_CHARACTERS else _prepare(text)


def warm() -> None:
    """Make the schema, once, whichever thread comes first."""
    with _MAKING:
        _map()


async def answer(asked: Asked, caller: Caller) -> Answer:
    """Return the answer to a request. Raises Unavailable when the database is away."""
    prepared = prepare(asked.query)
    if prepared.document is None or prepared.errors:
        writes = any(each.operation is not OperationType.QUERY for each in prepared.operations.values())
        return _refusal(prepared.errors, caller, writes=writes)
    try:
        operation = prepared.operation(asked.operation_name)
        result = await _run(prepared.document, operation, asked.variables, caller)
    except GraphQLError as error:
        return _refusal([error], caller)
    found = result.errors or []
    away = errors.unavailable(found)
    if away is not None:
        raise away
    if result.data is None:
        return _refusal(found, caller)
    told = {"errors": errors.shown(found, caller.request_id)} if found else {}
    return Answer({"data": result.data} | told)


def _refusal(found: Iterable[GraphQLError], caller: Caller, *, writes: bool = False) -> Answer:
    return Answer({"errors": errors.shown(found, caller.request_id)}, refused=True, writes=writes)


async def _run(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any], caller: Caller
) -> ExecutionResult:
    limits.check_operation(_map(), document, operation, variables)
    found = execute(
        schema(),
        document,
        context_value=Graph(caller),
        variable_values=dict(variables),
        operation_name=operation.name.value if operation.name else None,
        is_awaitable=cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable),
        max_coercion_errors=_ERRORS_MOST,
    )
    return await found if isawaitable(found) else found


@cache
def _map() -> Map:
    return Map(schema())


@lru_cache(maxsize=_REMEMBERED_MOST)
def _remembered(text: str) -> Prepared:
    return _prepare(text)


def _prepare(text: str) -> Prepared:
    try:
        document = _parse(text)
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        limits.check_document(document)
        for operation in operations:
            limits.check_operation(_map(), document, operation, {})
    except GraphQLError as error:
        return Prepared(None, {}, (error,))
    named = {each.name.value if each.name else None: each for each in operations}
    found = tuple(validate(schema(), document, max_errors=_ERRORS_MOST))
    if not found and any(each.operation is not OperationType.QUERY for each in operations):
        found = (refused("The graph is read only: send a query; writing goes through REST."),)
    return Prepared(document, named, found)


def _parse(text: str) -> DocumentNode:
    if len(text) > limits.CHARACTERS:
        raise TooMuch("characters", limits.CHARACTERS, f"{len(text):,} in characters")
    try:
        return parse(text, max_lexical_tokens=limits.TOKENS, max_comments=limits.COMMENTS)
    except GraphQLSyntaxError as error:
        for word, (most, asked) in _REFUSED_BY_PARSER.items():
            if word in error.message and "Parsing aborted" in error.message:
                raise TooMuch("depth" if "deeply" in word else word, most, asked) from error
        raise
