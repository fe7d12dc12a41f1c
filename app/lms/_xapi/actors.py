"""Agents and groups (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#242-actor)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.learning import Identity, IdentityKind
from app.lms._xapi import Unacceptable, grammar
from app.lms._xapi.grammar import Object


def _account(value: Any, at: str) -> Object:
    # https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2424-account-object
    found = grammar.members(value, ("homePage", "name"), ("homePage", "name"), at)
    grammar.iri(found["homePage"], f"{at}/homePage")
    if not grammar.text(found["name"], f"{at}/name"):
        raise Unacceptable("must not be empty", f"{at}/name")
    return found


# https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#2423-inverse-functional-identifier
IDENTIFIERS: Mapping[str, Callable[[Any, str], Any]] = {
    "mbox": grammar.mailbox,
    "mbox_sha1sum": grammar.sha1,
    "openid": grammar.iri,
    "account": _account,
}
_AGENT = frozenset({"objectType", "name", *IDENTIFIERS})
_GROUP = _AGENT | {"member"}


def actor(value: Any, at: str) -> Object:
    """Check an agent or a group: which of them, `objectType` says."""
    found = grammar.mapping(value, at)
    return group(found, at) if found.get("objectType") == "Group" else agent(found, at)


def agent(value: Any, at: str) -> Object:
    """Check an agent: exactly one inverse functional identifier."""
    found = grammar.members(value, _AGENT, (), at)
    if "objectType" in found:
        grammar.one_of(found["objectType"], ("Agent",), f"{at}/objectType")
    if _identifiers(found, at) != 1:
        raise Unacceptable(f"needs exactly one of {', '.join(IDENTIFIERS)}", at)
    return found


def group(value: Any, at: str) -> Object:
    """Check a group: identified by one identifier, or anonymous with its members, who are agents all of them."""
    found = grammar.members(value, _GROUP, ("objectType",), at)
    grammar.one_of(found["objectType"], ("Group",), f"{at}/objectType")
    known = _identifiers(found, at)
    if known > 1:
        raise Unacceptable(f"takes one of {', '.join(IDENTIFIERS)}, not several", at)
    if "member" in found:
        for place, member in enumerate(grammar.array(found["member"], f"{at}/member")):
            agent(member, f"{at}/member/{place}")
    if not known and not found.get("member"):
        raise Unacceptable("needs an identifier, or members if it is anonymous", at)
    return found


def authority(value: Any, at: str) -> Object:
    """Check an authority: an agent, or for three-legged OAuth an anonymous group of two.

    https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#249-authority
    """
    found = actor(value, at)
    if found.get("objectType") == "Group" and (len(found.get("member", ())) != 2 or identified(found)):  # noqa: PLR2004  application and user
        raise Unacceptable("must be an agent, or a group of exactly two agents without an identifier", at)
    return found


def identified(value: Mapping[str, Any]) -> bool:
    """Return whether an agent or group has an inverse functional identifier."""
    return any(name in value for name in IDENTIFIERS)


def identity(value: Mapping[str, Any]) -> Identity | None:
    """Return by what an agent or group is identified, as everywhere in this service; None: an anonymous group.

    Neither e-mail addresses nor the digits of a hash have letter case here
    (https://github.com/adlnet/xAPI-Spec/blob/master/xAPI-Data.md#231-statement-immutability).
    """
    if "mbox" in value:
        return Identity.of(IdentityKind.EMAIL, value["mbox"])
    if "mbox_sha1sum" in value:
        return Identity.of(IdentityKind.EMAIL_SHA1, value["mbox_sha1sum"])
    if "openid" in value:
        return Identity.of(IdentityKind.OPENID, value["openid"])
    if "account" in value:
        return Identity.of(IdentityKind.ACCOUNT, value["account"]["name"], value["account"]["homePage"])
    return None


def _identifiers(found: Object, at: str) -> int:
    if "name" in found:
        grammar.text(found["name"], f"{at}/name")
    known = 0
    for name, check in IDENTIFIERS.items():
        if name in found:
            check(found[name], f"{at}/{name}")
            known += 1
    return known
