"""Signed bodies: one algorithm, keys by name from the set at hand, nothing fetched."""

import base64
import hmac
import json
from datetime import UTC, datetime

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from app.lms import Delivery, Refused, SourceSetup, UnknownKey, Unreadable
from app.lms._body import json_or_form
from app.lms._signatures import verify

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLAIMS = {"metadata": {"event_name": "course_completed"}, "body": {}}


@pytest.fixture(scope="module")
def key():
    return RSAKey.generate_key(2048, {"kid": "2026-11"}, auto_kid=False)


@pytest.fixture(scope="module")
def setup(key):
    return SourceSetup(
        {"scheme": "jws", "jwks_url": "https://keys.example.org/jwks"},
        options={"jwks": {"keys": [key.as_dict(private=False) | {"kid": "2026-11"}]}},
    )


def token(key, claims=CLAIMS, algorithm="RS256", **header):
    protected = {"alg": algorithm, "kid": "2026-11", **header}
    return jws.serialize_compact(protected, json.dumps(claims), key, algorithms=[algorithm]).encode()


def part(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def sent(body):
    return Delivery({"content-type": "application/json"}, body, NOW)


def test_a_body_signed_with_a_key_of_the_set_is_accepted(key, setup):
    body = token(key)

    verify(sent(body), setup)
    verify(sent(body + b"\n"), setup)

    assert json_or_form(sent(body)) == CLAIMS


def test_a_large_body_is_accepted(key, setup):
    verify(sent(token(key, {"text": "x" * 90_000})), setup)


def test_every_changed_part_is_refused(key, setup):
    head, payload, signature = token(key).split(b".")
    other = token(key, {"metadata": {}}).split(b".")[1]

    for body in (
        b".".join((head, other, signature)),
        b".".join((head, payload, signature[:-4] + b"AAAA")),
        b".".join((head, payload, b"")),
        b".".join((head, payload)),
        b"",
        b"..",
        b"{}",
        b"e30.e30.e30",
        b"ey!.ey!.ey!",
    ):
        with pytest.raises(Refused):
            verify(sent(body), setup)


def test_no_other_algorithm_is_accepted_not_even_with_the_public_key_as_secret(key, setup):
    claims = token(key).split(b".")[1]
    unsigned = part(b'{"alg":"none","kid":"2026-11"}') + b"." + claims + b"."
    confused = part(b'{"alg":"HS256","kid":"2026-11"}') + b"." + claims
    confused += b"." + part(hmac.digest(key.as_pem(private=False), confused, "sha256"))

    for body in (unsigned, confused, token(key, algorithm="RS512"), token(key, algorithm="PS256")):
        with pytest.raises(Refused, match="RS256"):
            verify(sent(body), setup)


def test_a_key_that_is_not_in_the_set_is_told_apart_so_that_the_set_can_be_fetched_once(key, setup):
    with pytest.raises(UnknownKey) as caught:
        verify(sent(token(key, kid="../../etc/passwd")), setup)

    assert caught.value.key_id == "../../etc/passwd"
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    "keys", [None, {}, {"keys": []}, {"keys": ["x"]}, {"keys": [{"kid": "2026-11", "kty": "oct", "k": "AA"}]}]
)
def test_a_set_without_a_fitting_key_knows_no_key(key, keys):
    setup = SourceSetup({"scheme": "jws", "jwks_url": "https://keys.example.org/jwks"}, options={"jwks": keys})

    with pytest.raises(UnknownKey):
        verify(sent(token(key)), setup)


def test_a_broken_key_in_the_set_refuses(key):
    keys = {"keys": [{"kid": "2026-11", "kty": "RSA", "n": "?", "e": "AQAB"}]}
    setup = SourceSetup({"scheme": "jws", "jwks_url": "https://keys.example.org/jwks"}, options={"jwks": keys})

    with pytest.raises(Refused):
        verify(sent(token(key)), setup)


def test_critical_extensions_are_refused_and_foreign_key_addresses_are_never_followed(key, setup):
    with pytest.raises(Refused):
        verify(sent(token(key, crit=["b64"], b64=True)), setup)

    verify(sent(token(key, jku="https://evil.example/jwks", x5u="https://evil.example/cert")), setup)


def test_expiry_and_audience_are_checked_when_they_are_told_and_asked_for(key, setup):
    now = int(NOW.timestamp())
    asked = SourceSetup({**setup.authentication, "audience": "throughline"}, options=setup.options)

    verify(sent(token(key, {**CLAIMS, "exp": now - 60})), setup)
    verify(sent(token(key, {**CLAIMS, "aud": ["other", "throughline"]})), asked)

    for claims, how in (({"exp": now - 600}, setup), ({"aud": "other"}, asked), ({}, asked)):
        with pytest.raises(Refused):
            verify(sent(token(key, {**CLAIMS, **claims})), how)


def test_a_signed_list_or_form_is_accepted_and_read(key, setup):
    for payload, found in ((b'[{"a":1}]', [{"a": 1}]), (b"a=1&b=2", {"a": "1", "b": "2"})):
        body = jws.serialize_compact({"alg": "RS256", "kid": "2026-11"}, payload, key).encode()
        delivery = Delivery({"content-type": "application/jwt"}, body, NOW)

        verify(delivery, setup)

        assert json_or_form(delivery) == found


@pytest.mark.parametrize("body", [b"ey", b"ey.ey", b"ey.!.x", b"eyJ.bnVsbA.x", b"eyJ.e30x.x", b"eyJ.e.x"])
def test_a_broken_signed_body_is_unreadable(body):
    with pytest.raises(Unreadable):
        json_or_form(sent(body))
