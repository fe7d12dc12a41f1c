"""What a provider is: a family of metrics whose inputs are read from facts by the same few queries."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.errors import Invalid
from app.domain.figure import Caveat, Override, Period, Status
from app.domain.metrics.privacy import Sensitivity

Label = UUID | str | date | None
"""What a segment is called in facts: an id, a word, the first day of a bucket; None: those without."""

Place = tuple[UUID, tuple[Label, ...]]
"""A subject, and its segment in each of the dimensions asked for."""

BUCKETS = ("day", "week", "month", "quarter", "year")
"""Dimensions of time, cut in the tenant's zone; weeks begin on Monday (ISO 8601)."""

PEOPLE = ("org_unit", "role", "wave")
"""Dimensions that people have; `org_unit` counts everyone in the subtree."""

LEARNING = ("activity", "source", "content_version")
"""Dimensions of what is learned."""

DIMENSIONS = (*PEOPLE, *LEARNING, "initiative", "outcome", *BUCKETS)
"""What figures can be cut by."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What inputs are wanted for: subjects of one kind, cut along dimensions, over a time, as of an instant.

    `as_of` bounds what was recorded (None: now); `now` is the present of every formula and bounds what occurred.
    `since` and `until` bound the day that places a fact, half-open in `zone`. `audience` names the snapshot.
    `corrected`: whether the tenant may have learning events that a replay corrected (`services.corrections`).
    """

    kind: str
    ids: tuple[UUID, ...]
    tenant_id: UUID
    now: datetime
    as_of: datetime | None
    zone: ZoneInfo
    since: date | None = None
    until: date | None = None
    by: tuple[str, ...] = ()
    audience: str = "at_end"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Any = None
    corrected: bool = True

    @property
    def today(self) -> date:
        """The day of `now` in the tenant's zone."""
        return self.now.astimezone(self.zone).date()

    @property
    def bucket(self) -> str | None:
        """The dimension of time asked for, if any."""
        return next((each for each in self.by if each in BUCKETS), None)

    def period_of(self, place: Place) -> Period | None:
        """Return the period of a place: its bucket, else the bounds asked for, else None."""
        if self.bucket is not None:
            start = place[1][self.by.index(self.bucket)]
            if isinstance(start, date):
                return Period(start, bucket_end(start, self.bucket), self.zone.key)
        if self.since is None and self.until is None:
            return None
        return Period(self.since, self.until, self.zone.key)


def bucket_end(start: date, bucket: str) -> date:
    """Return the day after the last of the bucket that begins on `start`."""
    if bucket in {"day", "week"}:
        return start + timedelta(days=1 if bucket == "day" else 7)
    months = {"month": 1, "quarter": 3, "year": 12}[bucket]
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, 1)


@dataclass(frozen=True, slots=True)
class Link:
    """A fact that went into an input: the noun and its id, and the version that was read."""

    noun: str
    id: UUID
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """The inputs of one figure with what is said beside it.

    `n_people` counts the distinct resolved persons. A family that counts people must tell it, since small groups are
    protected by it alone; `of_people` is false for facts of such a family that are about something else. `period`
    overrides that of the place. `provisional` is the reason why the value is not final. `links` name the facts behind
    each input, `about` those that the other inputs were read from. `parameters` are chosen by the facts: those of the
    metric are used unless asked for otherwise, the others are shown. `instead` is the status, with its reason, of a
    figure that these facts cannot have.
    `least` is the smallest group that these facts allow to be shown, where that is larger than usual.
    `override` is what a person says that the value is.
    """

    inputs: Mapping[str, Any]
    n_people: int | None = None
    basis: str | None = None
    caveats: tuple[Caveat, ...] = ()
    period: Period | None = None
    provisional: str | None = None
    links: Mapping[str, Sequence[Link]] = field(default_factory=dict)
    about: Sequence[Link] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    instead: tuple[Status, str] | None = None
    least: int = 0
    of_people: bool = True
    override: Override | None = None


Read = Callable[[Any, Scope], Given | None]
"""From the facts of one place to the inputs of one metric; None where there is no such figure."""

Load = Callable[[AsyncSession, Scope], Awaitable[Mapping[Place, Any]]]
"""The facts of every place of a scope, in a number of queries that does not depend on how many there are."""

Behind = Callable[[AsyncSession, Scope, tuple[Label, ...], int], Awaitable[Mapping[str, Sequence[Link] | str]]]
"""The rows that each input of one figure was read from, or in a sentence why they are not listed; asked when it is
explained. Of a scope of one subject, the segment with these labels, and the fewest people that may be shown."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A family: metrics that are read from the same facts.

    `metrics` maps a slug, or `slug{variant}`, to what makes its inputs of the facts. `kinds` are the nouns that it can
    be asked of, `by` the dimensions that it can be cut by, `always` those that it is cut by unasked, `parameters` those
    parameters of the metrics that `load` needs. `nothing` makes the facts of a subject of which nothing is known (None:
    it has no such figures). `people`: figures count people, so that small groups are protected by `sensitivity`.
    `events`: the facts behind are learning events. `behind` lists by metric, called as in `metrics`, the rows that
    `load` only counts. `refused` says of every other dimension why there are no segments along it, `apart` the same of
    single metrics for dimensions that the rest of the family has.
    """

    metrics: Mapping[str, Read]
    kinds: frozenset[str]
    load: Load
    nothing: Callable[[], Any] | None = None
    by: frozenset[str] = frozenset()
    always: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    people: bool = False
    sensitivity: Sensitivity = Sensitivity.AGGREGATE
    events: bool = False
    behind: Mapping[str, Behind] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def takes(self, name: str) -> frozenset[str]:
        """Return the dimensions that the metric called `name` here can be cut by."""
        return self.by - self.apart.get(name, {}).keys()

    def why_not(self, name: str, dimension: str) -> str:
        """Return in a sentence why a metric has no segments along a dimension that it does not take."""
        return self.apart.get(name, {}).get(dimension) or self.refused[dimension]

    def name_of(self, slug: str, variant: str | None) -> str:
        """Return what a metric is called here: by slug and variant where that has a reader of its own."""
        return f"{slug}{{{variant}}}" if f"{slug}{{{variant}}}" in self.metrics else slug

    def given(self, read: Read, facts: Any, scope: Scope) -> Given | None:
        """Return what a reader of this family makes of facts; `inconsistent` where it can make nothing of them.

        Raises RuntimeError where it hides whom it counts.
        """
        try:
            found = read(facts, scope)
        except Invalid as error:
            told = "" if self.people else f": {error.detail}"
            reason = f"the facts behind it contradict each other{told}"
            return Given({}, instead=(Status.INCONSISTENT, reason), of_people=False)
        if found is not None and self.people and found.of_people and found.n_people is None:
            name = next((name for name, each in self.metrics.items() if each is read), "a metric")
            raise RuntimeError(f"{name} counts people and does not say how many, so that no small group can be hidden")
        return found
