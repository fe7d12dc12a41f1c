"""The rules of a compiled field map: where a payload keeps each part of an event, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.domain.learning import IdentityKind, Kind
from app.lms._expressions import Expression

IGNORE = "ignore"
TIME_FORMATS = ("auto", "iso8601", "epoch", "rfc2822")
DURATION_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}


@dataclass(frozen=True, slots=True)
class KindRule:
    """A fixed kind, or the value at `path` looked up in `values` (kind words, or `ignore`), else `default`."""

    value: Kind | None = None
    path: Expression | None = None
    values: Mapping[str, str] | None = None
    default: str | None = None


@dataclass(frozen=True, slots=True)
class NameRule:
    """One name of the learner; the issuer is fixed or found at `issuer_path`."""

    kind: IdentityKind
    path: Expression
    issuer: str | None = None
    issuer_path: Expression | None = None


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A time: `format` is one of `TIME_FORMATS` or a strptime pattern; `unit` is that of numbers, `zone` of texts."""

    path: Expression
    format: str = "auto"
    unit: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class NumberRule:
    """A number and its scale: the value that means 1 (100 for percentages); `min` and `max` are paths to its range.

    `auto` takes what is at most 1 for a share and the rest for a percentage.
    """

    path: Expression
    scale: Decimal | None = None
    auto: bool = False
    min: Expression | None = None
    max: Expression | None = None


@dataclass(frozen=True, slots=True)
class PassedRule:
    """A verdict: the words that mean true and false; None means the usual ones."""

    path: Expression
    true: frozenset[str] | None = None
    false: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class DurationRule:
    """A duration: ISO 8601 and `HH:MM:SS` are known by their form, numbers count `unit`."""

    path: Expression
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class FieldMap:
    """A compiled field map. `items` are the levels of nesting, outermost first; none means the body is the one item.

    `json_fields` are top-level fields whose text is JSON, to be read as such before anything else.
    """

    kind: KindRule
    learner: tuple[NameRule, ...]
    activity: Expression
    items: tuple[Expression, ...] = ()
    title: Expression | None = None
    version: Expression | None = None
    person_name: Expression | None = None
    time: TimeRule | None = None
    due: TimeRule | None = None
    expires: TimeRule | None = None
    score: NumberRule | None = None
    progress: NumberRule | None = None
    passed: PassedRule | None = None
    duration: DurationRule | None = None
    event_id: Expression | None = None
    attempt: Expression | None = None
    voids: Expression | None = None
    affirmed: Expression | None = None
    extras: Mapping[str, Expression] = field(default_factory=dict)
    json_fields: tuple[str, ...] = ()
