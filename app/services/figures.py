"""Figures: facts in, the catalogue's formulas, figures out; a number of queries that no number of subjects raises."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.domain.figure import Figure, Status, Subject
from app.domain.metrics.catalogue import evaluate, unreadable
from app.domain.metrics.privacy import hide, is_small, minimum_cohort
from app.domain.metrics.spelling import Asked
from app.models.tenancy import TenantSettings
from app.models.unit import unit_of
from app.services import corrections, inputs, protection, subjects
from app.services.inputs import DIMENSIONS, SEGMENTS, Given, Link, Place, Provider, Read, Scope
from app.services.inputs._provider import BUCKETS, Label
from app.services.protection import Loaded
from app.services.subjects import SubjectId
from app.services.versions import rows_at

_LABELS = {"org_unit": "org", "activity": "act", "source": "src", "initiative": "ini", "outcome": "out"}


DIMENSIONS_MOST = 2


def dimensions(by: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions named, each once, of which one of time at the most. Raises Invalid."""
    for each in by:
        if each not in DIMENSIONS:
            detail = f"is no dimension; there are: {', '.join(DIMENSIONS)}"
            raise Invalid(f"{each[:40]!r} {detail}.", errors=(Fault("no_such_segment", detail, parameter="by"),))
    if sum(each in BUCKETS for each in set(by)) > 1:
        detail = "takes one bucket of time at the most"
        raise Invalid(f"by {detail}.", errors=(Fault("no_such_segment", detail, parameter="by"),))
    return tuple(dict.fromkeys(by))


@dataclass(frozen=True, slots=True)
class View:
    """How figures are asked for: as of an instant, over a time, of which audience, cut by which dimensions.

    `now` is the present of the formulas where it is not the instant asked for: what happened later does not count, what
    was recorded later does.
    """

    as_of: datetime | None = None
    now: datetime | None = None
    since: date | None = None
    until: date | None = None
    audience: str = "at_end"
    by: tuple[str, ...] = ()


NOW = View()


@dataclass(frozen=True, slots=True)
class Computed:
    """A figure with the inputs that it was computed from, and the facts behind them."""

    figure: Figure
    inputs: Mapping[str, Any]
    links: Mapping[str, Sequence[Link]] = field(default_factory=dict)
    scope: Scope | None = None
    labels: tuple[Label, ...] = ()
    events: bool = False
    people: bool = False
    about: Sequence[Link] = ()
    behind: Callable[[AsyncSession], Awaitable[Mapping[str, Sequence[Link] | str]]] | None = None

    @property
    def measurement_ids(self) -> tuple[UUID, ...]:
        """The measurements behind it."""
        return tuple(
            dict.fromkeys(link.id for each in self.links.values() for link in each if link.noun == "measurement")
        )


@dataclass(frozen=True, slots=True)
class _Job:
    """Metrics that one call of a provider answers."""

    provider: Provider
    parameters: tuple[tuple[str, Any], ...]
    by: tuple[str, ...]
    asked: tuple[tuple[Asked, Read], ...]


async def of_initiatives(
    session: AsyncSession, initiative_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Figure]]:
    """Return the figures of each initiative, in order."""
    return _figures(await computed_of_initiatives(session, initiative_ids, as_of=as_of))


async def of_outcomes(
    session: AsyncSession, outcome_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Figure]]:
    """Return the figures of each outcome, in order."""
    return _figures(await computed_of_outcomes(session, outcome_ids, as_of=as_of))


def _figures(found: Iterable[Iterable[Computed]]) -> list[list[Figure]]:
    return [[computed.figure for computed in row] for row in found]


async def computed_of_initiatives(
    session: AsyncSession, initiative_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Computed]]:
    """Return every figure of each initiative with its inputs."""
    return await everything(session, "initiative", initiative_ids, View(as_of))


async def computed_of_outcomes(
    session: AsyncSession, outcome_ids: Sequence[UUID], *, as_of: datetime | None = None
) -> list[list[Computed]]:
    """Return every figure of each outcome with its inputs."""
    return await everything(session, "outcome", outcome_ids, View(as_of))


async def of_many(
    session: AsyncSession, wanted: Sequence[SubjectId], asked: Sequence[Asked], view: View = NOW
) -> list[list[Computed]]:
    """Return the figures asked for of subjects of any kinds, in order."""
    found: dict[SubjectId, list[Computed]] = {}
    for kind in dict.fromkeys(each.kind for each in wanted):
        mine = [each for each in dict.fromkeys(wanted) if each.kind == kind]
        rows = await compute(session, kind, [each.id for each in mine], asked, view)
        found.update(zip(mine, rows, strict=True))
    return [found[each] for each in wanted]


async def everything(
    session: AsyncSession, kind: str, subject_ids: Sequence[UUID], view: View = NOW
) -> list[list[Computed]]:
    """Return every figure that each subject of a kind has, in the order of the catalogue."""
    return await compute(session, kind, subject_ids, inputs.metrics_of(kind), view)


async def compute(
    session: AsyncSession, kind: str, subject_ids: Sequence[UUID], asked: Sequence[Asked], view: View = NOW
) -> list[list[Computed]]:
    """Return the figures asked for of each subject, in order: by metric, and within it by segment.

    Raises Invalid for a metric that the kind of subject does not have, or that cannot be cut as asked.
    """
    settings = await _settings(session, view.as_of)
    scope = _scope(session, kind, subject_ids, view, settings)
    least = await _tenant_minimum(session)
    jobs = _jobs(kind, asked, view.by)
    if any(job.provider.events for job in jobs):
        scope = replace(scope, corrected=await corrections.any_at_all(session))
    found: dict[Asked, dict[UUID, list[Computed]]] = {}
    for job in jobs:
        there = replace(scope, by=job.by, parameters=dict(job.parameters))
        loaded = await protection.load(session, job.provider, there)
        k = minimum_cohort(job.provider.sensitivity, least)
        for each, read in job.asked:
            found[each] = _of_metric(each, read, job.provider, loaded, k)
    return [[one for each in asked for one in found[each].get(subject_id, [])] for subject_id in subject_ids]


def _scope(
    session: AsyncSession, kind: str, subject_ids: Sequence[UUID], view: View, settings: TenantSettings
) -> Scope:
    return Scope(
        kind=kind,
        ids=tuple(dict.fromkeys(subject_ids)),
        tenant_id=unit_of(session).tenant.id,
        now=view.now or view.as_of or datetime.now(UTC),
        as_of=view.as_of,
        zone=ZoneInfo(settings.zone),
        since=view.since,
        until=view.until,
        by=view.by,
        audience=view.audience,
        settings=settings,
    )


def _jobs(kind: str, asked: Sequence[Asked], by: tuple[str, ...]) -> list[_Job]:
    """Return the fewest calls of providers that answer what is asked."""
    grouped: dict[tuple[int, Any, tuple[str, ...]], _Job] = {}
    for each in dict.fromkeys(asked):
        found = inputs.provider_of(kind, each)
        if found is None:
            known = ", ".join(str(one) for one in inputs.metrics_of(kind))
            detail = f"{each} is no figure of {_spoken(kind)}; there are: {known}"
            raise Invalid(f"{detail}.", errors=(Fault("no_such_figure", detail, parameter="metric"),))
        provider, read = found
        always = () if by else provider.always
        _require_cuts(provider, each, kind, by)
        values = each.values
        needed = tuple((name, values[name]) for name in provider.parameters if name in values)
        key = (id(provider), needed, by or always)
        job = grouped.get(key)
        earlier = () if job is None else job.asked
        grouped[key] = _Job(provider, needed, by or always, (*earlier, (each, read)))
    return list(grouped.values())


def _require_cuts(provider: Provider, asked: Asked, kind: str, by: tuple[str, ...]) -> None:
    """Raise Invalid with the reason unless a metric can be cut by these dimensions."""
    name = provider.name_of(asked.slug, asked.variant)
    taken = provider.takes(name)
    unfit = next((dimension for dimension in by if dimension not in taken), None)
    if unfit is not None:
        known = ", ".join(each for each in DIMENSIONS if each in taken) or "nothing"
        why = provider.why_not(name, unfit)
        detail = f"{asked} of {_spoken(kind)} cannot be cut by {unfit}: {why}; it can by: {known}"
        raise Invalid(f"{detail}.", errors=(Fault("no_such_segment", detail, parameter="by"),))


def _spoken(kind: str) -> str:
    word = kind.replace("_", " ")
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def _of_metric(asked: Asked, read: Read, provider: Provider, loaded: Loaded, k: int) -> dict[UUID, list[Computed]]:
    scope = loaded.scope
    hidden = loaded.hidden(read, k)
    places: dict[UUID, list[Place]] = {each: [] for each in scope.ids}
    for place in sorted(loaded.facts, key=_order):
        if place[0] in places and not _is_timeless(place, scope):
            places[place[0]].append(place)
    if not scope.by:
        places = {each: [(each, ())] for each in scope.ids if (each, ()) in loaded.facts or provider.nothing}
    found: dict[UUID, list[Computed]] = {}
    for subject_id, here in places.items():
        given = [(place, provider.given(read, _facts_of(place, loaded.facts, provider), scope)) for place in here]
        found[subject_id] = [
            _placed(asked, each, provider, scope, place, k, hide_it=place in hidden)
            for place, each in given
            if each is not None
        ]
    return found


def _facts_of(place: Place, facts: Mapping[Place, Any], provider: Provider) -> Any:
    return facts[place] if place in facts or provider.nothing is None else provider.nothing()


def _is_timeless(place: Place, scope: Scope) -> bool:
    """Say whether a row lies in no bucket, because nothing places it in time."""
    return scope.bucket is not None and place[1][scope.by.index(scope.bucket)] is None


def _order(place: Place) -> tuple[Any, ...]:
    return place[0], *((label is None, str(label or "")) for label in place[1])


def _placed(
    asked: Asked, given: Given, provider: Provider, scope: Scope, place: Place, k: int, *, hide_it: bool
) -> Computed:
    figure = _evaluated(asked, given)
    provisional = bool(given.provisional) and figure.status is Status.OK
    segment = {name: label_text(name, label) for name, label in zip(scope.by, place[1], strict=True)}
    subject = Subject(scope.kind, SubjectId(scope.kind, place[0]).public)
    figure = replace(
        figure,
        status=Status.PROVISIONAL if provisional else figure.status,
        reason=given.provisional if provisional else figure.reason,
        n_people=figure.n_people if given.n_people is None else given.n_people,
        basis=given.basis or figure.basis,
        override=given.override,
        segment=segment,
        caveats=tuple(dict.fromkeys((*figure.caveats, *given.caveats))),
        subject=subject,
        as_of=scope.now,
        period=given.period or scope.period_of(place) or figure.period,
        explain=explain_path(asked, subject, scope, segment),
    )
    figure = _while_open(figure, given, scope)
    least = max(k, given.least)
    shown = hide(figure, least) if provider.people and (hide_it or is_small(figure.n_people, least)) else figure
    if shown.status is Status.SUPPRESSED:
        return Computed(shown, {})
    one = replace(scope, ids=(place[0],))
    return Computed(
        shown,
        given.inputs,
        given.links,
        one,
        place[1],
        provider.events,
        provider.people,
        given.about,
        _behind(provider, asked, one, place[1], least),
    )


def _behind(provider: Provider, asked: Asked, scope: Scope, labels: tuple[Label, ...], least: int) -> Any:
    """Return what lists the rows behind a figure; a subject that is a segment of another has those of the whole."""
    listing = provider.behind.get(provider.name_of(asked.slug, asked.variant))
    if listing is None:
        return None
    if scope.kind in SEGMENTS and scope.kind not in provider.kinds:
        scope, labels = replace(scope, kind=SEGMENTS[scope.kind], ids=(scope.tenant_id,), by=()), ()
    return lambda session: listing(session, scope, labels, least)


def _evaluated(asked: Asked, given: Given) -> Figure:
    """Compute a figure; parameters that the facts choose give way to those asked for, but for the variant.

    Facts of which the formula can make nothing give an inconsistent figure, and leave the others of the answer alone.
    """
    row = asked.row
    declared = {parameter.name for parameter in row.parameters}
    chosen = {name: value for name, value in given.parameters.items() if name in declared}
    parameters = chosen | asked.given
    if row.variant_parameter in chosen:
        parameters[row.variant_parameter] = chosen[row.variant_parameter]
    try:
        figure = evaluate(row.slug, given.inputs, parameters)
    except Invalid as error:
        figure = unreadable(row.slug, asked.given, error)
    shown = {name: value for name, value in given.parameters.items() if name not in declared}
    if shown:
        figure = replace(figure, parameters=figure.parameters | shown)
    return figure if given.instead is None else figure.without_value(*given.instead)


def _while_open(figure: Figure, given: Given, scope: Scope) -> Figure:
    """Mark a figure whose period is not over as provisional, with the share that has elapsed."""
    period = figure.period
    if given.period is not None or period is None or period.start is None or period.end is None:
        return figure
    if period.end <= scope.today:
        return figure
    passed = max(0, (scope.today - period.start).days)
    return figure.while_open(Decimal(passed) / (period.end - period.start).days)


def label_text(dimension: str, label: Label) -> str | None:
    """Return a label as it is published: a public id, a day, a word; None for those without."""
    if isinstance(label, UUID):
        return ids.encode(_LABELS[dimension], label)
    return label.isoformat() if isinstance(label, date) else label


def explain_path(asked: Asked, subject: Subject, scope: Scope, segment: Mapping[str, str | None]) -> str:
    """Return the address of a figure's explanation."""
    query = [("segment", f"{name}:{value or ''}") for name, value in segment.items()]
    query += [(name, day.isoformat()) for name, day in (("from", scope.since), ("to", scope.until)) if day is not None]
    if scope.audience != NOW.audience:
        query.append(("audience", scope.audience))
    if scope.as_of is not None:
        query.append(("as_of", scope.as_of.isoformat().replace("+00:00", "Z")))
    rest = f"&{_encoded(tuple(query))}" if query else ""
    return f"/v1/figures/explain?{_encoded((('metric', str(asked)),))}&subject={subject.id}{rest}"


@lru_cache(maxsize=1024)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    """Return a query; one page of figures asks for the same ones again and again."""
    return urlencode(query, safe="{}=,:")


async def _settings(session: AsyncSession, as_of: datetime | None) -> TenantSettings:
    """Return the tenant's settings as they stood; those of its founding before there were any."""
    tenant_id = unit_of(session).tenant.id
    current = await session.get_one(TenantSettings, (tenant_id, tenant_id))
    if as_of is None:
        return current
    table = rows_at(session, TenantSettings, as_of)
    row = (await session.execute(select(table).where(table.c.id == tenant_id))).mappings().first()
    if row is None:
        return current
    return TenantSettings(**{name: row[name] for name in TenantSettings.model_fields if name in row})


async def _tenant_minimum(session: AsyncSession) -> int:
    """Return today's threshold: privacy never follows `as_of` (decisions.md, "One clock per tenant")."""
    tenant_id = unit_of(session).tenant.id
    return (await session.get_one(TenantSettings, (tenant_id, tenant_id))).minimum_cohort


async def require(session: AsyncSession, kind: str, subject_ids: Sequence[UUID], as_of: datetime | None) -> None:
    """Raise NotFound unless every subject was in use at `as_of` (None: now)."""
    await subjects.require(session, [SubjectId(kind, each) for each in subject_ids], as_of)
