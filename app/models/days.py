"""Days and buckets of instants in a time zone, and distances in time, as SQL of either engine.

SQLite knows no time zones: `app.db` gives its connections the function `local_bucket`.
"""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MONTHS = {"month": 1, "quarter": 3, "year": 12}


def first_day(day: date, bucket: str) -> date:
    """Return the first day of the day, week (from Monday), month, quarter or year that holds `day`."""
    if bucket == "week":
        return day - timedelta(days=day.weekday())
    months = MONTHS.get(bucket)
    return day if months is None else date(day.year, (day.month - 1) // months * months + 1, 1)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_bucket(bucket: str, text: str | None, zone: str) -> str | None:
    """Return the bucket's first day of an instant as SQLite keeps it (UTC without zone), or of a day."""
    if text is None:
        return None
    if " " not in text:
        return first_day(date.fromisoformat(text), bucket).isoformat()
    instant = datetime.fromisoformat(f"{text}+00:00").astimezone(_zone(zone))
    return first_day(instant.date(), bucket).isoformat()


class BucketOf(FunctionElement[date]):
    """`BucketOf(bucket, instant, zone)`: the first day, in the zone, of the bucket that holds the instant."""

    type = Date()
    inherit_cache = True
    name = "bucket_of"


class BucketOfDay(FunctionElement[date]):
    """`BucketOfDay(bucket, day)`: the first day of the bucket that holds the day."""

    type = Date()
    inherit_cache = True
    name = "bucket_of_day"


class SecondsBetween(FunctionElement[int]):
    """`SecondsBetween(first, second)`: whole seconds from the first instant to the second."""

    type = Integer()
    inherit_cache = True
    name = "seconds_between"


class DaysBetween(FunctionElement[int]):
    """`DaysBetween(first, second)`: days from the first day to the second."""

    type = Integer()
    inherit_cache = True
    name = "days_between"


def _parts(element: Any, compiler: Any, **options: Any) -> list[str]:
    return [compiler.process(each, **options) for each in element.clauses]


@compiles(BucketOf, "postgresql")
def _bucket_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    bucket, instant, zone = _parts(element, compiler, **options)
    return f"CAST(date_trunc({bucket}, timezone({zone}, {instant})) AS DATE)"


@compiles(BucketOf, "sqlite")
def _bucket_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    bucket, instant, zone = _parts(element, compiler, **options)
    return f"local_bucket({bucket}, {instant}, {zone})"


@compiles(BucketOfDay, "postgresql")
def _bucket_of_day_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    bucket, day = _parts(element, compiler, **options)
    return f"CAST(date_trunc({bucket}, CAST({day} AS TIMESTAMP)) AS DATE)"


@compiles(BucketOfDay, "sqlite")
def _bucket_of_day_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    bucket, day = _parts(element, compiler, **options)
    return f"local_bucket({bucket}, {day}, 'UTC')"


@compiles(SecondsBetween, "postgresql")
def _seconds_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    first, second = _parts(element, compiler, **options)
    return f"CAST(floor(extract(epoch FROM {second})) - floor(extract(epoch FROM {first})) AS BIGINT)"


@compiles(SecondsBetween, "sqlite")
def _seconds_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    first, second = _parts(element, compiler, **options)
    return f"(CAST(strftime('%s', {second}) AS INTEGER) - CAST(strftime('%s', {first}) AS INTEGER))"


@compiles(DaysBetween, "postgresql")
def _days_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    first, second = _parts(element, compiler, **options)
    return f"(CAST({second} AS DATE) - CAST({first} AS DATE))"


@compiles(DaysBetween, "sqlite")
def _days_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    first, second = _parts(element, compiler, **options)
    return f"CAST(julianday({second}) - julianday({first}) AS INTEGER)"
