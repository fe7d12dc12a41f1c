"""Where the inputs of metrics come from: providers, found by listing this folder.

A module here whose name has no leading underscore declares `PROVIDERS`, a tuple of `Provider`. To serve a metric from
new facts, add a module with a `load` (facts of any number of subjects and segments in a few queries, as of any instant)
and a reader per metric; nothing else needs to know of it. A metric of one kind of subject has one provider.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from app.domain.metrics.catalogue import METRICS
from app.domain.metrics.spelling import Asked, ask, variants
from app.services.inputs._provider import DIMENSIONS, Behind, Given, Link, Place, Provider, Read, Scope

__all__ = [
    "DIMENSIONS",
    "SEGMENTS",
    "Behind",
    "Cuts",
    "Given",
    "Link",
    "Place",
    "Provider",
    "Read",
    "Scope",
    "cuts_of",
    "kinds",
    "metrics_of",
    "provider_of",
    "providers",
]

SEGMENTS: Mapping[str, str] = {"org_unit": "tenant", "source": "tenant"}
"""Kinds of subject that are a dimension of another kind: what is counted for one is counted as its segment."""


@cache
def providers() -> tuple[Provider, ...]:
    """Return every provider of this folder."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(provider for module in modules for provider in module.PROVIDERS)


def _entries() -> Iterator[tuple[tuple[str, str], tuple[Provider, Read]]]:
    for provider in providers():
        for name, read in provider.metrics.items():
            for kind in provider.kinds:
                yield (kind, name), (provider, read)


@cache
def _by_name() -> Mapping[tuple[str, str], tuple[Provider, Read]]:
    """Return what makes the inputs of a metric for a kind of subject. Raises RuntimeError where two claim to."""
    found: dict[tuple[str, str], tuple[Provider, Read]] = {}
    for key, entry in _entries():
        if key in found:
            raise RuntimeError(f"two providers give the inputs of {key[1]} for the subject {key[0]}")
        found[key] = entry
    return found


def provider_of(kind: str, asked: Asked) -> tuple[Provider, Read] | None:
    """Return the provider of a metric for a kind of subject, and what reads its inputs; None where there is none.

    An org unit or a source has what the tenant has, where that can be cut by it.
    """
    names = [f"{asked.slug}{{{asked.variant}}}"] if asked.variant else []
    for name in (*names, asked.slug):
        if (kind, name) in _by_name():
            return _by_name()[kind, name]
        wider = _by_name().get((SEGMENTS[kind], name)) if kind in SEGMENTS else None
        if wider is not None and kind in wider[0].takes(name):
            return wider
    return None


@cache
def metrics_of(kind: str) -> tuple[Asked, ...]:
    """Return every metric that can be asked of a kind of subject, in the order of the catalogue.

    Each variant with a reader of its own stands once; where the facts choose the variant, the metric stands alone.
    """
    found: dict[Asked, None] = {}
    for row in METRICS:
        for asked in variants(row):
            entry = provider_of(kind, asked)
            if entry is not None:
                found[Asked(row.slug) if row.slug in entry[0].metrics else asked] = None
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Cuts:
    """What a metric can be cut by for some kinds of subject, and of every other dimension why not."""

    asked: Asked
    subjects: tuple[str, ...]
    by: tuple[str, ...]
    refused: Mapping[str, str]


@cache
def cuts_of(slug: str) -> tuple[Cuts, ...]:
    """Return the cuts of a metric: of each of its variants, and of kinds of subject that differ in them, apart."""
    found: list[Cuts] = []
    for asked in variants(ask(slug).row):
        by_name: dict[tuple[int, str], list[str]] = {}
        for kind in kinds():
            entry = provider_of(kind, asked)
            if entry is not None:
                key = (providers().index(entry[0]), entry[0].name_of(asked.slug, asked.variant))
                by_name.setdefault(key, []).append(kind)
        for (place, name), subjects in by_name.items():
            provider = providers()[place]
            by = tuple(each for each in DIMENSIONS if each in provider.takes(name))
            refused = {each: provider.why_not(name, each) for each in DIMENSIONS if each not in by}
            found.append(Cuts(asked, tuple(subjects), by, refused))
    return tuple(found)


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of subject, in alphabetical order."""
    return tuple(sorted({*SEGMENTS, *(kind for provider in providers() for kind in provider.kinds)}))
