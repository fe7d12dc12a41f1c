"""Small groups (metrics.md, G10): what must be hidden so that no answer, and no difference of answers, shows them.

A group of fewer than k people, but not of none, is small. Hiding it alone is not enough: the total minus the rest would
show it. So further groups are hidden until nothing small can be computed from what is left. All rules depend on the
whole set of groups and never on what was asked, so that two requests cannot be set against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from app.domain.figure import Caveat, Figure, Status

# Rows are compared in the integers modulo a Mersenne prime: exact for tables of 0 and 1 but for a chance below 1e-15.
_PRIME = 2**61 - 1
_FEWEST_HIDDEN = 2


class Sensitivity(StrEnum):
    """What a figure is made of; performance data are KPI values and scores of people."""

    AGGREGATE = "aggregate"
    FREE_TEXT = "free_text"
    PERFORMANCE = "performance"


_MINIMUM = {Sensitivity.AGGREGATE: 5, Sensitivity.FREE_TEXT: 10, Sensitivity.PERFORMANCE: 10}


def minimum_cohort(sensitivity: Sensitivity, tenant_minimum: int | None = None) -> int:
    """Return k, the smallest group shown: 5, or 10 for free text and performance. A tenant can raise it only."""
    return max(_MINIMUM[sensitivity], tenant_minimum or 0)


def is_small(n_people: int | None, k: int) -> bool:
    """Say whether a group must be hidden. Nobody is no group; None means that the figure is not about people."""
    return n_people is not None and 0 < n_people < k


def suppress(figure: Figure, k: int) -> Figure:
    """Return the figure, without any number or caveat if it is about a small group."""
    return _hidden(figure, k, "small_group") if is_small(figure.n_people, k) else figure


def hide(figure: Figure, k: int) -> Figure:
    """Return the figure without any number: of a small group, or of one that a small group could be computed from."""
    return _hidden(figure, k, "small_group" if is_small(figure.n_people, k) else "complementary")


def _hidden(figure: Figure, k: int, code: str) -> Figure:
    sentences = {
        "small_group": f"Fewer than {k} people: not shown.",
        "complementary": "Not shown, because a small group could be computed from it.",
    }
    reason = f"groups of fewer than {k} people are protected"
    return figure.without_value(Status.SUPPRESSED, reason, Caveat(code, sentences[code]))


def safe_subset(n_inside: int, n_all: int, k: int) -> bool:
    """Say whether a filtered figure may stand beside the unfiltered one: neither part of the whole is small."""
    return not is_small(n_inside, k) and not is_small(n_all - n_inside, k)


def hidden_parts(sizes: Mapping[str, int], k: int) -> frozenset[str]:
    """Return the groups to hide in a partition whose total is shown.

    All small ones, and then the next larger, until at least two are hidden and together they are k people or more: the
    total minus the rest then shows no small group. Empty groups show nothing and are never hidden. If the total itself
    is small, every group is hidden; the caller hides the total by `suppress`.
    """
    ordered = sorted((name for name in sizes if sizes[name] > 0), key=lambda name: (sizes[name], name))
    hidden = [name for name in ordered if sizes[name] < k]
    if not hidden:
        return frozenset()
    for name in ordered[len(hidden) :]:
        if len(hidden) >= _FEWEST_HIDDEN and sum(sizes[each] for each in hidden) >= k:
            break
        hidden.append(name)
    return frozenset(hidden)


def protect_parts(figures: Mapping[str, Figure], k: int) -> dict[str, Figure]:
    """Return the figures of a partition with everything hidden that `hidden_parts` names; order is kept."""
    hidden = hidden_parts({name: figure.n_people or 0 for name, figure in figures.items()}, k)
    return {name: _protected(figure, name in hidden, k) for name, figure in figures.items()}


def _protected(figure: Figure, hide: bool, k: int) -> Figure:  # noqa: FBT001  # one caller, beside a membership test
    if is_small(figure.n_people, k):
        return _hidden(figure, k, "small_group")
    return _hidden(figure, k, "complementary") if hide else figure


def hidden_groups(groups: Mapping[str, frozenset[str]], sizes: Mapping[str, int], k: int) -> frozenset[str]:
    """Return the groups to hide where groups overlap or nest (an organisation tree, several filters).

    `groups` maps a group to its atoms: the finest disjoint cells, whose people `sizes` counts. Hidden are the small
    groups and as many others, smallest first, as it takes so that no sum or difference of shown groups equals a
    hidden small group, or a small rest of a shown group after the shown groups inside it. Cost grows with the square of
    groups times atoms: for a few hundred.
    """
    people = {name: sum(sizes[atom] for atom in atoms) for name, atoms in groups.items()}
    hidden = {name for name, n in people.items() if is_small(n, k)}
    small = [groups[name] for name in sorted(hidden)]
    while givers := _giving_away(groups, sizes, hidden, small, k):
        hidden.add(min(givers, key=lambda name: (people[name], name)))
    return frozenset(hidden)


def _giving_away(
    groups: Mapping[str, frozenset[str]],
    sizes: Mapping[str, int],
    hidden: set[str],
    small: Sequence[frozenset[str]],
    k: int,
) -> list[str]:
    """Return shown groups that together give away a small one, or none."""
    atoms = sorted({atom for group in groups.values() for atom in group if sizes[atom]})
    shown = [name for name in sorted(groups) if name not in hidden and any(sizes[atom] for atom in groups[name])]
    inner = {outer: [groups[name] for name in shown if groups[name] < groups[outer]] for outer in shown}
    rests = [groups[outer] - part for outer in shown for part in (*inner[outer], frozenset[str]().union(*inner[outer]))]
    secrets = [*small, *(rest for rest in rests if is_small(sum(sizes[atom] for atom in rest), k))]
    basis: list[tuple[int, list[int]]] = []
    for index, name in enumerate(shown):
        marks = [int(index == other) for other in range(len(shown))]
        rest = _remainder([int(atom in groups[name]) for atom in atoms] + marks, basis)
        pivot = next((column for column in range(len(atoms)) if rest[column]), None)
        if pivot is not None:
            inverse = pow(rest[pivot], -1, _PRIME)
            basis.append((pivot, [value * inverse % _PRIME for value in rest]))
    for secret in secrets:
        rest = _remainder([int(atom in secret) for atom in atoms] + [0] * len(shown), basis)
        if not any(rest[: len(atoms)]):
            return [name for name, weight in zip(shown, rest[len(atoms) :], strict=True) if weight]
    return []


def _remainder(row: Sequence[int], basis: Sequence[tuple[int, list[int]]]) -> list[int]:
    """Return the row minus its part in the basis, modulo the prime; the marks at its end say of which groups."""
    rest = list(row)
    for pivot, reduced in basis:
        if factor := rest[pivot]:
            rest = [(value - factor * other) % _PRIME for value, other in zip(rest, reduced, strict=True)]
    return rest
