"""What schemathesis may not hold against the service, each with its reason: it calls `filter_failure` of every finding.

Everything here is about its checks that a request which fits the schema is not refused. A schema cannot say
everything; what it could say and does not, is found.
"""

from collections.abc import Mapping
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.graphql.checks import GraphQLClientError, GraphQLServerError
from schemathesis.openapi.checks import RejectedPositiveData

FAULTS = {
    "unknown_reference": "an id that no row of the tenant has: only the database knows",
    "unknown_adapter": "the formats that are read: GET /v1/adapters lists them, and every release may add some",
    "as_of_in_future": "an instant that has not come yet: only the clock knows",
    "one_of_two": "two ways to say the same, of which a request uses one",
    "unknown_relation": "which relations a relation has, two levels deep: `expand` lists those of the first",
    "unknown_metric": "the catalogue, GET /v1/metrics",
    "invalid_metric": "the same, with parameters in braces",
    "missing_field": "inputs of a formula: those that the metric declares",
    "no_such_segment": "dimensions of a figure's own",
    "invalid_option": "numbers that are possible one by one and not together",
    "string_too_short": "a text of spaces alone: those around a text are stripped, and nothing is left",
    "value_error": "fields that contradict one another, a time zone that there is none of",
    "fixed": "what is settled at creation",
    "address_refused": "a host name that resolves to nothing, or to a private address",
    "greater_than": "bounds of decimals, which are text: JSON Schema bounds numbers only",
    "greater_than_equal": "the same",
    "less_than": "the same",
    "less_than_equal": "the same",
}
"""Codes of faults that data may have which fits the schema."""

PROBLEMS = {
    "invalid_cursor": "a cursor is opaque, and signed by the service",
    "precondition_failed": "an If-Match with a version that the row is not at",
    "not_evaluable": "facts that allow no estimate: which ones there are, only the database knows",
    "idempotency_key_reused": "an Idempotency-Key that an earlier request of the run had, with another body",
}
"""Codes of problems that a request may meet which fits the schema."""

PLACES = {
    "/v1/panels": "a table in CSV is described by parameters, one in JSON by itself: the schema cannot ask for either",
    "/v1/imports": "the columns of the table are those of `kind`",
}
"""Addresses that take tables: what their columns are called, the parameters say."""

GRAPH = {
    "not_found": "an id that no row of the tenant has",
    "query_too_large": "`first` takes 1 to 100, and a document has a cost: GraphQL's types have no bounds",
    "unknown_metric": "the catalogue: the field `metrics` lists it",
    "invalid_metric": "the same",
    "invalid_cursor": "a cursor is opaque, and signed by the service",
    "invalid_request": "arguments that contradict one another",
}
"""Codes of errors that a query may meet which fits the graph: the user's own, each with its place in `path`."""


schemathesis.serializer.alias("application/x-ndjson", "text/plain")  # lines of JSON are sent as they stand


@schemathesis.hook
def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:  # noqa: ARG001  the hook's signature
    """Keep a finding unless no schema could have told."""
    if isinstance(failure, GraphQLClientError | GraphQLServerError):
        return not {error.get("extensions", {}).get("code") for error in response.json()["errors"]} <= GRAPH.keys()
    if isinstance(failure, RejectedPositiveData):
        return not _untellable(response.json(), case.path)
    return True


def _untellable(problem: Mapping[str, Any], path: str) -> bool:
    codes = {fault["code"] for fault in problem.get("errors", ())}
    told = bool(codes) and codes <= FAULTS.keys()
    return told or problem.get("code") in PROBLEMS or path in PLACES
