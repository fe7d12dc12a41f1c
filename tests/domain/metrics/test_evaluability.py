from __future__ import annotations

from typing import Any

import pytest

from app.domain.metrics import evaluate
from app.domain.metrics.evaluability import EVALUABILITY_ITEMS, bad_habits

SOUND = {"has_problem": True, "has_behaviour": True, "has_outcome": True, "planned_levels": {1, 3, 4}}


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, []),
        ({"has_problem": False}, []),
        ({"has_problem": False, "has_behaviour": False}, ["generic"]),
        ({"planned_levels": {0}}, ["completion_only"]),
        ({"planned_levels": set()}, []),
        ({"has_outcome": False, "planned_levels": {0}}, ["completion_only", "no_outcome"]),
    ],
)
def test_each_bad_habit_has_its_own_flag(change: dict[str, Any], flags: list[str]):
    assert [flag.code for flag in bad_habits(**{**SOUND, **change})] == flags


@pytest.mark.parametrize("missing", EVALUABILITY_ITEMS)
def test_each_missing_item_is_named(missing: str):
    figure = evaluate("evaluability_score", {item: item != missing for item in EVALUABILITY_ITEMS})

    assert (str(figure.value), [caveat.code for caveat in figure.caveats]) == ("0.9", [f"missing_{missing}"])


def test_the_first_broken_link_is_the_lowest_planned_level_without_evidence():
    levels = [{"level": level, "planned": True, "accepted": level == 1} for level in (4, 3, 1)]

    figure = evaluate("chain_completeness", {"levels": levels})

    assert [caveat.detail for caveat in figure.caveats] == ["The chain breaks at level 3."]
