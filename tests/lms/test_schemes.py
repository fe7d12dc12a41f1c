"""Configurations of authentication, secrets, and what is removed before a delivery is stored."""

import base64
import gzip
import hmac
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from app.lms import Delivery, Refused, SourceSetup, adapters
from app.lms._body import json_object
from app.lms._signatures import REMOVED, SCHEMES, check, describe, verify, without_secrets
from app.lms._signing import signed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
USUAL = {
    "none": {},
    "basic": {},
    "static_header": {"header": "X-Key"},
    "body_field": {"field": "token"},
    "hmac_sha256": {"header": "X-Sig"},
    "standard_webhooks": {},
    "concatenation_hash": {"header": "X-Sig"},
    "embedded_md5": {"accept_md5": True, "object": "proof"},
    "jws": {"jwks_url": "https://keys.example.org/jwks"},
    "oauth2": {},
    "query_token": {},
}


PLACES = {"body_field": (b"{", *(bytes([letter]) for letter in range(97, 123))), "embedded_md5": b"{"}
"""How the bodies begin that have a place for what a scheme puts into them: objects, or forms as well."""

KEY = RSAKey.generate_key(2048, {"kid": "k"}, private=True)


def plain_body(recording):
    """Return the body of a recording without its encoding and without the signature around it."""
    body = recording.delivery.body
    if recording.expectation["expected"]["verdict"] == "accepted" and body.startswith(b"\x1f\x8b"):
        return gzip.decompress(body)
    return base64.urlsafe_b64decode(body.split(b".")[1] + b"==") if body.startswith(b"ey") else body


def proven(recording, plain, name):
    """Return a recording as its sender would send it under another scheme, and the setup of the source."""
    authentication = {"scheme": name, **USUAL[name]}
    secret = SCHEMES[name].new_secret(bytes(range(32)), authentication)
    options = {"jwks": {"keys": [KEY.as_dict(private=False)]}, "bearer_verified": True}
    setup = replace(recording.setup, authentication=authentication, secrets=(secret or "",), options=options)
    if name == "jws":
        plain = jws.serialize_compact({"alg": "RS256", "kid": "k"}, plain, KEY).encode()
    message_id = recording.delivery.headers.get("webhook-id", "msg_test")
    delivery = replace(recording.delivery, body=plain)
    packed = "content-encoding" in delivery.headers
    if name in {"body_field", "embedded_md5"}:
        delivery = signed(delivery, setup)
        return (replace(delivery, body=gzip.compress(delivery.body)) if packed else delivery), setup
    delivery = replace(delivery, body=gzip.compress(plain)) if packed else delivery
    return signed(delivery, setup, message_id=message_id), setup


def faults(**authentication):
    return [(fault.code, fault.pointer) for fault in check(authentication)]


def test_the_list_is_the_closed_list():
    assert set(SCHEMES) == set(USUAL)


@pytest.mark.parametrize("name", USUAL)
def test_every_scheme_can_be_configured(name):
    assert check({"scheme": name, **USUAL[name]}) == []


@pytest.mark.parametrize("name", sorted(set(USUAL) - {"none", "jws", "oauth2"}))
def test_what_is_signed_is_verified_with_a_new_secret(name):
    authentication = {"scheme": name, **USUAL[name]}
    secret = SCHEMES[name].new_secret(bytes(range(32)), authentication)
    setup = SourceSetup(authentication, (secret,))

    delivery = signed(Delivery({}, b'{"a":1}', NOW), setup)

    verify(delivery, setup)
    assert SCHEMES[name].check_secret(secret, authentication) is None


@pytest.mark.parametrize("name", sorted(set(USUAL) - {"none", "jws", "oauth2"}))
def test_nothing_but_a_comparison_in_constant_time_decides(name, monkeypatch):
    authentication = {"scheme": name, **USUAL[name]}
    secret, other = (SCHEMES[name].new_secret(bytes([n] * 32), authentication) for n in (1, 2))
    setup = SourceSetup(authentication, (secret, "former" if ":" not in secret else "former:secret"))
    right, wrong = (signed(Delivery({}, b'{"a":1}', NOW), replace(setup, secrets=(each,))) for each in (secret, other))
    compare, compared = hmac.compare_digest, []

    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare(*both))
    verify(right, setup)
    assert len(compared) >= 2, "a secret that fits must not spare the comparison with the next one"
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    with pytest.raises(Refused):
        verify(right, setup)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    verify(wrong, setup)


def test_a_user_field_asks_for_a_user_and_a_password():
    authentication = {"scheme": "body_field", "field": "password", "user_field": "userName"}
    secret = SCHEMES["body_field"].new_secret(bytes(range(32)), authentication)
    setup = SourceSetup(authentication, (secret,))

    verify(signed(Delivery({}, b"data=1", NOW), setup), setup)

    assert SCHEMES["body_field"].check_secret("no colon", authentication)


def test_a_secret_needs_entropy():
    with pytest.raises(ValueError, match="32 random bytes"):
        SCHEMES["basic"].new_secret(b"short")


@pytest.mark.parametrize("name", ["none", "jws"])
def test_a_scheme_without_secret_makes_none(name):
    assert SCHEMES[name].new_secret(bytes(32)) is None
    assert SCHEMES[name].check_secret("anything")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("basic", "no-colon"),
        ("basic", ":no-user"),
        ("hmac_sha256", ""),
        ("hmac_sha256", "x" * 1_001),
        ("hmac_sha256", "a\x00b"),
        ("standard_webhooks", "whsec_"),
        ("standard_webhooks", "whsec_***"),
    ],
)
def test_a_secret_in_another_form_is_a_fault(name, secret):
    assert SCHEMES[name].check_secret(secret)


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        ({}, [("invalid_value", "/scheme")]),
        ({"scheme": "hmac"}, [("invalid_value", "/scheme")]),
        ({"scheme": "basic", "header": "X"}, [("unknown_field", "/header")]),
        ({"scheme": "static_header"}, [("missing", "/header")]),
        ({"scheme": "static_header", "header": "X Key"}, [("invalid_value", "/header")]),
        ({"scheme": "static_header", "header": "X\nKey"}, [("invalid_value", "/header")]),
        ({"scheme": "static_header", "header": 7}, [("invalid_value", "/header")]),
        ({"scheme": "hmac_sha256", "header": "X", "encoding": "octal"}, [("invalid_value", "/encoding")]),
        ({"scheme": "standard_webhooks", "tolerance_seconds": 0}, [("invalid_value", "/tolerance_seconds")]),
        ({"scheme": "standard_webhooks", "tolerance_seconds": True}, [("invalid_value", "/tolerance_seconds")]),
        ({"scheme": "standard_webhooks", "tolerance_seconds": 86_400}, [("invalid_value", "/tolerance_seconds")]),
        ({"scheme": "embedded_md5"}, [("missing", "/accept_md5")]),
        ({"scheme": "embedded_md5", "accept_md5": False}, [("invalid_value", "/accept_md5")]),
        ({"scheme": "jws", "jwks_url": "http://keys.example.org"}, [("invalid_value", "/jwks_url")]),
        ({"scheme": "body_field", "field": ""}, [("invalid_value", "/field")]),
    ],
)
def test_a_wrong_configuration_is_told_with_its_place(authentication, expected):
    assert faults(**authentication) == expected


@pytest.mark.parametrize("name", sorted(USUAL))
def test_whatever_proves_a_recording_it_reads_the_same(name, all_recordings):
    read, expected = {}, {}
    for one in all_recordings:
        plain = plain_body(one)
        if one.expectation["expected"]["verdict"] != "accepted" or not plain.startswith(PLACES.get(name, b"")):
            continue
        delivery, setup = proven(one, plain, name)
        verify(delivery, setup)
        kept = without_secrets(delivery, setup)
        read[one.case] = [adapters()[one.source].parse(each, setup).events for each in (delivery, kept)]
        expected[one.case] = [adapters()[one.source].parse(one.delivery, one.setup).events] * 2

    assert len(read) > 90
    assert read == expected


def test_the_catalogue_describes_every_scheme_and_option():
    described = {entry["scheme"]: entry for entry in describe()}

    assert set(described) == set(SCHEMES)
    assert described["static_header"]["options"][0] == {
        "name": "header",
        "type": "header",
        "description": "The header's name, such as x-api-key.",
        "required": True,
        "default": None,
        "choices": [],
    }


def test_credentials_are_removed_from_headers_and_query():
    setup = SourceSetup({"scheme": "query_token", "parameter": "key"}, ("s3cret",))
    delivery = Delivery(
        {"authorization": "x", "cookie": "y", "host": "z"}, b"{}", NOW, query={"key": "s3cret", "a": "b"}
    )

    shown = without_secrets(delivery, setup)

    assert shown.headers == {"authorization": REMOVED, "cookie": REMOVED, "host": "z"}
    assert shown.query == {"key": REMOVED, "a": "b"}


def test_a_static_header_is_removed_and_a_signature_is_kept():
    static = SourceSetup({"scheme": "static_header", "header": "X-Key"}, ("s3cret",))
    keyed = SourceSetup({"scheme": "hmac_sha256", "header": "X-Key"}, ("s3cret",))
    delivery = Delivery({"x-key": "value"}, b"{}", NOW)

    assert without_secrets(delivery, static).headers == {"x-key": REMOVED}
    assert without_secrets(delivery, keyed).headers == {"x-key": "value"}


@pytest.mark.parametrize("secret", ["s3cret", 'quo"te/\\é', "a&b=c d", "data"])
def test_a_secret_in_the_body_is_removed_and_the_rest_reads_the_same(secret):
    setup = SourceSetup({"scheme": "body_field", "field": "token"}, (secret,))
    for body in (b'{"data":1,"name":"x"}', b"data=1&name=x"):
        delivery = signed(Delivery({}, body, NOW), setup)

        shown = without_secrets(delivery, setup)

        assert json_object(shown) == json_object(delivery) | {"token": REMOVED}


def test_the_password_beside_a_user_is_removed(all_recordings):
    recording = next(one for one in all_recordings if one.case == "registration-form")

    shown = without_secrets(recording.delivery, recording.setup)

    assert b"test-secret-not-real" not in shown.body
    assert adapters()["scorm-cloud"].parse(shown, recording.setup) == adapters()["scorm-cloud"].parse(
        recording.delivery, recording.setup
    )


def test_no_recording_keeps_a_secret_that_it_carried(signed_recording):
    shown = without_secrets(signed_recording.delivery, signed_recording.setup)

    everything = shown.body + repr((shown.headers, shown.query)).encode()
    for secret in signed_recording.setup.secrets:
        assert secret.encode() not in everything
        assert base64.b64encode(secret.encode()) not in everything
