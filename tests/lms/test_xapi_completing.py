"""What a store makes of accepted statements: ids, comparison, what finds them, formats, parts of bodies, signatures."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from app.domain.mentions import key_of
from app.lms._xapi import Edition, Unacceptable, attachments, comparing, completing, formats, multipart, signatures
from app.lms._xapi.attachments import Attached
from app.lms._xapi.multipart import Part
from tests.lms.test_xapi_rules import ACTIVITY, AGENT, ATTACHMENT, REFERENCE, UUID, statement

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
OTHER = {"mbox": "mailto:kim@example.org"}
GROUP = {"objectType": "Group", "member": [AGENT, OTHER]}
NAMED = ACTIVITY | {"definition": {"name": {"en": "Fire", "de": "Feuer"}}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (statement(), statement(id=UUID, stored="2026-01-01T00:00:00Z", version="1.0.0", authority=AGENT)),
        (statement(verb={"id": "https://x.org/v"}), statement(verb={"id": "https://x.org/v", "display": {"en": "v"}})),
        (statement(), statement(object=NAMED)),
        (statement(), statement(attachments=[ATTACHMENT])),
        (statement(actor=GROUP), statement(actor={"objectType": "Group", "member": [OTHER, AGENT]})),
        (
            statement(context={"contextActivities": {"parent": ACTIVITY}}),
            statement(context={"contextActivities": {"parent": [NAMED]}}),
        ),
        (statement(result={"duration": "PT1.23S"}), statement(result={"duration": "PT1.2399S"})),
        (statement(context={"registration": UUID}), statement(context={"registration": UUID.upper()})),
    ],
)
def test_what_is_no_part_of_a_statement_makes_no_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert comparing.digest(one) == comparing.digest(other)


@pytest.mark.parametrize(
    "changed",
    [
        statement(actor=OTHER),
        statement(verb={"id": "https://x.org/else"}),
        statement(result={"success": True}),
        statement(object=ACTIVITY | {"id": "https://x.org/else"}),
        statement(context={"platform": "p"}),
        statement(object={"objectType": "SubStatement"} | statement()),
    ],
)
def test_everything_else_does(changed: dict[str, Any]) -> None:
    assert comparing.digest(changed) != comparing.digest(statement())


def test_an_id_that_is_missing_follows_from_what_the_statement_says_and_when() -> None:
    timed = statement(timestamp="2026-03-01T10:00:00Z")

    first = comparing.with_ids([timed, timed, statement()], NOW)
    again = comparing.with_ids([timed, timed, statement()], NOW + timedelta(seconds=1))

    assert len({one["id"] for one in first}) == 3
    assert [one["id"] for one in first[:2]] == [one["id"] for one in again[:2]]
    assert first[2]["id"] != again[2]["id"], "without a timestamp it is another statement each time"


def test_an_id_that_is_given_stays_and_that_of_the_address_is_taken() -> None:
    assert comparing.with_ids([statement(id=UUID)], NOW)[0]["id"] == UUID
    assert comparing.with_ids([statement()], NOW, UUID)[0]["id"] == UUID


def test_an_accepted_statement_gets_its_version_and_arrays_and_2_0_gets_utc() -> None:
    sent = statement(
        id=UUID,
        stored="2001-01-01T00:00:00Z",
        authority=OTHER,
        timestamp="2026-03-04T17:30:00.5+02:00",
        context={"contextActivities": {"parent": ACTIVITY}},
    )

    one, two = completing.accepted(sent, Edition.ONE), completing.accepted(sent, Edition.TWO)

    assert (one["version"], two["version"]) == ("1.0.0", "2.0.0")
    assert one["context"]["contextActivities"]["parent"] == [ACTIVITY]
    assert (one["timestamp"], two["timestamp"]) == (sent["timestamp"], "2026-03-04T15:30:00.500000Z")
    assert "stored" not in one
    assert completing.shown(one, NOW, AGENT)["authority"] == AGENT


def test_a_statement_is_found_by_its_actors_and_activities_and_more_widely_by_those_around() -> None:
    found = completing.found_by(
        statement(
            actor=GROUP,
            context={"instructor": {"openid": "https://x.org/i"}, "contextActivities": {"parent": [NAMED]}},
            object={"objectType": "SubStatement"} | statement(actor={"mbox_sha1sum": "A" * 40}),
        )
    )

    direct = {key for key, is_direct in found.keys.items() if is_direct}
    around = found.keys.keys() - direct
    assert direct == {completing.agent_key(AGENT), completing.agent_key(OTHER)}
    assert around == {
        completing.agent_key({"openid": "https://x.org/i"}),
        completing.agent_key({"mbox_sha1sum": "a" * 40}),
        key_of("activity", ACTIVITY["id"]),
    }
    assert found.definitions == [(key_of("activity", ACTIVITY["id"]), NAMED["definition"])]


def test_ids_shows_no_more_than_identifies() -> None:
    shown = formats.ids(
        statement(
            actor=GROUP | {"name": "Team"},
            verb={"id": "https://x.org/v", "display": {"en": "v"}},
            object=NAMED | {"objectType": "Activity"},
            context={"instructor": AGENT | {"name": "Ola"}, "contextActivities": {"parent": [NAMED]}},
        )
    )

    assert shown["actor"] == GROUP
    assert shown["verb"] == {"id": "https://x.org/v"}
    assert shown["object"] == ACTIVITY
    assert shown["context"] == {"instructor": AGENT, "contextActivities": {"parent": [ACTIVITY]}}


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de", "de"),
        ("de-AT, en;q=0.5", "en-US"),
        ("de-AT, fr;q=0.5", "de"),
        ("fr, en-GB;q=0.4, de;q=0.8", "de"),
        ("fr", "en-US"),
        ("en", "en-US"),
        ("en-GB", "en-US"),
        ("de;q=0, *", "en-US"),
        (None, "en-US"),
        ("de;q=x", "en-US"),
    ],
)
def test_the_language_that_is_wanted_most_is_chosen(header: str | None, tag: str) -> None:
    assert list(formats.chosen({"en-US": "Fire", "de": "Feuer"}, formats.preferred(header))) == [tag]


def test_canonical_shows_what_is_known_of_an_activity_in_one_language() -> None:
    definition = {
        "name": {"en": "Fire", "de": "Feuer"},
        "interactionType": "choice",
        "choices": [{"id": "a", "description": {"en": "A", "de": "Ah"}}],
    }

    shown = formats.canonical(statement(), lambda _id: definition, ["de"])

    assert shown["object"]["definition"]["name"] == {"de": "Feuer"}
    assert shown["object"]["definition"]["choices"] == [{"id": "a", "description": {"de": "Ah"}}]
    assert formats.canonical(statement(), lambda _id: None, ["de"]) == statement()


def test_a_multipart_body_comes_back_as_it_was_composed() -> None:
    parts = [Part({"Content-Type": "x/y"}, b"\r\n--throughline-\r\n\x00\xff"), Part({"A": "b"}, b"")]

    kind, body = multipart.compose(b"{}", parts)
    found = multipart.parts(kind, body)

    assert [part.content for part in found] == [b"{}", b"\r\n--throughline-\r\n\x00\xff", b""]
    assert found[1].headers == {"content-type": "x/y"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/mixed", b"--b\r\n\r\n{}\r\n--b--"),
        ("multipart/mixed; boundary=" + "b" * 71, b""),
        ("multipart/mixed; boundary=b", b""),
        ("multipart/mixed; boundary=b", b"--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\n\r\n{}\r\n"),
        ("multipart/mixed; boundary=b", b"--bb\r\n\r\n{}\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nno colon\r\n\r\n{}\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nA: 1\r\na: 2\r\n\r\n{}\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nA: 1\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\n\r\n" * 3_000 + b"--b--"),
    ],
)
def test_a_broken_multipart_body_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(Unacceptable):
        multipart.parts(kind, body)


def part(content: bytes, **headers: str) -> Part:
    told = {"x-experience-api-hash": hashlib.sha256(content).hexdigest(), "content-transfer-encoding": "binary"}
    return Part(told | {name.replace("_", "-"): value for name, value in headers.items()}, content)


def test_attachments_are_matched_by_their_hash() -> None:
    found = attachments.matched([("", statement(attachments=[ATTACHMENT]))], [part(b"test")])

    assert found == {ATTACHMENT["sha2"]: Attached(ATTACHMENT["sha2"], ATTACHMENT["contentType"], b"test")}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part(b"other")],
        [part(b"other", x_experience_api_hash=ATTACHMENT["sha2"])],
        [part(b"test", content_transfer_encoding="base64")],
        [part(b"test", content_type="image/png")],
        [part(b"test", x_experience_api_hash="")],
        [part(b"test"), part(b"more")],
    ],
)
def test_a_part_that_is_missing_or_belongs_to_nothing_is_refused(parts: list[Part]) -> None:
    with pytest.raises(Unacceptable):
        attachments.matched([("", statement(attachments=[ATTACHMENT]))], parts)


def test_an_attachment_with_an_address_needs_no_part() -> None:
    linked = ATTACHMENT | {"fileUrl": "https://example.org/file"}

    assert attachments.matched([("", statement(attachments=[linked]))], []) == {}


KEY = rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signature(payload: Any, *, head: dict[str, Any] | None = None, key: rsa.RSAPrivateKey = KEY) -> bytes:
    told = json.dumps({"alg": "RS256"} if head is None else head).encode()
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = encoded(told) + b"." + encoded(raw)
    return signed + b"." + encoded(key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def check(jws: bytes, **changed: Any) -> None:
    digest = hashlib.sha256(jws).hexdigest()
    kind = "application/octet-stream"
    told = ATTACHMENT | {"usageType": attachments.SIGNATURE, "contentType": kind, "sha2": digest, "length": len(jws)}
    found = {digest: Attached(digest, kind, jws)}
    signatures.check(statement(id=UUID, attachments=[told | changed]), found, "")


@pytest.mark.parametrize(
    "jws",
    [
        signature(statement(id=UUID)),
        signature(statement()),
        signature(statement(id=UUID), head={"alg": "RS256", "x5c": [certificate(KEY)]}),
    ],
)
def test_a_signature_of_the_statement_is_accepted(jws: bytes) -> None:
    check(jws)


@pytest.mark.parametrize(
    "jws",
    [
        b"",
        b"a.b",
        b"!.!.!",
        signature(b"{"),
        signature([]),
        signature({}),
        signature({"actor": 5, "object": "x"}),
        signature(statement(actor=OTHER)),
        signature(statement(id=REFERENCE["id"][:-1] + "0")),
        signature(statement(), head={"alg": "HS256"}),
        signature(statement(), head={"alg": "none"}),
        signature(statement(), head={}),
        signature(statement(), head={"alg": "RS256", "x5c": ["AAAA"]}),
        signature(statement(), head={"alg": "RS256", "x5c": []}),
        signature(statement(), head={"alg": "RS256", "x5c": 5}),
        signature(
            statement(),
            head={"alg": "RS256", "x5c": [certificate(rsa.generate_private_key(65537, 2048))]},
        ),
    ],
    ids=range(16),
)
def test_a_malformed_or_foreign_signature_is_refused(jws: bytes) -> None:
    with pytest.raises(Unacceptable):
        check(jws)


def test_a_signature_is_an_octet_stream_that_comes_along() -> None:
    jws = signature(statement(id=UUID))

    with pytest.raises(Unacceptable):
        check(jws, contentType="text/plain")
    with pytest.raises(Unacceptable):
        check(jws, sha2="0" * 64, fileUrl="https://example.org/signature")
