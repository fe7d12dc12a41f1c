"""Operations in the graph: long work, how far it is, and what came of it."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Entry, Node, entry
from app.services.operations import ITEMS, OPERATIONS


@entry(OPERATIONS)
class OperationNode(Node):
    """Long work that a request started and that goes on after its answer."""

    kind: auto
    status: auto
    arguments: auto
    progress: auto
    result: auto
    error: auto
    started_at: auto
    finished_at: auto
    cancel_asked_at: auto
    items = many(ITEMS, "operation_id", "Rows that were refused, or that contradict what is there.")


@entry(ITEMS)
class OperationItemNode(Entry):
    """One row of an operation's input that needs somebody's eye."""

    line: auto
    result: auto
    errors: auto
