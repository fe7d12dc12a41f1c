"""Small groups cannot be got at: every two shown answers to any two requests are set against each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.metrics.lattice import window_gives_away
from app.domain.metrics.privacy import is_small
from app.models.days import first_day
from app.services import protection
from app.services.inputs import Scope
from app.services.inputs._provider import BUCKETS

K = 5
TENANT = UUID(int=999)
PLANT, HALL, TEAM, OFFICE = (UUID(int=number) for number in range(1, 5))
ABOVE: Mapping[UUID, UUID | None] = {PLANT: None, HALL: PLANT, TEAM: HALL, OFFICE: None}
DIMENSIONS = ("role", "wave", "org_unit", "day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Member:
    role: str | None
    wave: str
    unit: UUID | None
    day: date

    def labels(self, dimension: str) -> list[Any]:
        """The labels that hold the person: of org units, every one above too."""
        if dimension == "org_unit":
            found, unit = [], self.unit
            while unit is not None:
                found.append(unit)
                unit = ABOVE[unit]
            return found
        if dimension in BUCKETS:
            return [first_day(self.day, dimension)]
        return [self.role if dimension == "role" else self.wave]


members = st.builds(
    Member,
    st.sampled_from(["operator", "fitter", None]),
    st.sampled_from(["one", "two"]),
    st.sampled_from([PLANT, HALL, TEAM, OFFICE, None]),
    st.integers(0, 70).map(lambda days: date(2026, 1, 20) + timedelta(days=days)),
)


def table(people: list[Member], by: tuple[str, ...]) -> dict[tuple[UUID, tuple[Any, ...]], frozenset[int]]:
    found: dict[tuple[UUID, tuple[Any, ...]], set[int]] = {}
    for number, person in enumerate(people):
        for labels in product(*(person.labels(each) for each in by)):
            found.setdefault((TENANT, labels), set()).add(number)
    return {place: frozenset(each) for place, each in found.items()}


def scope(by: tuple[str, ...]) -> Scope:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    return Scope("tenant", (TENANT,), TENANT, now, None, ZoneInfo("UTC"), by=by)


def shown(people: list[Member], by: tuple[str, ...]) -> dict[tuple[Any, ...], frozenset[int]]:
    """What one request cut by these dimensions shows: the people of each segment that is not hidden."""
    wanted = [each for size in range(len(by)) for each in combinations(by, size)]
    if "week" in by:
        wanted += [protection._by_day(each) for each in (*wanted, by) if "week" in each]
    tables = {each: table(people, each) for each in (*wanted, by)}
    hidden = protection._hidden(scope(by), tables, ABOVE, len, K)
    return {labels: each for (_, labels), each in tables[by].items() if (TENANT, labels) not in hidden}


def requests() -> Iterable[tuple[str, ...]]:
    yield ()
    for size in (1, 2):
        for by in combinations(DIMENSIONS, size):
            if sum(each in BUCKETS for each in by) <= 1:
                yield by


def inside(inner: tuple[tuple[str, Any], ...], outer: tuple[tuple[str, Any], ...]) -> bool:
    """Whether a segment lies in another by its description alone."""
    return all(any(_implies(mine, theirs) for mine in inner) for theirs in outer)


def _implies(mine: tuple[str, Any], theirs: tuple[str, Any]) -> bool:
    dimension, label = mine
    other, wanted = theirs
    if dimension == other == "org_unit":
        unit = label
        while unit is not None:
            if unit == wanted:
                return True
            unit = ABOVE[unit]
        return False
    if dimension in BUCKETS and other in BUCKETS:
        last = protection.bucket_end(label, dimension) - timedelta(days=1)
        return first_day(label, other) == wanted == first_day(last, other)
    return mine == theirs


@settings(max_examples=40, deadline=None)
@given(st.lists(members, min_size=3, max_size=45))
def test_no_two_shown_segments_differ_by_a_small_group(people: list[Member]) -> None:
    answers = [
        (tuple(zip(by, labels, strict=True)), each) for by in requests() for labels, each in shown(people, by).items()
    ]

    for segment, group in answers:
        assert not is_small(len(group), K), segment
    for (first, some), (second, many) in product(answers, answers):
        if first != second and len(some) < len(many) and inside(first, second):
            assert not is_small(len(many - some), K), (first, second)


@settings(max_examples=60, deadline=None)
@given(st.lists(members, min_size=3, max_size=45), st.sampled_from(list(requests())[1:]))
def test_a_total_less_everything_shown_of_a_line_is_no_small_group(people: list[Member], by: tuple[str, ...]) -> None:
    if len(by) != 1 or by == ("org_unit",):
        return
    everyone = frozenset(range(len(people)))

    rest = everyone.difference(*shown(people, by).values()) if len(people) >= K else frozenset()

    assert not is_small(len(rest), K)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8))
def test_no_two_shown_runs_of_months_differ_by_a_small_group(months: list[int]) -> None:
    spans = [(a, b) for a in range(len(months)) for b in range(a + 1, len(months) + 1)]

    def fits(a: int, b: int) -> bool:
        within = {f"{month:02}": months[month] for month in range(a, b)}
        return not window_gives_away(within, sum(months) - sum(months[a:b]), K)

    open_spans = [span for span in spans if fits(*span)]
    for (a, b), (c, d) in product(open_spans, open_spans):
        if c <= a and b <= d:
            assert not is_small(sum(months[c:d]) - sum(months[a:b]), K)


def test_what_is_hidden_of_a_segment_does_not_depend_on_the_request() -> None:
    people = [Member("operator", "one", PLANT, date(2026, 1, 20))] * 12
    people += [Member("fitter", "two", HALL, date(2026, 2, 2))] * 3
    people += [Member(None, "two", OFFICE, date(2026, 2, 2))] * 9

    alone, crossed = shown(people, ("role",)), shown(people, ("role", "wave"))

    assert set(alone) == {("operator",)}
    assert set(crossed) == {("operator", "one")}
