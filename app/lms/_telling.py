"""Which headers of a request decide what is read from it, and so tell it from others with the same bytes.

A repeat of a message differs from it in what the way and the moment of sending put there (when it was sent, signatures,
traces, counts of attempts). What the message is, its id or its type, stays; where nothing says which header that is,
all the others count: a message kept twice does less harm than one taken for another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from app.lms import Adapter, Delivery, SourceSetup

_BODY_FORM = ("content-type", "content-encoding")
_OF_SENDING = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language", "age", "authorization", "baggage"),
        *("cache-control", "connection", "content-length", "cookie", "correlation-id", "dnt", "expect", "from", "host"),
        *("keep-alive", "max-forwards", "origin", "pragma", "priority", "proxy-authorization", "proxy-connection"),
        *(
            "referer",
            "request-id",
            "sentry-trace",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "user-agent",
            "via",
        ),
        *("x-client-ip", "x-correlation-id", "x-real-ip", "x-request-id", "x-request-start", "true-client-ip"),
    }
)
_OF_SENDING_STARTS = (
    "cdn-",
    "cf-",
    "fly-",
    "sec-",
    "cloudfront-",
    "x-amz-cf-",
    "x-b3-",
    "x-datadog-",
    "x-envoy-",
    "x-newrelic-",
    "x-vercel-",
)
_OF_SENDING_WORDS = frozenset(
    {
        *("attempt", "attempts", "date", "digest", "forwarded", "hmac", "nonce", "redelivery", "retries", "retry"),
        *("sha1", "sha256", "sha512", "signature", "signatures", "span", "timestamp", "trace", "traceid"),
        *("traceparent", "tracestate"),
    }
)
_WORD = re.compile(r"[a-z0-9]+")
_NAMED = re.compile(r'_headers\.(?:\\"([^"\\]+)\\"|(\w+))', re.ASCII)


def telling(adapter: Adapter, delivery: Delivery, setup: SourceSetup) -> tuple[tuple[str, str], ...]:
    """Return, in order, the headers (name, value) that decide what `adapter` reads from a request.

    A header that the source's field map names is one of them whatever its name. A body that begins as JSON is read as
    such whatever its content type.
    """
    named = _named_in(setup.mapping) if "*" in adapter.headers else frozenset()
    patterns = adapter.headers if delivery.body.lstrip()[:1] in {b"{", b"["} else (*adapter.headers, *_BODY_FORM)
    signed = str(setup.authentication.get("header") or "").lower()
    return tuple(
        sorted(
            (name, value)
            for name, value in delivery.headers.items()
            if name in named
            or (name != signed and not _of_sending(name) and any(fnmatchcase(name, each) for each in patterns))
        )
    )


def _named_in(field_map: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(quoted or bare for quoted, bare in _NAMED.findall(json.dumps(field_map)))


def _of_sending(name: str) -> bool:
    return (
        name in _OF_SENDING
        or name.startswith(_OF_SENDING_STARTS)
        or not _OF_SENDING_WORDS.isdisjoint(_WORD.findall(name))
    )
