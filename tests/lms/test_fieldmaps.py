"""Field maps: what is wrong with one is told with its place, and what is right does what the reference says."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.learning import IdentityKind, Kind
from app.lms import Delivery, SourceSetup, Unreadable, adapters
from app.lms._fieldmaps import check
from app.lms._mapped_reference import EXAMPLES, FIELDS, REFERENCE
from app.lms._rules import FieldMap

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEAST = {"kind": "completed", "learner": [{"path": "who"}], "activity": "what"}


def read(body, **mapping):
    delivery = Delivery({"content-type": "application/json"}, body, NOW)
    setup = SourceSetup({"scheme": "none"}, mapping={**LEAST, **mapping}, zone="Europe/Berlin")
    return adapters()["mapped"].parse(delivery, setup)


def one(body, **mapping):
    (event,) = read(body, **mapping).events
    return event


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ["/kind", "/learner", "/activity"]),
        ({**LEAST, "kinds": "x"}, ["/kinds"]),
        ({**LEAST, "kind": "finished"}, ["/kind"]),
        ({**LEAST, "kind": {}}, ["/kind"]),
        ({**LEAST, "kind": {"path": "a", "value": "passed"}}, ["/kind"]),
        ({**LEAST, "kind": {"path": "a", "values": {"x": "done"}}}, ["/kind/values/x"]),
        ({**LEAST, "kind": {"path": "a", "values": ["x"]}}, ["/kind/values"]),
        ({**LEAST, "kind": {"path": "a", "default": "done"}}, ["/kind/default"]),
        ({**LEAST, "learner": []}, ["/learner"]),
        ({**LEAST, "learner": [{}]}, ["/learner/0/path"]),
        ({**LEAST, "learner": [{"path": "a."}]}, ["/learner/0/path"]),
        ({**LEAST, "learner": [{"path": "a", "kind": "phone"}]}, ["/learner/0/kind"]),
        ({**LEAST, "learner": 7}, ["/learner", "/learner"]),
        ({**LEAST, "activity": {}}, ["/activity/path"]),
        ({**LEAST, "activity": 7}, ["/activity", "/activity"]),
        ({**LEAST, "items": ["a", "b."]}, ["/items/1"]),
        ({**LEAST, "items": ["a"] * 5}, ["/items"]),
        ({**LEAST, "time": {"format": "auto"}}, ["/time/path"]),
        ({**LEAST, "time": {"path": "a", "format": "rfc9999"}}, ["/time/format"]),
        ({**LEAST, "time": {"path": "a", "unit": "days"}}, ["/time/unit"]),
        ({**LEAST, "time": {"path": "a", "zone": "Mars"}}, ["/time/zone"]),
        ({**LEAST, "score": {"path": "a", "scale": 0}}, ["/score/scale"]),
        ({**LEAST, "score": {"path": "a", "scale": "all"}}, ["/score/scale"]),
        ({**LEAST, "passed": {"path": "a", "true": "yes"}}, ["/passed/true"]),
        ({**LEAST, "duration": {"path": "a", "unit": "days"}}, ["/duration/unit"]),
        ({**LEAST, "event_id": ""}, ["/event_id"]),
        ({**LEAST, "event_id": "nosuch(@)"}, ["/event_id"]),
        ({**LEAST, "extras": ["a"]}, ["/extras"]),
        ({**LEAST, "extras": {"n": "("}}, ["/extras/n"]),
        ({**LEAST, "json_fields": "data"}, ["/json_fields"]),
    ],
)
def test_a_wrong_map_is_told_with_the_place_of_each_fault(document, expected):
    faults = check(document)

    assert [fault.pointer for fault in faults] == expected
    assert all(fault.detail for fault in faults)


def test_a_wrong_map_makes_a_delivery_unreadable_and_the_reason_names_the_place():
    with pytest.raises(Unreadable, match="/time/unit"):
        read(b'{"who":1,"what":2}', time={"path": "a", "unit": "days"})


def test_every_field_is_documented_and_every_example_is_valid():
    assert set(FIELDS) == set(FieldMap.__dataclass_fields__) - {"title", "version"}
    assert REFERENCE["examples"] == list(EXAMPLES)
    assert [check(example["mapping"]) for example in EXAMPLES] == [[]] * len(EXAMPLES)


@pytest.mark.parametrize(
    ("rule", "body", "expected"),
    [
        ("t", b'{"t":"2026-05-06 12:22:08"}', (10, 22, 8)),
        ({"path": "t", "zone": "Asia/Kolkata"}, b'{"t":"2026-05-06 12:22:08"}', (6, 52, 8)),
        ({"path": "t", "format": "epoch", "unit": "ms"}, b'{"t":"1778070128000"}', (12, 22, 8)),
        ({"path": "t", "format": "rfc2822"}, b'{"t":"Wed, 06 May 2026 12:22:08 +0200"}', (10, 22, 8)),
        ({"path": "t", "format": "%d/%m/%Y %I:%M %p"}, b'{"t":"06/05/2026 02:22 PM"}', (12, 22, 0)),
        ({"path": "t", "format": "iso8601"}, b'{"t":"2026-05-06T12:22:08Z"}', (12, 22, 8)),
    ],
)
def test_times_are_read_in_the_format_unit_and_zone_of_the_map(rule, body, expected):
    event = one(b'{"who":1,"what":2,' + body[1:], time=rule)

    assert event.occurred_at == datetime(2026, 5, 6, *expected, tzinfo=UTC)
    assert event.occurred_at_text in body.decode()


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ({"path": "t", "format": "rfc2822"}, b'{"t":"2026"}'),
        ({"path": "t", "format": "%d.%m.%Y"}, b'{"t":"2026-05-06"}'),
        ({"path": "t", "format": "iso8601"}, b'{"t":1778070128}'),
        ("t", b'{"t":"soon"}'),
    ],
)
def test_a_time_in_another_format_is_unreadable(rule, body):
    with pytest.raises(Unreadable):
        read(b'{"who":1,"what":2,' + body[1:], time=rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("s", (None, Decimal(45), None)),
        ({"path": "s", "scale": 100}, (Decimal("0.45"), Decimal(45), Decimal(100))),
        ({"path": "s", "scale": "auto"}, (Decimal("0.45"), Decimal(45), Decimal(100))),
        ({"path": "s", "max": "m"}, (Decimal("0.9"), Decimal(45), Decimal(50))),
        ({"path": "s", "min": "n", "max": "m"}, (Decimal("0.875"), Decimal(45), Decimal(50))),
        ({"path": "f", "scale": "auto"}, (Decimal("0.5"), Decimal("0.5"), Decimal(1))),
        ("f", (Decimal("0.5"), Decimal("0.5"), None)),
        ("missing", (None, None, None)),
    ],
)
def test_scores_are_scaled_as_the_map_says(rule, expected):
    event = one(b'{"who":1,"what":2,"s":"45.0","m":50,"n":10,"f":0.5}', score=rule)

    assert (event.score_scaled, event.score_raw, event.score_max) == expected


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("v", "true", True),
        ("v", "0", False),
        ("v", "null", None),
        ({"path": "v", "true": ["P"]}, '"P"', True),
        ({"path": "v", "true": ["P"]}, '"F"', False),
        ({"path": "v", "true": ["P"], "false": ["F"]}, '"?"', None),
        ({"path": "v", "true": [3]}, "3", True),
    ],
)
def test_verdicts_are_read_by_the_words_of_the_map(rule, value, expected):
    assert one(b'{"who":1,"what":2,"v":%b}' % value.encode(), passed=rule).passed is expected


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("d", "90", 90),
        ({"path": "d", "unit": "min"}, "1.5", 90),
        ({"path": "d", "unit": "ms"}, "1500", 2),
        ("d", '"PT1M30S"', 90),
    ],
)
def test_durations_are_read_in_the_unit_of_the_map(rule, value, expected):
    assert one(b'{"who":1,"what":2,"d":%b}' % value.encode(), duration=rule).duration_seconds == expected


def test_kinds_are_looked_up_by_the_text_of_any_value():
    rule = {"path": "k", "values": {"4": "completed", "true": "passed", "null": "experienced"}, "default": "started"}

    kinds = [one(b'{"who":1,"what":2,"k":%b}' % told, kind=rule).kind for told in (b"4", b"true", b"null", b'"other"')]

    assert kinds == [Kind.COMPLETED, Kind.PASSED, Kind.EXPERIENCED, Kind.STARTED]


def test_an_enrolment_that_is_only_affirmed_is_told_by_a_path() -> None:
    told = {"kind": "enrolled", "affirmed": "again"}

    found = [one(b'{"who":1,"what":2,"again":%b}' % value, **told).affirmed for value in (b"true", b"false", b"null")]

    assert found == [True, False, False]
    assert one(b'{"who":1,"what":2,"again":true}', **told | {"kind": "completed"}).affirmed is False


def test_a_kind_that_is_not_in_the_map_is_ignored_with_its_name():
    ignored = read(b'{"who":1,"what":2,"k":"ping"}', kind={"path": "k", "values": {"done": "completed"}}).ignored

    assert ignored == "the kind of event 'ping' is not in the mapping"


def test_items_that_share_an_event_id_are_told_apart():
    events = read(
        b'{"id":"e","rows":[{"who":1},{"who":2},{"who":3,"own":"f"}]}',
        items="rows",
        activity="'c'",
        event_id="own || _body.id",
    ).events

    assert [(event.event_key, event.item) for event in events] == [("e", 0), ("e", 1), ("f", 0)]


def test_one_unreadable_item_makes_the_whole_payload_unreadable():
    with pytest.raises(Unreadable, match="item 2"):
        read(b'{"rows":[{"who":1},{"whom":2}]}', items="rows", activity="'c'")


def test_each_member_of_a_top_level_list_is_an_item():
    events = read(b'[{"who":1,"what":2},{"who":3,"what":2}]').events

    assert [event.identities[0].value for event in events] == ["1", "3"]


def test_a_payload_without_items_is_ignored():
    assert read(b'{"rows":[]}', items="rows").ignored == "the payload holds no items"
    assert read(b"{}", items="rows").ignored == "the payload holds no items"


def test_a_voided_event_takes_back_by_id_and_needs_no_learner():
    event = one(b'{"target":"e-1"}', kind="voided", voids="target")

    assert (event.voids, event.identities, event.activity) == ("e-1", (), None)
    with pytest.raises(Unreadable, match="takes back"):
        read(b"{}", kind="voided")


def test_names_carry_their_issuer_and_fall_back():
    rule = [
        {"kind": "account", "path": "sso", "issuer_path": "home"},
        {"kind": "account", "path": "hr", "issuer": "https://hr.example.org"},
        {"kind": "email_sha1", "path": "sha"},
        {"kind": "openid", "path": "oid"},
    ]
    event = one(
        b'{"what":2,"sso":7,"home":"https://sso.example.org","hr":null,"sha":"ABC","oid":"https://o"}', learner=rule
    )

    assert [(name.kind, name.value, name.issuer) for name in event.identities] == [
        (IdentityKind.ACCOUNT, "7", "https://sso.example.org"),
        (IdentityKind.EMAIL_SHA1, "abc", None),
        (IdentityKind.OPENID, "https://o", None),
    ]


def test_ends_that_cannot_be_told_are_left_out_and_extras_keep_scalars_only():
    event = one(
        b'{"who":1,"what":2,"due":"soon","exp":"2027-01-01T00:00:00Z","a":"x","b":[1],"c":true}',
        due="due",
        expires="exp",
        extras={"a": "a", "b": "b", "c": "c"},
    )

    assert (event.due_at, event.expires_at) == (None, datetime(2027, 1, 1, tzinfo=UTC))
    assert event.extras == {"a": "x", "c": True}


def test_an_expensive_map_is_stopped():
    body = b'{"rows":[' + b",".join([b"1"] * 5_000) + b"]}"

    with pytest.raises(Unreadable, match="too many steps"):
        read(body, items="rows", activity="'c'", learner="_body.rows[].[@,@][] | [0]")


def test_one_bad_item_among_ten_thousand_makes_the_payload_unreadable_and_none_is_taken():
    items = [{"who": number, "what": "fire"} for number in range(10_000)]
    assert len(read(json.dumps(items).encode()).events) == 10_000
    items[5_000]["who"] = {"id": 7}

    with pytest.raises(Unreadable, match="item 5001"):
        read(json.dumps(items).encode())
