"""JMESPath (https://jmespath.org/specification.html) under a budget of steps and of sizes.

A short expression can double a list with every step, so an evaluation is bounded by what it does, not by a timer:
`STEPS_MAX` visits of a node, and `SIZE_MAX` elements and characters in what is built on the way, for one delivery.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from app.lms import Unreadable

EXPRESSION_MAX = 500
STEPS_MAX = 200_000
SIZE_MAX = 1_000_000
_BUILDERS = frozenset(
    {
        "comparator",
        "filter_projection",
        "function_expression",
        "multi_select_dict",
        "multi_select_list",
        "projection",
        "slice",
        "value_projection",
    }
)


class Malformed(ValueError):
    """The text is no JMESPath expression; the message says why."""


class _Exhausted(Exception):
    """The budget is used up."""


@dataclass(slots=True)
class Budget:
    """What evaluations may still use up; one for all the expressions of one delivery."""

    steps: int = STEPS_MAX
    size: int = SIZE_MAX


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled expression."""

    text: str
    tree: Any

    def of(self, document: Any, budget: Budget) -> Any:
        """Return the value of the expression on a JSON document; `Unreadable` when it cannot be had."""
        try:
            return _Counted(budget).visit(self.tree, document)
        except _Exhausted:
            raise Unreadable(f"the expression {self.text!r} takes too many steps on this payload") from None
        except (JMESPathError, RecursionError, ArithmeticError, TypeError, ValueError) as error:
            raise Unreadable(f"the expression {self.text!r} fails on this payload: {_first_line(error)}") from None


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """Return the compiled expression; `Malformed` when the text is none or too long."""
    if not text.strip() or len(text) > EXPRESSION_MAX:
        raise Malformed(f"an expression has 1 to {EXPRESSION_MAX} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PendingDeprecationWarning)
            tree = jmespath.compile(text).parsed
    except PendingDeprecationWarning:
        raise Malformed(f"{text!r} has a literal that is not JSON: write texts as 'text'") from None
    except (JMESPathError, RecursionError, ValueError) as error:
        raise Malformed(f"{text!r} is not a JMESPath expression: {_first_line(error)}") from None
    unknown = _unknown_function(tree)
    if unknown:
        raise Malformed(f"JMESPath has no function {unknown!r}")
    return Expression(text, tree)


class _Counted(TreeInterpreter):
    """The interpreter of the jmespath package, which pays for every node and for everything it builds."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        budget = self._budget
        budget.steps -= 1
        if budget.steps < 0:
            raise _Exhausted
        found = super().visit(node, *args, **kwargs)
        if node["type"] in _BUILDERS and isinstance(found, list | dict | str):
            self._pay(len(found))
        return found

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Flatten after paying for the result: one step can make a list a hundred times as long."""
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._pay(sum(len(one) if isinstance(one, list) else 1 for one in base))
        return super().visit_flatten(_known(node, base), value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Compare after paying for one side: equality of containers visits every element."""
        left, right = (self.visit(child, value) for child in node["children"])
        if isinstance(left, list | dict) and isinstance(right, list | dict):
            self._pay_for(left)
        return super().visit_comparator(_known(node, left, right), value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """Call after paying for the arguments, which functions such as `contains` and `to_string` go through."""
        arguments = [self.visit(child, value) for child in node["children"]]
        for argument in arguments:
            self._pay_for(argument)
        return super().visit_function_expression(_known(node, *arguments), value)

    def _pay(self, size: int) -> None:
        self._budget.size -= size
        if self._budget.size < 0:
            raise _Exhausted

    def _pay_for(self, value: Any) -> None:
        pending = [value]
        while pending:
            one = pending.pop()
            if isinstance(one, str):
                self._pay(len(one))
            elif isinstance(one, list):
                self._pay(len(one))
                pending.extend(one)
            elif isinstance(one, dict):
                self._pay(len(one))
                pending.extend(one)
                pending.extend(one.values())
            elif isinstance(one, int):
                self._pay(one.bit_length() // 3)


def _known(node: Any, *values: Any) -> Any:
    """Return the node with its children replaced by values that have been visited already."""
    return {**node, "children": [{"type": "literal", "value": value, "children": []} for value in values]}


def _unknown_function(tree: Any) -> str | None:
    """Return the name of a function in the expression that there is none of, or None."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            return str(node["value"])
        pending.extend(child for child in node["children"] if isinstance(child, dict))
    return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
