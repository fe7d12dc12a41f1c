"""Publishing figures, finding those that later facts changed, and computing exported explanations again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain import ids
from app.domain.errors import NotFound
from app.domain.metrics.catalogue import evaluate, metric
from app.domain.metrics.spelling import spelled
from app.models.figures import FigureRead, plain
from app.models.history import VERSIONS
from app.models.publications import (
    ExportedExplanation,
    FigureQuestion,
    PublishedFigure,
    PublishedFigureRead,
    PublishWrite,
    Replay,
    ReplayDifference,
    Restatement,
    RestatementRead,
)
from app.models.sources import Delivery
from app.models.unit import unit_of
from app.services import changes, figures, reasons, subjects
from app.services.bulk import born
from app.services.figures import Computed, View
from app.services.nouns import NounType
from app.services.readings import value_of

CHECKED_AT_ONCE = 100
_SAID = ("status", "value", "unit", "numerator", "denominator", "n_people", "interval")
_REPLAYED = ("metric", "definition_version", "value", "value_type", "unit", "numerator", "denominator", "interval")

PUBLISHED_FIGURES = NounType(
    row=PublishedFigure,
    write=PublishedFigureRead,
    read=PublishedFigureRead,
    plural="published_figures",
    filters=("metric", "subject_kind", "current"),
    sorts=("created_at", "recorded_at"),
)
RESTATEMENTS = NounType(
    row=Restatement,
    write=RestatementRead,
    read=RestatementRead,
    plural="restatements",
    filters=("metric", "from_id", "to_id"),
    sorts=("created_at", "recorded_at"),
)


async def publish(session: AsyncSession, fields: PublishWrite) -> PublishedFigure:
    """Keep a figure as it is said. Raises NotFound for a subject or segment that there is not."""
    question = FigureQuestion.model_validate(fields.model_dump(exclude={"as_of", "note"}))
    about = subjects.read(fields.subject)
    await subjects.require(session, [about], fields.as_of)
    computed = await _answer(session, question, View(as_of=fields.as_of))
    scope = computed.figure.as_of
    row = PublishedFigure(
        **born(session),
        metric=computed.figure.metric,
        subject_kind=about.kind,
        subject_id=about.id,
        question=question.model_dump(mode="json"),
        figure=computed.figure.as_json(),
        inputs=_inputs(computed),
        note=fields.note,
        stood_at=scope or unit_of(session).tick(),
        checked_position=unit_of(session).position or 0,
    )
    session.add(row)
    await session.flush()
    await changes.note(session, [row], "published")
    return row


def _inputs(computed: Computed) -> list[dict[str, Any]]:
    return [{"name": name, "value": plain(value)} for name, value in computed.inputs.items()]


async def _answer(session: AsyncSession, question: FigureQuestion, view: View) -> Computed:
    by = tuple(question.segment)
    view = replace(view, since=question.since, until=question.until, audience=question.audience.value, by=by)
    [found] = await figures.of_many(session, [subjects.read(question.subject)], [spelled(question.metric)], view)
    for each in found:
        if not by or each.figure.segment == question.segment:
            return each
    raise NotFound("There is no such segment of this figure; the list of figures names those there are.")


async def check(session: AsyncSession, _arguments: Mapping[str, object]) -> None:
    """Compute published figures again for their own instants, and restate those that later facts changed.

    What happened after that instant changes nothing; what came late, was corrected or voided does. Figures that were
    compared with the newest change already are left alone.
    """
    newest = (await changes.newest(session))[0]
    statement = (
        select(PublishedFigure)
        .where(col(PublishedFigure.current).is_(True), col(PublishedFigure.checked_position) < newest)
        .order_by(col(PublishedFigure.checked_position), col(PublishedFigure.id))
        .limit(CHECKED_AT_ONCE)
    )
    for row in list(await session.scalars(statement)):
        question = FigureQuestion.model_validate(row.question)
        try:
            computed = await _answer(session, question, View(now=row.stood_at))
        except NotFound:
            computed = None
        held, row.checked_position = row.checked_position, newest
        if computed is not None and _changed(row.figure, computed.figure.as_json()):
            await _restate(session, row, computed, held)
        await session.flush()


def _changed(said: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return any(said[name] != found[name] for name in _SAID)


async def _restate(session: AsyncSession, row: PublishedFigure, computed: Computed, held: int) -> None:
    figure = replace(computed.figure, revision=row.revision + 1)
    kept = {
        name: getattr(row, name) for name in ("metric", "subject_kind", "subject_id", "question", "note", "stood_at")
    }
    later = PublishedFigure(
        **born(session),
        **kept,
        figure=figure.as_json(),
        inputs=_inputs(computed),
        revision=row.revision + 1,
        checked_position=row.checked_position,
    )
    question = FigureQuestion.model_validate(row.question)
    former = await _answer(session, question, View(as_of=row.recorded_at, now=row.stood_at))
    because = await reasons.because(session, row, former, computed, position=held)
    row.current, row.version, row.recorded_at = False, row.version + 1, unit_of(session).tick()
    session.add(later)
    await session.flush()
    restatement = Restatement(
        **born(session), metric=row.metric, subject_id=row.subject_id, from_id=row.id, to_id=later.id, because=because
    )
    session.add(restatement)
    await session.flush()
    await changes.note(session, [row], "restated")
    await changes.note(session, [later], "published")
    await changes.note(session, [restatement], "created")


async def replay(session: AsyncSession, exported: ExportedExplanation) -> Replay:
    """Compute an exported explanation again from its own inputs, and look its facts up."""
    said = exported.figure
    row = metric(said.metric)
    declared = {parameter.name for parameter in row.parameters}
    inputs = {each.name: each.value for each in exported.inputs}
    parameters = {name: value for name, value in said.parameters.items() if name in declared}
    figure = FigureRead.of(evaluate(row.slug, inputs, parameters))
    found, shown = figure.model_dump(mode="json"), said.model_dump(mode="json")
    differences = [
        ReplayDifference(field=name, exported=shown[name], found=found[name])
        for name in _REPLAYED
        if shown[name] != found[name]
    ]
    differences += await _other_bytes(session, exported)
    differences += await _other_measurements(session, exported)
    return Replay(holds=not differences, differences=differences, figure=figure)


async def _other_bytes(session: AsyncSession, exported: ExportedExplanation) -> list[ReplayDifference]:
    said = dict.fromkeys((each.delivery_id, each.body_sha256) for each in exported.events)
    wanted = {text: _decoded("dlv", text) for text, _ in said}
    known = {each for each in wanted.values() if each is not None}
    statement = select(col(Delivery.id), col(Delivery.body_sha256)).where(col(Delivery.id).in_(known))
    stored: dict[UUID | None, str] = {row[0]: row[1].hex() for row in await session.execute(statement)}
    return [
        ReplayDifference(field=text, exported=digest, found=stored.get(wanted[text]))
        for text, digest in said
        if stored.get(wanted[text]) != digest
    ]


async def _other_measurements(session: AsyncSession, exported: ExportedExplanation) -> list[ReplayDifference]:
    table = VERSIONS["measurement"]
    wanted = {(_decoded("mea", each.id), each.version): each for each in exported.measurements}
    statement = select(table).where(
        table.c.tenant_id == unit_of(session).tenant.id,
        table.c.measurement_id.in_({noun_id for noun_id, _ in wanted if noun_id is not None}),
    )
    stored = {
        (row.measurement_id, row.version): plain(value_of(row.value, row.numerator, row.denominator))
        for row in await session.execute(statement)
    }
    return [
        ReplayDifference(field=each.id, exported=each.value, found=stored.get(key))
        for key, each in wanted.items()
        if stored.get(key) != each.value
    ]


def _decoded(prefix: str, text: str) -> UUID | None:
    try:
        return ids.decode(prefix, text)
    except ValueError:
        return None
