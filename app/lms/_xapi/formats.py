"""How statements are shown: exact, ids only, or canonical in one language.

https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#213-get-statements (format)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.lms._xapi.activities import COMPONENTS
from app.lms._xapi.actors import IDENTIFIERS
from app.lms._xapi.grammar import Object

FORMATS = ("exact", "ids", "canonical")

_LANGUAGES_MOST = 50


def ids(statement: Mapping[str, Any]) -> Object:
    """Return a statement with no more of agents, groups, activities and verbs than identifies them."""
    return _reshaped(statement, _verb_id, _actor_ids, lambda activity: {"id": activity["id"]})


def canonical(statement: Mapping[str, Any], known: Callable[[str], Object | None], languages: Sequence[str]) -> Object:
    """Return a statement with the canonical definitions of its activities, each language map cut to one language.

    `known` returns the definition of an activity, by its id.
    """

    def of_activity(activity: Object) -> Object:
        found = known(activity["id"])
        return activity if found is None else {**activity, "definition": in_one_language(found, languages)}

    def of_verb(verb: Object) -> Object:
        return {**verb, "display": chosen(verb["display"], languages)} if "display" in verb else verb

    return _reshaped(statement, of_verb, lambda actor: actor, of_activity)


def preferred(accept_language: str | None) -> list[str]:
    """Return the language ranges of an Accept-Language, the most wanted first, those refused left out.

    https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
    """
    ranges = []
    for place, part in enumerate((accept_language or "").split(",")[:_LANGUAGES_MOST]):
        tag, _, parameter = part.strip().partition(";")
        quality = _quality(parameter.strip())
        if tag.strip() and quality > 0:
            ranges.append((-quality, place, tag.strip().lower()))
    return [tag for _, _, tag in sorted(ranges)]


def chosen(texts: Mapping[str, str], languages: Sequence[str]) -> dict[str, str]:
    """Return the one entry of a language map that suits best: what is wanted first and there; else the first there is.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Communication.md#language-filtering-requirements-for-canonical-format-statements
    """
    if not texts:
        return {}
    by_tag = {tag.lower(): tag for tag in texts}
    for wanted in languages:
        found = next((tag for tag in by_tag if _matches(tag, wanted)), None)
        if found is not None:
            return {by_tag[found]: texts[by_tag[found]]}
    for wanted in languages:  # no region that was asked for, but its language (RFC 4647, 3.4)
        primary = wanted.partition("-")[0]
        found = next((tag for tag in by_tag if _matches(tag, primary)), None)
        if found is not None:
            return {by_tag[found]: texts[by_tag[found]]}
    tag, said = next(iter(texts.items()))
    return {tag: said}


def in_one_language(definition: Mapping[str, Any], languages: Sequence[str]) -> Object:
    """Return an activity's definition with one language in each of its language maps."""
    cut = dict(definition)
    for name in ("name", "description"):
        if name in cut:
            cut[name] = chosen(cut[name], languages)
    for name in COMPONENTS:
        if name in cut:
            cut[name] = [
                {**one, "description": chosen(one["description"], languages)} if "description" in one else one
                for one in cut[name]
            ]
    return cut


Change = Callable[[Object], Object]


def _reshaped(statement: Mapping[str, Any], verb: Change, actor: Change, activity: Change) -> Object:
    """Return a statement, or a substatement, with its verbs, actors and activities changed wherever they stand."""
    shown = {**statement, "verb": verb(statement["verb"]), "actor": actor(statement["actor"])}
    target = statement["object"]
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        shown["object"] = activity(target)
    elif kind in {"Agent", "Group"}:
        shown["object"] = actor(target)
    elif kind == "SubStatement":
        shown["object"] = _reshaped(target, verb, actor, activity)
    if "authority" in statement:
        shown["authority"] = actor(statement["authority"])
    if "context" in statement:
        shown["context"] = _context(statement["context"], actor, activity)
    return shown


def _context(context: Mapping[str, Any], actor: Change, activity: Change) -> Object:
    shown = dict(context)
    for name in ("instructor", "team"):
        if name in shown:
            shown[name] = actor(shown[name])
    for name, who in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in shown:
            shown[name] = [{**one, who: actor(one[who])} for one in shown[name]]
    if "contextActivities" in shown:
        shown["contextActivities"] = {
            name: [activity(one) for one in told] for name, told in shown["contextActivities"].items()
        }
    return shown


def _verb_id(verb: Object) -> Object:
    return {"id": verb["id"]}


def _actor_ids(actor: Object) -> Object:
    shown = {name: actor[name] for name in ("objectType", *IDENTIFIERS) if name in actor}
    if "member" in actor and not any(name in actor for name in IDENTIFIERS):
        shown["member"] = [_actor_ids(member) for member in actor["member"]]
    return shown


def _matches(tag: str, wanted: str) -> bool:
    return wanted in {"*", tag} or tag.startswith(f"{wanted}-")


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    try:
        return min(1.0, max(0.0, float(value))) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
