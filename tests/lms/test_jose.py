"""Compact JWS: a key is used only for what it is for, whatever the token and the key set claim."""

import base64
import json

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from app.lms import Refused, UnknownKey
from app.lms._jose import ALGORITHMS, check, opened

RSA = RSAKey.generate_key(2048, {"kid": "r"}, private=True)
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
KEYS = {name: ECKey.generate_key(curve, {"kid": name}, private=True) for name, curve in CURVES.items()}


def token(key, algorithm, **header):
    protected = {"alg": algorithm, "kid": key.kid, **header}
    return opened(jws.serialize_compact(protected, b"{}", key, algorithms=[algorithm]).encode())


def published(*keys, **changed):
    return {"keys": [key.as_dict(private=False) | changed for key in keys]}


def test_every_algorithm_of_the_list_is_checked_with_a_key_of_its_kind():
    for algorithm in ALGORITHMS:
        check(token(KEYS.get(algorithm, RSA), algorithm), published(RSA, *KEYS.values()), ALGORITHMS)


def test_a_key_is_not_used_for_anything_else_than_it_is_published_for():
    good = token(RSA, "RS256")
    for changed in ({"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"kty": "oct"}):
        with pytest.raises(UnknownKey):
            check(good, published(RSA, **changed), ALGORITHMS)
    for key_set in (None, [], {"keys": 7}, {"keys": [7, None, {}]}):
        with pytest.raises(UnknownKey):
            check(good, key_set, ALGORITHMS)


def test_a_key_that_is_too_short_or_broken_makes_nothing_good():
    good = token(RSA, "RS256")
    short = base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")
    with pytest.raises(UnknownKey):
        check(good, {"keys": [{"kty": "RSA", "kid": "r", "n": short, "e": "AQAB"}]}, ALGORITHMS)
    for changed in ({"n": "!" * 400}, {"e": ""}, {"e": None}, {"n": "A" * 400}):
        with pytest.raises(Refused):
            check(good, published(RSA, **changed), ALGORITHMS)


def test_a_curve_belongs_to_one_algorithm():
    other = KEYS["ES384"].as_dict(private=False) | {"kid": "ES256"}
    with pytest.raises(UnknownKey):
        check(token(KEYS["ES256"], "ES256"), {"keys": [other]}, ALGORITHMS)


def test_what_is_not_allowed_is_refused_even_with_the_right_key():
    with pytest.raises(Refused, match="RS256 or ES256"):
        check(token(RSA, "PS256"), published(RSA), ("RS256", "ES256"))
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256"}).encode()).rstrip(b"=")
    with pytest.raises(Refused, match="signed with"):
        check(opened(head + b".e30.AA"), published(RSA), (*ALGORITHMS, "HS256"))


def test_without_a_name_the_key_must_be_the_only_one_of_its_kind():
    unnamed = opened(jws.serialize_compact({"alg": "RS256"}, b"{}", RSA).encode())
    check(unnamed, published(RSA, KEYS["ES256"]), ALGORITHMS)
    with pytest.raises(Refused, match="several"):
        check(unnamed, published(RSA, RSAKey.generate_key(2048)), ALGORITHMS)


def test_of_two_keys_with_one_name_the_one_that_fits_is_enough():
    check(token(RSA, "RS256"), published(RSAKey.generate_key(2048, {"kid": "r"}), RSA), ALGORITHMS)
