"""Whatever bytes arrive, an adapter answers with events, a reason to ignore, or a reason why it is unreadable."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.lms import Delivery, Parsed, Refused, SourceSetup, Unreadable, adapters
from app.lms._body import json_or_form
from app.lms._mapped_examples import EXAMPLES
from app.lms._signatures import SCHEMES, verify

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ADAPTERS = sorted(adapters())
TYPES = ["application/json", "application/x-www-form-urlencoded", "application/cloudevents+json", "text/plain", ""]
SECONDS = 1.0

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
header_names = st.sampled_from(["authorization", "x-sig", "webhook-id", "webhook-timestamp", "webhook-signature"])
STRANGE = (None, True, 10**30, "", "2" * 3_000, [[]], {}, {"id": []})


def setup_for(slug):
    mapping = EXAMPLES[0]["mapping"] if slug == "mapped" else {}
    return SourceSetup(adapters()[slug].authentication, ("secret:word",), mapping=mapping)


def read(slug, delivery, setup=None):
    """Return what the adapter says; anything but `Parsed` and `Unreadable` fails the test."""
    began = time.process_time()
    try:
        found = adapters()[slug].parse(delivery, setup or setup_for(slug))
    except Unreadable as error:
        assert str(error)  # noqa: PT017  every refusal has a reason
        return None
    finally:
        assert time.process_time() - began < SECONDS
    assert isinstance(found, Parsed)
    assert bool(found.events) != bool(found.ignored)
    return found


def places(document, path=()):
    """Yield the path of every part of a JSON document, the whole first."""
    yield path
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield from places(value, (*path, key))


def with_part(document, path, part):
    """Return the document with another part at `path`."""
    if not path:
        return part
    copied = dict(document) if isinstance(document, dict) else list(document)
    copied[path[0]] = with_part(copied[path[0]], path[1:], part)
    return copied


@pytest.mark.parametrize("slug", ADAPTERS)
@QUICK
@given(body=st.binary(max_size=200), content_type=st.sampled_from(TYPES), encoding=st.sampled_from(["", "gzip", "br"]))
def test_any_bytes_end_in_events_a_reason_or_unreadable(slug, body, content_type, encoding):
    read(slug, Delivery({"content-type": content_type, "content-encoding": encoding}, body, NOW))


@pytest.mark.parametrize("slug", ADAPTERS)
@QUICK
@given(document=documents)
def test_any_document_ends_in_events_a_reason_or_unreadable(slug, document):
    read(slug, Delivery({"content-type": "application/json"}, json.dumps(document).encode(), NOW))


def test_a_recording_with_any_part_of_another_type_ends_the_same_ways(recording):
    try:
        document = json_or_form(recording.delivery)
    except Unreadable:
        document = {}
    headers = {name: value for name, value in recording.delivery.headers.items() if name != "content-encoding"}

    for path in places(document):
        for part in STRANGE:
            body = json.dumps(with_part(document, path, part)).encode()
            read(recording.source, replace(recording.delivery, headers=headers, body=body), recording.setup)


@given(position=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_recording_with_one_byte_changed_or_cut_off_ends_in_events_a_reason_or_unreadable(
    recording, position, byte, cut
):
    delivery = recording.delivery
    at = int(position * max(len(delivery.body) - 1, 0))
    body = delivery.body[:at] + (b"" if cut else bytes([byte]) + delivery.body[at + 1 :])

    read(recording.source, replace(delivery, body=body), recording.setup)


@pytest.mark.parametrize("name", sorted(SCHEMES))
@QUICK
@given(
    headers=st.dictionaries(header_names, st.text(max_size=40)),
    body=st.binary(max_size=100),
    query=st.dictionaries(st.just("access_token"), st.text(max_size=20)),
)
def test_nothing_that_is_made_up_is_authentic_and_nothing_but_refused_is_raised(name, headers, body, query):
    if name == "none":
        return
    options = {option.name: option.default for option in SCHEMES[name].options if option.default is not None}
    needed = {"header": "x-sig", "field": "token", "accept_md5": True, "jwks_url": "https://k.example", **options}
    allowed = {option.name for option in SCHEMES[name].options}
    authentication = {"scheme": name, **{key: value for key, value in needed.items() if key in allowed}}

    with pytest.raises(Refused):
        verify(Delivery(headers, body, NOW, query=query), SourceSetup(authentication, ("secret:word",)))
