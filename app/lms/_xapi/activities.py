"""Activities and their definitions (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2441-when-the-objecttype-is-activity)."""

from __future__ import annotations

from typing import Any

from app.lms._xapi import Unacceptable, grammar
from app.lms._xapi.grammar import Object

_ACTIVITY = frozenset({"objectType", "id", "definition"})
COMPONENTS = ("choices", "scale", "source", "target", "steps")
"""The lists of interaction components, each an id and a description."""

_INTERACTION = ("interactionType", "correctResponsesPattern", *COMPONENTS)
_DEFINITION = frozenset({"name", "description", "type", "moreInfo", "extensions", *_INTERACTION})
_INTERACTION_TYPES = (
    "true-false",
    "choice",
    "fill-in",
    "long-fill-in",
    "matching",
    "performance",
    "sequencing",
    "likert",
    "numeric",
    "other",
)
_COMPONENT = frozenset({"id", "description"})


def activity(value: Any, at: str) -> Object:
    """Check an activity."""
    found = grammar.members(value, _ACTIVITY, ("id",), at)
    if "objectType" in found:
        grammar.one_of(found["objectType"], ("Activity",), f"{at}/objectType")
    grammar.iri(found["id"], f"{at}/id")
    if "definition" in found:
        definition(found["definition"], f"{at}/definition")
    return found


def definition(value: Any, at: str) -> Object:
    """Check an activity's definition."""
    found = grammar.members(value, _DEFINITION, (), at)
    for name in ("name", "description"):
        if name in found:
            grammar.language_map(found[name], f"{at}/{name}")
    for name in ("type", "moreInfo"):
        if name in found:
            grammar.iri(found[name], f"{at}/{name}")
    if "extensions" in found:
        grammar.extensions(found["extensions"], f"{at}/extensions")
    _interaction(found, at)
    return found


def _interaction(found: Object, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#interaction-activities
    told = [name for name in _INTERACTION if name in found]
    if not told:
        return
    if "interactionType" not in found:
        raise Unacceptable(f"needs interactionType, because it has {told[0]}", at)
    grammar.one_of(found["interactionType"], _INTERACTION_TYPES, f"{at}/interactionType")
    if "correctResponsesPattern" in found:
        place = f"{at}/correctResponsesPattern"
        for index, pattern in enumerate(grammar.array(found["correctResponsesPattern"], place)):
            grammar.text(pattern, f"{place}/{index}")
    for name in COMPONENTS:
        if name in found:
            _components(found[name], f"{at}/{name}")


def _components(value: Any, at: str) -> None:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#interaction-components
    known = set()
    for place, component in enumerate(grammar.array(value, at)):
        found = grammar.members(component, _COMPONENT, ("id",), f"{at}/{place}")
        known.add(grammar.text(found["id"], f"{at}/{place}/id"))
        if "description" in found:
            grammar.language_map(found["description"], f"{at}/{place}/description")
        if len(known) != place + 1:
            raise Unacceptable("gives an id twice", at)
