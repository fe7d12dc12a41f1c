"""What every adapter must do, whichever it is. A new adapter gets these tests by being there."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.learning import Kind
from app.lms import Delivery, Refused, SourceSetup, TransportFault, Unreadable, adapters
from app.lms._signatures import SCHEMES, check, verify
from app.lms._signing import signed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(params=sorted(adapters()))
def adapter(request):
    return adapters()[request.param]


def example_delivery(adapter, scheme=None) -> Delivery:
    example = adapter.example_of(scheme or adapter.authentication["scheme"])
    body = example["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body, separators=(",", ":")).encode()
    return Delivery(example["headers"], raw, NOW, query=example.get("query", {}))


def example_setup(adapter) -> SourceSetup:
    scheme = SCHEMES[adapter.authentication["scheme"]]
    secret = scheme.new_secret(bytes(range(32)), adapter.authentication)
    return SourceSetup(
        adapter.authentication, secrets=(secret,) if secret else (), mapping=adapter.example.get("mapping", {})
    )


def outcome(delivery, setup, source, *, authenticate=True):
    try:
        if authenticate:
            verify(delivery, setup)
        parsed = adapters()[source].parse(delivery, setup)
    except Refused as error:
        return "rejected", str(error), ()
    except TransportFault as error:
        return "rejected", error.code.value, ()
    except Unreadable as error:
        return "quarantined", str(error), ()
    return ("accepted" if parsed.events else "ignored"), parsed.ignored, parsed.events


def test_each_recording_has_both_halves(recording_stem):
    missing = [half for half in (".http", ".json") if not recording_stem.with_name(recording_stem.name + half).exists()]

    assert missing == []


def test_each_recording_belongs_to_an_adapter(recording_stem):
    assert recording_stem.parent.name in adapters()


def test_each_adapter_has_a_recording_that_is_accepted(adapter, all_recordings):
    verdicts = [one.expectation["expected"]["verdict"] for one in all_recordings if one.source == adapter.slug]

    assert "accepted" in verdicts


def test_a_recording_is_read_as_expected(recording, told):
    verdict, reason, events = outcome(recording.delivery, recording.setup, recording.source)

    expected = recording.expectation["expected"]
    assert (verdict, told(events)) == (expected["verdict"], expected.get("events", []))
    assert expected.get("reason", "") in (reason or "")


def test_a_recording_is_refused_when_its_secrets_are_others(signed_recording):
    spoiled = tuple(
        secret[:-2] + ("A" if secret[-2] != "A" else "B") + secret[-1] for secret in signed_recording.setup.secrets
    )

    with pytest.raises(Refused):
        verify(signed_recording.delivery, replace(signed_recording.setup, secrets=spoiled, options={}))


def test_a_recording_is_refused_when_a_byte_of_its_proof_changes(signed_recording):
    for spoiled in spoiled_deliveries(signed_recording):
        with pytest.raises(Refused):
            verify(spoiled, signed_recording.setup)


def test_a_recording_gives_the_same_events_again(recording):
    again = [outcome(recording.delivery, recording.setup, recording.source) for _ in range(2)]

    assert again[0] == again[1]


def test_events_keep_the_promises_of_their_shape(recording):
    _, _, events = outcome(recording.delivery, recording.setup, recording.source)

    for event in events:
        assert event.identities or event.kind is Kind.VOIDED
        assert event.activity is not None or event.kind is Kind.VOIDED
        assert event.occurred_at is None or event.occurred_at.utcoffset() == timedelta(0)
        assert event.score_scaled is None or -1 <= event.score_scaled <= 1
        assert event.progress is None or 0 <= event.progress <= 1
        assert json.loads(json.dumps(event.extras)) == event.extras
        assert all(identity.value == identity.of(identity.kind, identity.value).value for identity in event.identities)
    keys = [(event.event_key, event.item) for event in events if event.event_key]
    assert len(keys) == len(set(keys))


def test_the_example_is_read_as_it_stands(adapter):
    parsed = adapter.parse(example_delivery(adapter), example_setup(adapter))

    assert parsed.events


@pytest.mark.parametrize("slug", [slug for slug, one in adapters().items() if one.authentication["scheme"] != "jws"])
def test_the_example_can_be_signed_and_verified_with_the_usual_scheme(slug):
    setup = example_setup(adapters()[slug])
    delivery = signed(example_delivery(adapters()[slug]), setup)

    verify(delivery, setup)

    assert adapters()[slug].parse(delivery, setup).events


def test_the_example_of_another_scheme_can_be_signed_and_verified_with_it(adapter):
    for scheme in adapter.examples:
        setup = SourceSetup({"scheme": scheme, "accept_md5": True}, secrets=("test-secret-not-real",))
        delivery = signed(example_delivery(adapter, scheme), setup)

        verify(delivery, setup)

        assert scheme in adapter.schemes
        assert adapter.parse(delivery, setup).events


def test_the_usual_authentication_is_valid_and_among_the_schemes(adapter):
    assert check(adapter.authentication) == []
    assert adapter.schemes[0] == adapter.authentication["scheme"]
    assert set(adapter.schemes) <= set(SCHEMES)


def test_an_adapter_finds_no_fault_with_the_mapping_of_its_example_or_with_having_none(adapter):
    mapping = adapter.example.get("mapping", {})

    assert adapter.check_mapping(mapping) == [] if adapter.check_mapping else mapping == {}


def test_an_adapter_that_takes_a_mapping_documents_it_and_finds_faults(adapter):
    if adapter.check_mapping is None:
        assert adapter.reference == {}
    else:
        assert adapter.reference
        assert adapter.check_mapping({"nonsense": 1})


def test_an_adapter_says_how_to_connect_it_in_five_lines(adapter):
    lines = adapter.how_to_connect.split("\n")

    assert [line[:3] for line in lines] == ["1. ", "2. ", "3. ", "4. ", "5. "]
    assert adapter.title


def test_an_adapter_names_the_source_of_what_it_knows(adapter):
    module = __import__(adapter.parse.__module__, fromlist=["ADAPTER"])

    assert "http" in module.__doc__ or adapter.slug == "mapped"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"null", b"x=1", b"\xff\xfe", b'{"a":"\\u0000"}', b"<a/>"])
def test_a_body_of_another_kind_is_ignored_or_unreadable(adapter, body):
    delivery = Delivery({"content-type": "application/json"}, body, NOW)

    verdict, reason, events = outcome(delivery, example_setup(adapter), adapter.slug, authenticate=False)

    assert verdict in {"ignored", "quarantined", "rejected"}
    assert reason
    assert events == ()


def spoiled_deliveries(recording):
    """Yield the delivery with one byte changed in what proves it: its header, query parameter or signed body."""
    delivery, options = recording.delivery, recording.setup.authentication
    match options["scheme"]:
        case "basic":
            names = ["authorization"]
        case "static_header" | "hmac_sha256" | "concatenation_hash":
            names = [options["header"].lower()]
        case "standard_webhooks":
            names = ["webhook-id", "webhook-timestamp"]
        case _:
            names = []
    for name in names:
        value = delivery.headers[name]
        for position in {len(value) // 2, len(value) - 3}:
            other = "0" if value[position] != "0" else "1"
            spoiled = value[:position] + other + value[position + 1 :]
            yield replace(delivery, headers={**delivery.headers, name: spoiled})
    if options["scheme"] in {"hmac_sha256", "concatenation_hash", "standard_webhooks", "embedded_md5", "jws"}:
        for position in {len(delivery.body) // 2, max(0, len(delivery.body) - 20)}:
            flipped = bytes([delivery.body[position] ^ 1])
            yield replace(delivery, body=delivery.body[:position] + flipped + delivery.body[position + 1 :])
    if options["scheme"] == "query_token":
        yield replace(delivery, query={name: value + "x" for name, value in delivery.query.items()})
    if options["scheme"] == "body_field":
        secret = recording.setup.secrets[0].rpartition(":")[2].encode()
        yield replace(delivery, body=delivery.body.replace(secret, secret[:-1] + b"?"))
