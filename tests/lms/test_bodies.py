"""Strict decoding: what is read, what is unreadable, what is a fault of the transport."""

import gzip
import time
import zlib
from datetime import UTC, datetime

import pytest

from app.lms import Delivery, TransportFault, TransportFaultCode, Unreadable
from app.lms._body import DECODED_BYTES_MAX, content, form, json_in_form, json_object, json_or_form, strict_json

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def delivery(body, content_type=None, encoding=None):
    headers = {"content-type": content_type, "content-encoding": encoding}
    return Delivery({name: value for name, value in headers.items() if value}, body, NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b" [1] ", [1]),
        (b'{"a":9223372036854775808}', {"a": 9223372036854775808}),
        (b'{"a":' + b"7" * 4_000 + b"}", {"a": int("7" * 4_000)}),
        (b"[-0.0,1e-400,0.1]", [-0.0, 0.0, 0.1]),
        ('{"é":"👩\u200d🏫\u202e"}'.encode(), {"é": "👩\u200d🏫\u202e"}),
        (b'["\\u00e9\\ud83d\\ude00\\\\u0000"]', ["é😀\\u0000"]),
        (b"[" * 150 + b"]" * 150, None),
    ],
)
def test_a_strict_document_is_read_exactly(text, value):
    found = strict_json(text)

    assert value is None or found == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"{} {}",
        b"{'a':1}",
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[-1e999]",
        b"[" + b"1" * 5_000 + b"]",
        b'["\\u0000"]',
        b'["\x00"]',
        b'["\\\\\\u0000"]',
        b'["\\ud800"]',
        b'["\\udc00\\ud800"]',
        b'["\xff"]',
        b'["\xc0\xaf"]',
        b'["\xed\xa0\x80"]',
        b"\xef\xbb\xbf[]",
        "[1]".encode("utf-16"),
        b'{"a":1,"a":1}',
        b'[{"b":{"a":1,"\\u0061":2}}]',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[01]",
        b"[+1]",
        b"[.5]",
        b"[1.]",
        b'["\t"]',
        b"[1]\x00",
        b"[" + b"[]," * 500_000 + b"1]",
    ],
    ids=repr,
)
def test_a_document_that_is_not_strict_is_unreadable_and_quickly_so(text):
    began = time.process_time()

    with pytest.raises(Unreadable, match=r"body"):
        strict_json(text)

    assert time.process_time() - began < 0.1


def test_a_reason_quotes_nothing_of_the_body():
    with pytest.raises(Unreadable) as caught:
        strict_json(b'{"password": secret-word}')

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/plain", FORM, "application/json; charset=ISO-8859-1"]
)
def test_json_is_known_by_its_first_byte_whatever_its_label(content_type):
    assert json_or_form(delivery(b'\n {"a":1}', content_type)) == {"a": 1}


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8", "text/plain", None])
def test_a_form_is_known_by_its_label_or_its_looks(content_type):
    assert json_or_form(delivery(b"a=%C3%A9+1&b=\r\n", content_type)) == {"a": "é 1", "b": ""}


@pytest.mark.parametrize("body", [b'"text"', b"12", b"true", b"null", b"ey.J.9"])
def test_a_bare_value_is_unreadable(body):
    with pytest.raises(Unreadable):
        json_or_form(delivery(body, "application/json"))


def test_an_array_is_no_object():
    with pytest.raises(Unreadable, match="array"):
        json_object(delivery(b"[]"))


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=%00", b"a=%FF", b"", b"&".join(b"a%d=" % i for i in range(2_001))])
def test_a_form_that_is_not_strict_is_unreadable(body):
    with pytest.raises(Unreadable):
        form(body)


@pytest.mark.parametrize("fields", [{}, {"data": ""}, {"data": "[]"}, {"data": {"a": 1}}, {"data": '{"a":1,"a":2}'}])
def test_json_in_a_form_must_be_an_object(fields):
    with pytest.raises(Unreadable):
        json_in_form(fields, "data")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_gzip_body_is_decompressed(encoding):
    assert content(delivery(gzip.compress(b'{"a":1}', mtime=0), encoding=encoding)) == b'{"a":1}'


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "code"),
    [
        (gzip.compress(b"0" * (DECODED_BYTES_MAX + 1), mtime=0), None, "gzip", TransportFaultCode.BODY_TOO_LARGE),
        (b" " * (DECODED_BYTES_MAX + 1), None, None, TransportFaultCode.BODY_TOO_LARGE),
        (b"garbage", None, "gzip", TransportFaultCode.BROKEN_CONTENT_ENCODING),
        (b"", None, "gzip", TransportFaultCode.BROKEN_CONTENT_ENCODING),
        (gzip.compress(b"{}", mtime=0)[:-1], None, "gzip", TransportFaultCode.BROKEN_CONTENT_ENCODING),
        (gzip.compress(b"{}", mtime=0) + b"x", None, "gzip", TransportFaultCode.BROKEN_CONTENT_ENCODING),
        (zlib.compress(b"{}"), None, "gzip", TransportFaultCode.BROKEN_CONTENT_ENCODING),
        (b"x", None, "br", TransportFaultCode.UNSUPPORTED_CONTENT_ENCODING),
        (b"x", None, "deflate", TransportFaultCode.UNSUPPORTED_CONTENT_ENCODING),
        (
            gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0),
            None,
            "gzip, gzip",
            TransportFaultCode.UNSUPPORTED_CONTENT_ENCODING,
        ),
        (b"<?xml version='1.0'?>", None, None, TransportFaultCode.UNSUPPORTED_MEDIA_TYPE),
        (b"anything", "application/atom+xml", None, TransportFaultCode.UNSUPPORTED_MEDIA_TYPE),
        (b"--x", "multipart/form-data; boundary=x", None, TransportFaultCode.UNSUPPORTED_MEDIA_TYPE),
        (b"{}", "application/json; charset=utf-16", None, TransportFaultCode.UNSUPPORTED_MEDIA_TYPE),
    ],
)
def test_a_message_that_cannot_be_decoded_is_a_fault_of_the_transport(body, content_type, encoding, code):
    with pytest.raises(TransportFault) as caught:
        json_or_form(delivery(body, content_type, encoding))

    assert caught.value.code is code


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b"0" * 60_000_000, 9, mtime=0)
    began = time.process_time()

    with pytest.raises(TransportFault):
        content(delivery(bomb, encoding="gzip"))

    assert time.process_time() - began < 0.5
    assert len(bomb) < 80_000
