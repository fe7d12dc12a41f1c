"""What a query may ask for at once: measured in one linear pass over its document, before it is validated or run.

A fragment is measured once, however often it is spread, so that no document takes longer than its length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from app.api.graphql.inputs import FIRST, FIRST_MOST

CHARACTERS = 100_000
TOKENS = 4_000
COMMENTS = 500
DEPTH = 12
ALIASES = 30
DIRECTIVES = 30
FIELDS = 500
FRAGMENTS = 100
ROOT_FIELDS = 20
LINKS = 100
"""Lists and links to other nodes: each is a query to the database."""
COST = 25_000
"""Nodes and sets of figures asked for, when every list is as long as it may be."""

_DIGITS = 12
_INTROSPECTION = {"__schema", "__type", "__typename"}


class TooMuch(GraphQLError):
    """A query goes beyond a limit; the message names the limit, its value and what was asked for."""

    def __init__(self, limit: str, most: int, asked: str) -> None:
        super().__init__(
            f"The query asks for too much at once: {asked}, and the limit is {most:,}. Ask for less, or in parts.",
            extensions={"code": "query_too_large", "limit": limit, "most": most},
        )


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a field leads: the type behind it, and whether that is a list of nodes, or a node or its figures."""

    target: str
    listed: bool
    single: bool


@dataclass(frozen=True, slots=True)
class _Measure:
    """Of a selection set with every fragment written out.

    Levels of fields, nodes asked for, fields on the first level, fields on all levels, lists and links among these.
    """

    depth: int = 0
    cost: int = 0
    width: int = 0
    fields: int = 0
    links: int = 0


class Map:
    """The steps that a schema offers, by type and field."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._steps: dict[tuple[str, str], _Step] = {}
        for name, found in schema.type_map.items():
            if isinstance(found, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
                for key, field in found.fields.items():
                    target = get_named_type(field.type)
                    nodes = (schema.type_map["Node"], *getattr(target, "interfaces", ()))
                    single = target is nodes[0] or nodes[0] in nodes[1:] or key == "figures"
                    inside = key in {"node", "nodes"} and name.endswith(("Edge", "Connection"))
                    self._steps[name, key] = _Step(target.name, "first" in field.args, single and not inside)
        self.root = schema.query_type.name if schema.query_type else ""

    def step(self, name: str, key: str) -> _Step:
        """Return where a field leads; nowhere when the type has no such field: validation says so."""
        return self._steps.get((name, key), _Step("", listed=False, single=False))


def check_document(document: DocumentNode) -> None:
    """Raise TooMuch for a document that is too large whichever of its operations is run."""
    fragments = sum(isinstance(each, FragmentDefinitionNode) for each in document.definitions)
    _refuse_over("fragments", FRAGMENTS, fragments)
    aliases = directives = fields = 0
    for selection in _selections(document):
        directives += len(getattr(selection, "directives", None) or ())
        if isinstance(selection, FieldNode):
            fields += 1
            aliases += selection.alias is not None
    _refuse_over("aliases", ALIASES, aliases)
    _refuse_over("directives", DIRECTIVES, directives)
    _refuse_over("fields", FIELDS, fields)


def check_operation(
    steps: Map, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> None:
    """Raise TooMuch for an operation that nests too deeply or asks for too many nodes with these variables."""
    try:
        measured = _Pass(steps, document, operation, variables).measure(operation.selection_set, steps.root)
    except RecursionError:
        raise TooMuch("depth", DEPTH, "hundreds of levels in depth") from None
    _refuse_over("depth", DEPTH, measured.depth)
    _refuse_over("root fields", ROOT_FIELDS, measured.width)
    _refuse_over("fields", FIELDS, measured.fields)
    _refuse_over("links", LINKS, measured.links)
    _refuse_over("cost", COST, measured.cost)


def _refuse_over(limit: str, most: int, asked: int) -> None:
    if asked > most:
        shown = f"{asked:,}" if asked < 10**9 else "over a billion"
        raise TooMuch(limit, most, f"{shown} in {limit}")


def _selections(document: DocumentNode) -> Iterator[Node]:
    """Return every definition and selection of a document, each once."""
    waiting: list[Any] = list(document.definitions)
    while waiting:
        found = waiting.pop()
        yield found
        selection_set = getattr(found, "selection_set", None)
        if selection_set is not None:
            waiting.extend(selection_set.selections)


class _Pass:
    """One pass over an operation; what a fragment measures is kept."""

    def __init__(
        self,
        steps: Map,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._steps = steps
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._measured: dict[str, _Measure] = {}
        defaults: dict[str, Any] = {
            each.variable.name.value: _number(each.default_value) for each in operation.variable_definitions or ()
        }
        self._variables = defaults | dict(variables)

    def measure(self, selection_set: SelectionSetNode | None, name: str) -> _Measure:
        """Return the measure of a selection set on the type `name`."""
        depth = cost = width = fields = links = 0
        for selection in selection_set.selections if selection_set else ():
            found = self._selection(selection, name)
            depth = max(depth, found.depth)
            cost += found.cost
            width += found.width
            fields += found.fields
            links += found.links
        return _Measure(depth, cost, width, fields, links)

    def _selection(self, selection: Any, name: str) -> _Measure:
        if isinstance(selection, FieldNode):
            return self._field(selection, name)
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            return self.measure(selection.selection_set, condition.name.value if condition else name)
        return self._spread(selection) if isinstance(selection, FragmentSpreadNode) else _Measure()

    def _spread(self, spread: FragmentSpreadNode) -> _Measure:
        name = spread.name.value
        if name not in self._measured:
            self._measured[name] = _Measure()  # a fragment that spreads itself: validation refuses it
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._measured[name] = self.measure(fragment.selection_set, fragment.type_condition.name.value)
        return self._measured[name]

    def _field(self, field: FieldNode, name: str) -> _Measure:
        if field.name.value in _INTROSPECTION:
            return _Measure(depth=1, width=1, fields=1)
        step = self._steps.step(name, field.name.value)
        inner = self.measure(field.selection_set, step.target)
        times = self._first(field) if step.listed else 1
        linked = step.listed or step.single
        cost = times * (1 + inner.cost) if linked else inner.cost
        return _Measure(inner.depth + 1, cost, 1, inner.fields + 1, inner.links + linked)

    def _first(self, field: FieldNode) -> int:
        """Return how many nodes a list is asked for. What is no number counts as the default: coercion refuses it."""
        value: Any = next((each.value for each in field.arguments or () if each.name.value == "first"), None)
        asked = self._variables.get(value.name.value) if isinstance(value, VariableNode) else _number(value)
        if isinstance(asked, bool) or not isinstance(asked, int):
            return FIRST
        if not 1 <= asked <= FIRST_MOST:
            extensions = {"code": "query_too_large", "limit": "first", "most": FIRST_MOST}
            raise GraphQLError(f"first takes 1 to {FIRST_MOST}.", field, extensions=extensions)
        return asked


def _number(value: Any) -> int | None:
    """Return a literal as a number, and one of absurdly many digits as a number that is too large."""
    if not isinstance(value, IntValueNode):
        return None
    return int(value.value) if len(value.value) < _DIGITS else 10**_DIGITS
