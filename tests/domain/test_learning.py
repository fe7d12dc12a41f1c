"""Identities, dedup keys and content hashes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.learning import (
    ActivityName,
    Identity,
    IdentityKind,
    Kind,
    LearningEvent,
    key_of,
)

ANA = Identity(IdentityKind.ACCOUNT, "4711", "https://lms.example")
MAIL = Identity(IdentityKind.EMAIL, "ana@example.net")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
KEYLESS = LearningEvent(Kind.COMPLETED, (ANA, MAIL), ActivityName("course-1", "Safety"), NOON)
KEYED = replace(KEYLESS, event_key="evt-1")
VOIDING = LearningEvent(Kind.VOIDED, (), None, NOON, voids="evt-1")


def test_keys_and_hashes_are_32_bytes_and_stable_across_releases():
    assert KEYED.dedup_key.hex() == "b09819a0c1caf4f945d9e2b0503e28502b50454c767dbff366f561355861bad8"
    assert KEYLESS.dedup_key.hex() == "41fc20c53ef0832388c31eb995db62d31406ec60702dd3d631647d7ac2c45f13"
    assert KEYED.content_hash.hex() == "94943a064ba77f06a1dacf0a79bd34212852c7389889b8118174fd81768eddb4"


def test_with_an_event_key_the_rest_of_the_event_is_no_part_of_the_dedup_key():
    other = replace(KEYED, kind=Kind.FAILED, identities=(MAIL,), occurred_at=None, activity=ActivityName("x"))

    assert other.dedup_key == KEYED.dedup_key == key_of("evt-1")


def test_items_of_one_event_key_are_different_facts():
    assert replace(KEYED, item=1).dedup_key == key_of("evt-1", 1) != key_of("evt-1", 0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(KEYLESS, identities=(MAIL,)), id="another learner"),
        pytest.param(replace(KEYLESS, identities=(replace(ANA, issuer=None),)), id="another issuer"),
        pytest.param(replace(KEYLESS, activity=ActivityName("course-2")), id="another activity"),
        pytest.param(replace(KEYLESS, kind=Kind.PASSED), id="another kind"),
        pytest.param(replace(KEYLESS, occurred_at=NOON + timedelta(microseconds=1)), id="another instant"),
        pytest.param(replace(KEYLESS, occurred_at=None), id="no instant"),
        pytest.param(VOIDING, id="a voiding"),
        pytest.param(KEYED, id="an event key"),
    ],
)
def test_without_an_event_key_the_stable_fields_tell_facts_apart(other):
    assert other.dedup_key != KEYLESS.dedup_key


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(replace(KEYLESS, identities=(ANA,)), id="weaker identities unknown"),
        pytest.param(replace(KEYLESS, activity=ActivityName("course-1", "Safety at work")), id="title changed"),
        pytest.param(replace(KEYLESS, occurred_at=NOON.astimezone(timezone(timedelta(hours=2)))), id="another zone"),
        pytest.param(replace(KEYLESS, score_scaled=Decimal("0.9"), passed=True), id="another body"),
        pytest.param(replace(KEYLESS, item=3), id="another place in the batch"),
    ],
)
def test_without_an_event_key_a_retry_meets_itself(again):
    assert again.dedup_key == KEYLESS.dedup_key


def test_two_voidings_without_a_key_differ_by_what_they_void():
    assert VOIDING.dedup_key != replace(VOIDING, voids="evt-2").dedup_key


texts = st.text(st.characters() | st.sampled_from('",[]\\\ud800\x00'), max_size=4)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_the_serialisation_is_unambiguous(one, other):
    def key(value, issuer, activity):
        identity = Identity(IdentityKind.ACCOUNT, value, issuer)
        return LearningEvent(Kind.COMPLETED, (identity,), ActivityName(activity), NOON).dedup_key

    assert (key(*one) == key(*other)) is (one == other)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": Kind.PASSED},
        {"identities": (ANA,)},
        {"activity": ActivityName("course-2", "Safety")},
        {"activity": ActivityName("course-1", "Safety", "v2")},
        {"occurred_at": None},
        {"passed": False},
        {"score_scaled": Decimal("0.8")},
        {"score_raw": Decimal(8)},
        {"score_min": Decimal(0)},
        {"score_max": Decimal(10)},
        {"progress": Decimal(1)},
        {"duration_seconds": 60},
        {"expires_at": NOON},
        {"due_at": NOON},
        {"voids": "evt-0"},
        {"extras": {"wave": [1, None, {"b": "x"}]}},
    ],
    ids=lambda changed: f"another {' '.join(changed)}",
)
def test_the_same_key_with_another_body_has_another_content_hash(changed):
    other = replace(KEYED, **changed)

    assert other.dedup_key == KEYED.dedup_key
    assert other.content_hash != KEYED.content_hash


def test_another_spelling_has_the_same_content_hash():
    told = replace(KEYED, score_scaled=Decimal("0.50"), progress=Decimal(0), extras={"a": 1, "b": Decimal("2.0")})
    spelled = replace(
        told,
        occurred_at=NOON.astimezone(timezone(timedelta(hours=2))),
        occurred_at_text="2024-05-01T14:00+02:00",
        activity=ActivityName("course-1", "Safety at work"),
        person_name="Ana Novak",
        score_scaled=Decimal("0.5"),
        progress=Decimal("-0.00"),
        extras={"b": Decimal(2), "a": 1},
    )

    assert spelled.content_hash == told.content_hash


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        (IdentityKind.EMAIL, " MailTo:Ana.Novak@Example.NET ", "ana.novak@example.net"),
        (IdentityKind.EMAIL, "ana@example.net", "ana@example.net"),
        (IdentityKind.EMAIL_SHA1, "AB12CD ", "ab12cd"),
        (IdentityKind.ACCOUNT, " A-1 ", " A-1 "),
        (IdentityKind.USERNAME, "Ana", "Ana"),
        (IdentityKind.OPENID, "https://Id.example/Ana", "https://Id.example/Ana"),
    ],
)
def test_only_the_spelling_of_a_mailbox_is_normalised(kind, sent, value):
    assert Identity.of(kind, sent, "https://lms.example") == Identity(kind, value, "https://lms.example")


def test_an_e_mail_address_knows_its_hashed_name():
    hashed = Identity.of(IdentityKind.EMAIL, "mailto:Ana@example.net").hashed()

    assert hashed == Identity(IdentityKind.EMAIL_SHA1, sha1(b"mailto:ana@example.net").hexdigest())  # noqa: S324 - the xAPI definition
    assert ANA.hashed() is None
