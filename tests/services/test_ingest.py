"""Ingest: nothing is lost, nothing counts twice, whatever the order and the company in which deliveries arrive."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from app.db import Database
from app.domain.errors import Unavailable
from app.domain.learning import ActivityName, Identity, IdentityKind, Kind, LearningEvent
from app.grouping import Group
from app.models.activities import Activity, ActivityReference
from app.models.learning import Enrolment, LearningEventRow
from app.models.people import Person
from app.models.sources import Delivery, DeliveryStatus, Source
from app.models.unit import TenantScope, unit_of
from app.services import ingest, nouns
from app.services.ingest import Inbound, Receipt
from tests.engines import Organisation

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def event(person: str = "50211", *, key: str | None = None, kind: Kind = Kind.COMPLETED, day: int = 0) -> LearningEvent:
    return LearningEvent(
        kind=kind,
        identities=(Identity(IdentityKind.ACCOUNT, person),),
        activity=ActivityName("884", "Safe lifting"),
        occurred_at=START + timedelta(days=day),
        event_key=key,
    )


def inbound(source_id: UUID, *events: LearningEvent, body: bytes | None = None) -> Inbound:
    text = body if body is not None else repr(events).encode()
    return Inbound(source_id, START, {"content-type": "application/json"}, text, DeliveryStatus.APPLIED, None, events)


async def source(database: Database, scope: TenantScope, slug: str = "lms") -> UUID:
    async with database.transaction(scope) as session:
        now = unit_of(session).tick()
        row = Source(
            tenant_id=scope.id,
            name=slug,
            slug=slug,
            adapter="docebo",
            webhook_path=f"/v1/webhooks/{scope.slug}/{slug}",
            created_at=now,
            recorded_at=now,
        )
        await nouns.keep(session, row, "created")
        return row.id


async def send(database: Database, scope: TenantScope, *items: Inbound) -> list[Receipt]:
    async with database.transaction(scope) as session:
        return await ingest.record(session, items)


async def states(database: Database, scope: TenantScope) -> list[tuple[object, ...]]:
    """Every enrolment in use, without what differs by chance: ids and instants of recording."""
    async with database.reading(scope) as session:
        rows = await session.scalars(select(Enrolment).where(col(Enrolment.archived_at).is_(None)))
        names = await session.execute(select(col(Person.id), col(Person.name)))
        people = {row[0]: row[1] for row in names}
        skipped = {"id", "tenant_id", "person_id", "activity_id", "version", "created_at", "recorded_at"}
        return sorted(
            (people[row.person_id], *sorted((k, str(v)) for k, v in row.model_dump().items() if k not in skipped))
            for row in rows
        )


async def count(database: Database, scope: TenantScope, model: type) -> int:
    async with database.reading(scope) as session:
        return len((await session.scalars(select(model))).all())


async def test_fifty_at_once_of_one_delivery_are_one_row_and_forty_nine_duplicates(
    database: Database, acme: Organisation
) -> None:
    source_id = await source(database, acme.scope)
    group: Group[Inbound, Receipt] = database.group(ingest.record)
    item = inbound(source_id, event(key="a"))

    receipts = await asyncio.gather(*(group.submit(acme.scope, item) for _ in range(50)))

    assert sorted(receipt.recorded for receipt in receipts) == [0] * 49 + [1]
    assert sum(receipt.duplicates for receipt in receipts) == 49
    assert len({receipt.delivery_id for receipt in receipts}) == 1
    assert await count(database, acme.scope, Delivery) == 1
    assert await count(database, acme.scope, LearningEventRow) == 1


async def test_any_order_and_any_repetition_of_the_same_events_gives_the_same_enrolments(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    events = [
        replace(event(f"p{person}", key=f"{person}-{kind}-{day}", kind=kind, day=day), person_name=f"p{person}")
        for person in range(8)
        for kind, day in ((Kind.ENROLLED, 0), (Kind.STARTED, 1), (Kind.COMPLETED, 3), (Kind.ENROLLED, 9))
    ]
    voids = [
        LearningEvent(
            Kind.VOIDED, (), None, START + timedelta(days=20), event_key=f"void-{n}", voids=f"{n}-completed-3"
        )
        for n in range(0, 8, 3)
    ]
    told = [*events, *voids]
    shuffled = told * 2
    random.Random(7).shuffle(shuffled)
    in_order, out_of_order = await source(database, acme.scope), await source(database, rival.scope)

    for one in told:
        await send(database, acme.scope, inbound(in_order, one))
    for start in range(0, len(shuffled), 5):
        await send(database, rival.scope, *(inbound(out_of_order, one) for one in shuffled[start : start + 5]))

    assert await states(database, rival.scope) == await states(database, acme.scope)
    assert len(await states(database, acme.scope)) == 13


async def test_a_voiding_takes_back_all_that_one_id_tells_whenever_it_comes(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    told = inbound(
        await source(database, acme.scope),
        *(
            replace(event(f"p{n}", key="of all"), person_name=f"p{n}", item=n)
            for n in (0, 1, 2, 5, 6, 7, 8, 15, 16, 60)
        ),
    )
    voiding = LearningEvent(Kind.VOIDED, (), None, START, event_key="taken back", voids="of all")

    await send(database, acme.scope, told)
    assert len(await states(database, acme.scope)) == 10
    await send(database, acme.scope, inbound(told.source_id, voiding))
    assert await states(database, acme.scope) == []
    elsewhere = await source(database, rival.scope)
    await send(database, rival.scope, inbound(elsewhere, voiding))
    await send(database, rival.scope, replace(told, source_id=elsewhere))
    assert await states(database, rival.scope) == []


async def test_two_tenants_and_two_sources_may_send_the_same_event_id(
    database: Database, acme: Organisation, rival: Organisation
) -> None:
    first, second = await source(database, acme.scope, "one"), await source(database, acme.scope, "two")
    third = await source(database, rival.scope, "one")

    receipts = await send(database, acme.scope, inbound(first, event(key="x")), inbound(second, event(key="x")))
    receipts += await send(database, rival.scope, inbound(third, event(key="x")))

    assert [receipt.recorded for receipt in receipts] == [1, 1, 1]


async def test_the_first_wins_where_one_id_comes_with_two_contents_and_the_conflict_is_counted(
    database: Database, acme: Organisation
) -> None:
    source_id = await source(database, acme.scope)
    await send(database, acme.scope, inbound(source_id, event(key="x", day=1)))

    receipt = (await send(database, acme.scope, inbound(source_id, event(key="x", day=2))))[0]

    assert (receipt.recorded, receipt.duplicates, receipt.conflicts) == (0, 1, 1)
    async with database.reading(acme.scope) as session:
        row = (await session.scalars(select(LearningEventRow))).one()
    assert row.occurred_at == START + timedelta(days=1)


async def test_one_item_that_the_database_refuses_fails_alone(database: Database, acme: Organisation) -> None:
    source_id = await source(database, acme.scope)
    group: Group[Inbound, Receipt] = database.group(ingest.record)
    good = [inbound(source_id, event(f"p{n}", key=f"k{n}")) for n in range(20)]
    bad = inbound(UUID(int=1), event(key="orphan"))

    answers = await asyncio.gather(
        *(group.submit(acme.scope, item) for item in [*good[:10], bad, *good[10:]]), return_exceptions=True
    )

    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(failed) == 1
    assert sum(answer.recorded for answer in answers if isinstance(answer, Receipt)) == 20
    assert await count(database, acme.scope, LearningEventRow) == 20


async def test_a_caller_that_leaves_while_waiting_loses_nothing(database: Database, acme: Organisation) -> None:
    source_id = await source(database, acme.scope)
    group: Group[Inbound, Receipt] = database.group(ingest.record)
    waiting = [asyncio.create_task(group.submit(acme.scope, inbound(source_id, event(key=f"k{n}")))) for n in range(6)]
    await asyncio.sleep(0)

    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await group.close()

    assert await count(database, acme.scope, LearningEventRow) == 6


async def test_a_queue_that_is_full_asks_to_try_again(
    database: Database, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.grouping.QUEUE_LIMIT", 1)
    source_id = await source(database, acme.scope)
    group: Group[Inbound, Receipt] = database.group(ingest.record)

    answers = await asyncio.gather(
        *(group.submit(acme.scope, inbound(source_id, event(key=f"k{n}"))) for n in range(4)), return_exceptions=True
    )

    assert [type(answer) for answer in answers].count(Unavailable) == 3


async def test_names_told_together_become_one_person(database: Database, acme: Organisation) -> None:
    source_id = await source(database, acme.scope)
    account, address = Identity(IdentityKind.ACCOUNT, "7"), Identity(IdentityKind.EMAIL, "o@example.org")
    both = replace(event(key="1"), identities=(account, address))
    only_address = replace(event(key="2", day=1), identities=(address,))

    await send(database, acme.scope, inbound(source_id, both), inbound(source_id, only_address))

    assert await count(database, acme.scope, Person) == 1


async def test_it_does_not_matter_which_names_of_a_person_were_told_first(
    database: Database, acme: Organisation
) -> None:
    source_id = await source(database, acme.scope)
    told = [
        (Kind.ENROLLED, "a"),
        (Kind.STARTED, "e"),
        (Kind.PROGRESSED, "u"),
        (Kind.COMPLETED, "ae"),
        (Kind.RATED, "eu"),
    ]
    orders = list(permutations(told))[::7]

    for number, order in enumerate(orders):
        names = {
            "a": Identity(IdentityKind.ACCOUNT, f"{number}"),
            "e": Identity(IdentityKind.EMAIL, f"{number}@example.org"),
            "u": Identity(IdentityKind.USERNAME, f"o{number}"),
        }
        about = {kind: tuple(names[letter] for letter in letters) for kind, letters in order}
        events = [
            replace(event(key=f"{number}-{kind}", kind=kind), identities=about[kind], person_name=f"p{number}")
            for kind, _ in order
        ]
        await send(database, acme.scope, *(inbound(source_id, one) for one in events[:2]))
        await send(database, acme.scope, *(inbound(source_id, one) for one in events[2:]))

    found = await states(database, acme.scope)
    assert sorted(row[0] for row in found) == sorted(f"p{number}" for number in range(len(orders)))
    assert len({row[1:] for row in found}) == 1


async def test_learning_under_a_name_that_turns_out_to_be_of_a_known_person_is_theirs(
    database: Database, acme: Organisation
) -> None:
    source_id = await source(database, acme.scope)
    account, address = Identity(IdentityKind.ACCOUNT, "7"), Identity(IdentityKind.EMAIL, "o@example.org")
    other = Identity(IdentityKind.ACCOUNT, "8")
    known = [
        (await acme.client.post("/v1/people", json={"name": name, "external_id": name})).json()["id"]
        for name in ("Ola", "Per")
    ]
    for person, value in zip(known, ("o@example.org", "p@example.org"), strict=True):
        linked = await acme.client.post(f"/v1/people/{person}/identities", json={"kind": "email", "value": value})
        assert linked.status_code == 201, linked.text

    await send(database, acme.scope, inbound(source_id, replace(event(key="1"), identities=(account,))))
    both = replace(event(key="2", kind=Kind.COMPLETED, day=1), identities=(account, address))
    await send(database, acme.scope, inbound(source_id, both))
    of_two = replace(event(key="3"), identities=(address, Identity(IdentityKind.EMAIL, "p@example.org"), other))
    await send(database, acme.scope, inbound(source_id, of_two))

    enrolments = (await acme.client.get("/v1/enrolments")).json()["items"]
    assert [(row["person_id"], row["state"]) for row in enrolments] == [(known[0], "completed")]
    people = (await acme.client.get("/v1/people")).json()["items"]
    assert {row["id"] for row in people} == set(known)


async def test_a_known_person_is_found_by_the_hash_of_their_address_before_and_after_it_is_known(
    database: Database, acme: Organisation
) -> None:
    source_id = await source(database, acme.scope)
    hashed = Identity(IdentityKind.EMAIL, "o@example.org").hashed()
    assert hashed is not None
    await send(database, acme.scope, inbound(source_id, replace(event(key="1"), identities=(hashed,))))
    person = (await acme.client.post("/v1/people", json={"name": "Ola", "external_id": "p1"})).json()["id"]

    linked = await acme.client.post(f"/v1/people/{person}/identities", json={"kind": "email", "value": "O@example.org"})
    later = replace(event(key="2", kind=Kind.ENROLLED, day=9), identities=(hashed,))
    await send(database, acme.scope, inbound(source_id, later))

    assert linked.status_code == 201, linked.text
    enrolments = (await acme.client.get("/v1/enrolments")).json()["items"]
    assert sorted((row["person_id"], row["state"]) for row in enrolments) == [
        (person, "completed"),
        (person, "enrolled"),
    ]


async def test_an_activity_is_the_same_under_any_of_its_ids(database: Database, acme: Organisation) -> None:
    source_id = await source(database, acme.scope)
    local = replace(event("1", key="1"), activity=ActivityName("45"))
    both = replace(event("1", key="2"), activity=ActivityName("10000000000045", aliases=("45",)))
    long = replace(event("1", key="3"), activity=ActivityName("10000000000045"))

    for one in (local, both, long):
        await send(database, acme.scope, inbound(source_id, one))

    assert await count(database, acme.scope, Activity) == 1
    assert await count(database, acme.scope, ActivityReference) == 2


async def test_an_event_without_a_time_gets_that_of_receipt_and_says_so(database: Database, acme: Organisation) -> None:
    source_id = await source(database, acme.scope)

    await send(database, acme.scope, inbound(source_id, replace(event(key="1"), occurred_at=None)))

    async with database.reading(acme.scope) as session:
        row = (await session.scalars(select(LearningEventRow))).one()
    assert row.time_inferred
    assert row.occurred_at == START


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        (replace(event(), identities=(Identity(IdentityKind.ACCOUNT, "x" * 256),)), "name of the learner"),
        (replace(event(), activity=ActivityName("x" * 501)), "activity's id"),
        (replace(event(), event_key="x" * 2001), "event's id"),
        (replace(event(), score_raw=Decimal("1e20")), "score"),
        (replace(event(), duration_seconds=2**40), "duration"),
        (replace(event(), identities=()), "no learner"),
    ],
)
def test_what_cannot_be_stored_is_told_before_it_reaches_the_database(unfit: LearningEvent, reason: str) -> None:
    assert reason in (ingest.unfit(unfit) or "")


def test_an_ordinary_event_is_fit() -> None:
    assert ingest.unfit(event()) is None
