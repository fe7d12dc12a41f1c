"""No pattern takes long for a long text that nearly matches, whatever the pattern is applied to."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import app

LENGTH = 50_000
SECONDS = 0.1
TRIES = 3
PIECES = (
    *("a", "0", " ", "-", ".", ":", "/", "@", "=", "'", "\t", "é"),
    *("a-", "a.", "a@", "@a.", "1.", "0:", "a/", "a=", "a b", "ab1_", "x,"),
    *("-a1", "P1", "2026-", "T00:", "mailto:a", "://a:", "bearer ", "secret", "token=", "tl_a_", "whsec_"),
    *("eyJa.", "Key (", "Key (a)=(", '"a" ', '\\"', "a{b", "{}", " (", "(a.md", "%41", "\\", "0x", "::", "1e"),
)  # fmt: skip


OUR_OWN_TEXTS = {"app.api.graphql.scalars"}
"""Modules whose patterns read nothing but descriptions of the service's own."""


@dataclass(frozen=True)
class Applied:
    """A compiled pattern of the service, and the ways in which its module applies it."""

    pattern: re.Pattern[Any]
    ways: frozenset[str]

    def seconds(self, text: str) -> float:
        """The least processor time of some tries to apply it."""
        given: Any = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        least = float("inf")
        for _ in range(TRIES):
            began = time.process_time()
            for way in self.ways:
                if way == "sub":
                    self.pattern.sub(given[:0], given)
                else:
                    getattr(self.pattern, way)(given)
            least = min(least, time.process_time() - began)
            if least < SECONDS:
                break
        return least


def applied() -> dict[str, Applied]:
    """Every compiled pattern that a module of the service holds, alone or in a collection, by where it stands."""
    found: dict[str, Applied] = {}
    for told in pkgutil.walk_packages(app.__path__, "app."):
        if told.name in OUR_OWN_TEXTS or told.name.startswith("app.demo") or told.name.endswith("__main__"):
            continue
        module = importlib.import_module(told.name)
        for name, value in vars(module).items():
            for number, pattern in enumerate(held(value)):
                used = re.findall(rf"\b{name}\.(fullmatch|match|search|sub)\(", Path(str(module.__file__)).read_text())
                found[f"{told.name}.{name}.{number}"] = Applied(pattern, frozenset(used or ("fullmatch", "sub")))
    return found


def held(value: Any, depth: int = 2) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for each in value.values():
            yield from held(each, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from held(each, depth - 1)


def test_no_pattern_of_the_service_takes_long_for_fifty_kilobytes_of_near_matches() -> None:
    found = applied()

    slow = {
        f"{where} on {piece!r}"
        for where, each in found.items()
        for piece in PIECES
        if each.seconds(piece * (LENGTH // len(piece)) + "\n\x01") > SECONDS
    }

    assert len(found) > 50
    assert slow == set()
