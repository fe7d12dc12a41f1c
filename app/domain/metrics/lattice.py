"""Which segments to hide so that no answer, and no difference of two answers, shows a small group (metrics.md, G10).

Every segment is a node of a lattice: its coordinates are labels along dimensions, or ALL where a dimension is not asked
for. A node's parents are the nodes one step up in one coordinate: the org unit above, the coarser bucket of time, ALL.
The nodes under one parent along one coordinate are a line: together with the rest, whom no label places, they are the
parent. Whether a node is hidden follows from the sizes in the lattice above it and never from what was asked, so that
two requests always agree. It is hidden

1. if it is small, or one of its parents is hidden;
2. if the secret part of one of its lines, hidden nodes and rest together, is small or a single node: then the smallest
   shown nodes of that line go as well.

Why two answers cannot be set against each other: let both A and B inside A be shown, with a small difference. On a way
down from A to B the first step from some P to some Q that loses anybody loses few people. They are the other nodes and
the rest of that line; each is small, hence secret, and they are few, so rule 2 hid Q, and rule 1 everything under it.

Dimensions whose labels share people (activities, sources) have no such lines: the parts do not add up. There a node is
hidden if a sibling is hidden and the rest of the parent outside the node is small.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.metrics.privacy import is_small

ALL = None
"""The coordinate of a dimension that a node is not cut by."""

_FEWEST_SECRET = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A label at one level of a dimension: `level` 0 is the coarsest below ALL."""

    level: int
    label: Hashable
    kind: str = ""


Node = tuple[Step | None, ...]
"""One coordinate per dimension."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """How labels of a dimension lie in one another. `parents` gives the steps above one; none: ALL is above it.

    `within` gives further steps that hold it without being divided into its like. `overlapping`: labels share people.
    """

    parents: Callable[[Step], Iterable[Step]] = lambda _step: ()
    within: Callable[[Step], Iterable[Step]] = lambda _step: ()
    overlapping: bool = False


@dataclass(slots=True)
class Lattice:
    """Sizes of nodes, and what is hidden of them."""

    dimensions: tuple[Dimension, ...]
    sizes: Mapping[Node, int]
    k: int
    hidden: set[Node] = field(default_factory=set)

    def settle(self) -> frozenset[Node]:
        """Return every hidden node, decided from the top down."""
        ranks: dict[int, dict[tuple[str, ...], list[Node]]] = {}
        for node in self.sizes:
            shape = tuple("" if step is ALL else f"{step.kind}{step.level}" for step in node)
            ranks.setdefault(_depth(node), {}).setdefault(shape, []).append(node)
        for depth in sorted(ranks):
            for _, nodes in sorted(ranks[depth].items()):
                self._decide(nodes)
        return frozenset(self.hidden)

    def _decide(self, nodes: list[Node]) -> None:
        lines: dict[tuple[Node, int], list[Node]] = {}
        for node in nodes:
            above = list(self._parents(node))
            if is_small(self.sizes[node], self.k) or any(parent in self.hidden for parent, _ in above):
                self.hidden.add(node)
            for parent, place in above:
                lines.setdefault((parent, place), []).append(node)
            if any(self._nearly(holder, node) for holder in self._holders(node)):
                self.hidden.add(node)
        before = -1
        while before != len(self.hidden):
            before = len(self.hidden)
            for (parent, place), line in lines.items():
                self._close(parent, line, overlapping=self.dimensions[place].overlapping)

    def _parents(self, node: Node) -> Iterable[tuple[Node, int]]:
        for place, step in enumerate(node):
            if step is ALL:
                continue
            above: list[Step | None] = list(self.dimensions[place].parents(step))
            for each in above or [ALL]:
                parent = (*node[:place], each, *node[place + 1 :])
                if parent in self.sizes:
                    yield parent, place

    def _holders(self, node: Node) -> Iterable[Node]:
        for place, step in enumerate(node):
            if step is not ALL:
                for each in self.dimensions[place].within(step):
                    yield (*node[:place], each, *node[place + 1 :])

    def _nearly(self, holder: Node, node: Node) -> bool:
        return holder in self.sizes and is_small(self.sizes[holder] - self.sizes[node], self.k)

    def _close(self, parent: Node, line: list[Node], *, overlapping: bool) -> None:
        whole = self.sizes[parent]
        secret = [node for node in line if node in self.hidden and self.sizes[node]]
        if overlapping:
            if secret:
                self.hidden.update(node for node in line if is_small(whole - self.sizes[node], self.k))
            return
        rest = max(0, whole - sum(self.sizes[node] for node in line))
        if not secret and not is_small(rest, self.k):
            return
        shown = sorted((self.sizes[node], str(node), node) for node in line if node not in self.hidden)
        total, count = rest + sum(self.sizes[node] for node in secret), len(secret) + bool(rest)
        for size, _, node in shown:
            if total >= self.k and count >= _FEWEST_SECRET:
                break
            if size:
                self.hidden.add(node)
                total, count = total + size, count + 1


def _depth(node: Node) -> int:
    return sum(0 if step is ALL else step.level + 1 for step in node)


def window_gives_away(inside: Mapping[Hashable, int], outside: int, k: int) -> bool:
    """Say whether a run of whole months must be hidden, from the people of each month inside and of all outside it.

    Two runs inside one another differ by whole months at an end of the longer one, and so at least by its outermost
    month with anybody in it: where neither end of a run is small, no difference of two shown runs is. The whole of
    time is always shown, so that what lies outside a run must not be small either.
    """
    peopled = [inside[month] for month in sorted(inside, key=str) if inside[month]]
    ends = (peopled[0], peopled[-1]) if peopled else ()
    return is_small(outside, k) or any(is_small(n, k) for n in ends)
