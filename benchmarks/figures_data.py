"""A tenant of any size, written straight into PostgreSQL by COPY."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

INITIATIVES = 100
COURSES = 2
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("enrolled", "started", "progressed", "completed")


@dataclass(frozen=True)
class Tenant:
    """What was loaded."""

    id: UUID
    initiatives: list[UUID]


def _id(kind: int, number: int) -> UUID:
    """Return an id in order of numbers, as those of UUIDv7 are in order of time."""
    return UUID(int=(0x0190 << 112) | (7 << 76) | (2 << 62) | (kind << 48) | number)


def load(connection: psycopg.Connection[Any], tenant_id: UUID, enrolments: int) -> Tenant:
    """Fill the tables of one tenant; foreign keys are not checked while it lasts."""
    each = enrolments // (INITIATIVES * COURSES)
    people = max(each * 5, 1000)
    born = {"tenant_id": tenant_id, "version": 1, "created_at": START, "recorded_at": START, "archived_at": None}
    write = _Writer(connection, born)
    connection.execute("SET session_replication_role = replica")
    initiatives = [_id(1, number) for number in range(INITIATIVES)]
    write.rows("source", _source())
    write.rows(
        "initiative", ({"id": one, "title": "I", "assignment": "unknown", "status": "running"} for one in initiatives)
    )
    write.rows(
        "person", ({"id": _id(2, n), "status": "active", "resolved": True, "role": f"r{n % 7}"} for n in range(people))
    )
    write.rows("identity", ({"id": _id(3, n), "person_id": _id(2, n), **_name(n)} for n in range(people)))
    write.rows("activity", _activities(initiatives))
    write.rows("activity_reference", _references())
    write.rows("audience", ({"id": _id(6, n), "initiative_id": one, "name": "A"} for n, one in enumerate(initiatives)))
    write.rows("audience_member", _members(each, people))
    write.rows("enrolment", _enrolments(each, people))
    write.rows("delivery", [_delivery()], noun=False)
    write.rows("learning_event", _events(each, people), noun=False)
    for table in ("initiative", "person", "identity", "activity", "activity_reference", "audience", "audience_member"):
        write.versions(table)
    write.versions("enrolment")
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")
    return Tenant(tenant_id, initiatives)


class _Writer:
    """Copies rows given as mappings; what they leave out is what all rows of a noun have, or null."""

    def __init__(self, connection: psycopg.Connection[Any], born: dict[str, Any]) -> None:
        self.connection = connection
        self.born = born

    def rows(self, table: str, rows: Iterable[dict[str, Any]], *, noun: bool = True) -> None:
        """Copy rows into a table."""
        shared = self.born if noun else {name: self.born[name] for name in ("tenant_id", "recorded_at")}
        stream = iter(rows)
        first = next(stream) | shared
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, first))
        )
        names: Sequence[str] = list(first)
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write_row([first[name] for name in names])
            for row in stream:
                whole = shared | row
                copy.write_row([whole[name] for name in names])

    def versions(self, table: str) -> None:
        """Give every row its first version."""
        known = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
        columns = [row[0] for row in self.connection.execute(known, (table,))]
        kept = [name for name in columns if name != "id"]
        self.connection.execute(
            sql.SQL("INSERT INTO {} (id, {}, {}) SELECT gen_random_uuid(), id, {} FROM {}").format(
                sql.Identifier(f"{table}_version"),
                sql.Identifier(f"{table}_id"),
                sql.SQL(", ").join(map(sql.Identifier, kept)),
                sql.SQL(", ").join(map(sql.Identifier, kept)),
                sql.Identifier(table),
            )
        )


def _source() -> list[dict[str, Any]]:
    fields = {"id": _id(9, 0), "name": "LMS", "slug": "lms", "adapter": "docebo", "zone": "UTC", "status": "active"}
    return [{**fields, "authentication": Jsonb({}), "mapping": Jsonb({}), "secrets": Jsonb([]), "webhook_path": "/"}]


def _name(number: int) -> dict[str, Any]:
    return {"issuer": "src", "kind": "account", "value": str(number)}


def _delivery() -> dict[str, Any]:
    empty = bytes(32)
    fields = {"source_id": _id(9, 0), "digest": empty, "status": "applied", "headers": Jsonb({}), "body": b""}
    counts = {"recorded": 0, "duplicates": 0, "conflicts": 0, "repeats": 0}
    return {"id": _id(10, 0), **fields, "body_sha256": empty, "received_at": START, **counts}


def _activities(initiatives: list[UUID]) -> Iterable[dict[str, Any]]:
    for number in range(INITIATIVES * COURSES):
        fields = {"title": "C", "kind": "course", "required": True, "status": "live"}
        yield {"id": _id(4, number), "initiative_id": initiatives[number // COURSES], **fields}


def _references() -> Iterable[dict[str, Any]]:
    for number in range(INITIATIVES * COURSES):
        about = {"activity_id": _id(4, number), "source_id": _id(9, 0), "external_id_in_source": str(number)}
        yield {"id": _id(5, number), **about}


def _members(each: int, people: int) -> Iterable[dict[str, Any]]:
    meant = each + each // 5
    for number in range(INITIATIVES):
        for place in range(meant):
            person = _id(2, (number * 37 + place) % people)
            fields = {"offered_on": START.date(), "due_on": START.date(), "wave": f"wave {place % 3}"}
            yield {"id": _id(7, number * meant + place), "audience_id": _id(6, number), "person_id": person, **fields}


def _learners(each: int, people: int) -> Iterable[tuple[int, int, int, datetime]]:
    """Yield (running number, activity, person, instant of the enrolment)."""
    for activity in range(INITIATIVES * COURSES):
        for place in range(each):
            person = (activity // COURSES * 37 + place) % people
            yield activity * each + place, activity, person, START + timedelta(minutes=place % 100_000)


def _enrolments(each: int, people: int) -> Iterable[dict[str, Any]]:
    for number, activity, person, at in _learners(each, people):
        done = number % 3 != 0
        yield {
            "id": _id(8, number),
            "person_id": _id(2, person),
            "activity_id": _id(4, activity),
            "ordinal": 1,
            "state": "completed" if done else "in_progress",
            "enrolled_at": at,
            "started_at": at + timedelta(days=1),
            "completed_at": at + timedelta(days=9) if done else None,
            "first_event_at": at,
            "last_event_at": at + timedelta(days=9),
            "time_inferred": False,
            "events": 4,
            "duplicates": 0,
        }


def _events(each: int, people: int) -> Iterable[dict[str, Any]]:
    empty = Jsonb({})
    for number, activity, person, at in _learners(each, people):
        for step, kind in enumerate(KINDS):
            key = (number * len(KINDS) + step).to_bytes(32, "big")
            yield {
                "id": _id(11, number * len(KINDS) + step),
                "source_id": _id(9, 0),
                "delivery_id": _id(10, 0),
                "identity_id": _id(3, person),
                "reference_id": _id(5, activity),
                "dedup_key": key,
                "content_sha256": key,
                "kind": kind,
                "occurred_at": at + timedelta(days=3 * step),
                "time_inferred": False,
                "extras": empty,
            }
