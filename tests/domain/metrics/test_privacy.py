from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.figure import Figure, Status
from app.domain.metrics import evaluate
from app.domain.metrics.privacy import (
    Sensitivity,
    hidden_groups,
    hidden_parts,
    is_small,
    minimum_cohort,
    protect_parts,
    safe_subset,
    suppress,
)

SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), min_size=1)
K = st.integers(2, 10)


def participation(audience: int, started: int, outside: int = 0) -> Figure:
    return evaluate(
        "participation_rate",
        {"audience": audience, "started_in_audience": started, "started_outside_audience": outside},
    )


def computable(shown: list[frozenset[str]], wanted: frozenset[str], atoms: list[str]) -> bool:
    """Say by Gaussian elimination over the rationals whether sums and differences of `shown` give `wanted`."""
    rows = [[Fraction(atom in group) for group in shown] + [Fraction(atom in wanted)] for atom in atoms]
    pivot_row = 0
    for column in range(len(shown)):
        found = next((r for r in range(pivot_row, len(rows)) if rows[r][column]), None)
        if found is None:
            continue
        rows[pivot_row], rows[found] = rows[found], rows[pivot_row]
        for r in range(len(rows)):
            if r != pivot_row and rows[r][column]:
                factor = rows[r][column] / rows[pivot_row][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[pivot_row], strict=True)]
        pivot_row += 1
    return not any(row[-1] and not any(row[:-1]) for row in rows)


@pytest.mark.parametrize(
    ("sensitivity", "tenant", "k"),
    [
        (Sensitivity.AGGREGATE, None, 5),
        (Sensitivity.FREE_TEXT, None, 10),
        (Sensitivity.PERFORMANCE, None, 10),
        (Sensitivity.AGGREGATE, 8, 8),
        (Sensitivity.PERFORMANCE, 8, 10),
        (Sensitivity.AGGREGATE, 1, 5),
    ],
)
def test_a_tenant_can_raise_the_minimum_and_never_lower_it(sensitivity: Sensitivity, tenant: int | None, k: int):
    assert minimum_cohort(sensitivity, tenant) == k


def test_a_small_figure_loses_every_number_that_could_be_read_off_it():
    figure = suppress(participation(4, 3, outside=2), 5).as_json()

    assert figure["status"] == "suppressed"
    assert [figure[key] for key in ("value", "numerator", "denominator", "n_people", "interval")] == [None] * 5
    assert [caveat["code"] for caveat in figure["caveats"]] == ["small_group"]
    assert not any(digit in str(figure["caveats"]) for digit in "1234")


def test_a_small_figure_without_a_value_is_suppressed_as_well():
    learners = [{"days": "4", "outcome": "completed"}, {"days": "9", "outcome": "open", "count": 3}]

    figure = suppress(evaluate("time_to_complete", {"durations": learners}), 5)

    assert (figure.status, figure.n_people, figure.numerator) == (Status.SUPPRESSED, None, None)


@pytest.mark.parametrize(("n_people", "small"), [(None, False), (0, False), (1, True), (4, True), (5, False)])
def test_nobody_is_no_group_and_k_is_enough(n_people: int | None, *, small: bool):
    assert is_small(n_people, 5) is small


def test_figures_that_are_not_about_people_are_left_alone():
    figure = evaluate("progress", {"baseline": "60", "target": "45", "current": "50"})

    assert suppress(figure, 5) is figure


def test_one_small_part_takes_the_next_larger_with_it():
    figures = {"north": participation(40, 30), "south": participation(9, 5), "east": participation(3, 1)}

    protected = protect_parts(figures, 5)

    assert list(protected) == ["north", "south", "east"]
    assert protected["north"] is figures["north"]
    assert [protected[name].caveats[0].code for name in ("south", "east")] == ["complementary", "small_group"]
    assert protected["south"].n_people is None


def test_two_small_parts_that_are_together_small_take_a_third():
    assert hidden_parts({"a": 2, "b": 2, "c": 20, "d": 7}, 5) == {"a", "b", "d"}


def test_two_small_parts_that_are_enough_together_hide_nothing_else():
    assert hidden_parts({"a": 3, "b": 2, "c": 20, "d": 7}, 5) == {"a", "b"}


def test_empty_parts_protect_nobody():
    assert hidden_parts({"a": 3, "b": 0, "c": 20}, 5) == {"a", "c"}


@given(SIZES, K)
def test_no_small_group_of_a_partition_is_the_total_minus_what_is_shown(sizes: dict[str, int], k: int):
    hidden = hidden_parts(sizes, k)

    rest = sum(sizes.values()) - sum(n for name, n in sizes.items() if name not in hidden)
    assert not any(is_small(n, k) for name, n in sizes.items() if name not in hidden)
    if not is_small(sum(sizes.values()), k):
        assert rest == 0 or (rest >= k and len(hidden) >= 2)


@given(SIZES, K)
def test_suppression_in_a_partition_cannot_be_undone_by_subtraction(sizes: dict[str, int], k: int):
    hidden, atoms = hidden_parts(sizes, k), sorted(sizes)
    if is_small(sum(sizes.values()), k):
        return
    present = [name for name in atoms if sizes[name]]
    shown = [frozenset({name}) for name in present if name not in hidden] + [frozenset(present)]

    for length in range(1, len(present) + 1):
        for group in map(frozenset, combinations(present, length)):
            if is_small(sum(sizes[name] for name in group), k):
                assert not computable(shown, group, present)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 12), min_size=2), K, st.data())
def test_suppression_in_overlapping_groups_cannot_be_undone(sizes: dict[str, int], k: int, data: st.DataObject):
    atoms = sorted(sizes)
    some = st.frozensets(st.sampled_from(atoms), min_size=1)
    groups: Mapping[str, frozenset[str]] = {
        f"g{index}": group for index, group in enumerate(data.draw(st.lists(some, min_size=1, max_size=7, unique=True)))
    }

    hidden = hidden_groups(groups, sizes, k)

    present = [atom for atom in atoms if sizes[atom]]
    shown = [group for name, group in groups.items() if name not in hidden]
    assert not any(is_small(sum(sizes[atom] for atom in group), k) for group in shown)
    secrets = [group for group in groups.values() if is_small(sum(sizes[atom] for atom in group), k)]
    secrets += [b - a for a in shown for b in shown if a < b and is_small(sum(sizes[atom] for atom in b - a), k)]
    for secret in secrets:
        assert not computable(shown, secret, present)


def test_a_tree_and_a_filter_across_it_do_not_betray_a_small_site():
    groups = {
        "all": frozenset({"n1", "n2", "s1", "s2"}),
        "north": frozenset({"n1", "n2"}),
        "south": frozenset({"s1", "s2"}),
        "north site 1": frozenset({"n1"}),
        "north site 2": frozenset({"n2"}),
        "south site 1": frozenset({"s1"}),
        "south site 2": frozenset({"s2"}),
    }
    sizes = {"n1": 3, "n2": 20, "s1": 15, "s2": 30}

    hidden = hidden_groups(groups, sizes, 5)

    assert hidden == {"north site 1", "north site 2"}


def test_groups_without_small_ones_are_all_shown():
    groups = {"all": frozenset("ab"), "a": frozenset("a"), "b": frozenset("b")}

    assert hidden_groups(groups, {"a": 5, "b": 7}, 5) == frozenset()


@pytest.mark.parametrize(("inside", "whole", "safe"), [(5, 40, True), (38, 40, False), (4, 40, False), (40, 40, True)])
def test_a_filter_is_safe_when_neither_it_nor_its_complement_is_small(inside: int, whole: int, *, safe: bool):
    assert safe_subset(inside, whole, 5) is safe
