"""Documents: parsed, measured and validated, once for the same text; then run."""

from collections.abc import Awaitable, Callable, Mapping
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

from app.api.graphql import limits
from app.api.graphql.context import Graph
from app.api.graphql.limits import Map, TooMuch
from app.api.graphql.schema import schema

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


async def run(
    prepared: Prepared, operation: OperationDefinitionNode, graph: Graph, variables: Mapping[str, Any]
) -> ExecutionResult:
    """Return the result of an operation. Raises GraphQLError when it asks for too much with these variables."""
    if prepared.document is None:
        raise refused("There is no document to run.")
    limits.check_operation(_map(), prepared.document, operation, variables)
    found = execute(
        schema(),
        prepared.document,
        context_value=graph,
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
    errors = tuple(validate(schema(), document, max_errors=_ERRORS_MOST))
    if not errors and any(each.operation is not OperationType.QUERY for each in operations):
        errors = (refused("The graph is read only: send a query; writing goes through REST."),)
    return Prepared(document, named, errors)


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
