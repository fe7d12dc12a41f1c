"""Routes that will go: said in the reference, and in every answer, at least six months before they do."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

NOTICE = timedelta(days=183)


def deprecated(since: datetime, sunset: datetime, successor: str) -> dict[str, Any]:
    """Return the options with which a route is registered that is deprecated from `since` on and gone at `sunset`.

    `successor` is the address of what takes its place. Raises ValueError for less than six months between them.
    """
    if sunset - since < NOTICE:
        raise ValueError("a route goes six months after it was said to go, at the earliest")
    told = {"since": since.astimezone(UTC).isoformat(), "sunset": sunset.astimezone(UTC).isoformat()}
    return {"deprecated": True, "openapi_extra": {"x-deprecation": told | {"successor": successor}}}


def headers(openapi_extra: Mapping[str, Any] | None) -> dict[str, str]:
    """Return Deprecation (RFC 9745), Sunset (RFC 8594) and the link to what comes instead; nothing for other routes."""
    told = (openapi_extra or {}).get("x-deprecation")
    if told is None:
        return {}
    since, sunset = (datetime.fromisoformat(told[name]) for name in ("since", "sunset"))
    return {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": format_datetime(sunset, usegmt=True),
        "Link": f'<{told["successor"]}>; rel="successor-version"',
    }
