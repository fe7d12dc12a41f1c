"""Keys of events stay theirs, and nobody else's."""

import json
from datetime import UTC, datetime
from itertools import pairwise

from app.domain.learning import LearningEvent
from app.lms import Delivery, SourceSetup, adapters

AT = datetime(2026, 11, 28, tzinfo=UTC)
RULES = {
    "items": "payloads",
    "kind": {"path": "k", "values": {"done": "completed"}},
    "learner": [{"kind": "account", "path": "uid"}],
    "activity": "cid",
    "event_id": "_body.mid",
}


def read(adapter: str, body: object, mapping: dict[str, object]) -> tuple[LearningEvent, ...]:
    delivery = Delivery({"content-type": "application/json"}, json.dumps(body).encode(), AT)
    setup = SourceSetup({"scheme": "none"}, mapping=mapping)
    return adapters()[adapter].parse(delivery, setup).events


def test_items_of_one_message_keep_their_keys_when_the_mapping_learns_to_read_more_of_them():
    items = [{"k": kind, "uid": n, "cid": 1} for n, kind in enumerate(["enrol", "done", "seen", "done"])]
    body = {"mid": "m1", "payloads": items}
    more = {**RULES, "kind": {"path": "k", "values": {"done": "completed", "enrol": "enrolled", "seen": "progressed"}}}

    few, all_of_them = read("mapped", body, RULES), read("mapped", body, more)

    assert [event.item for event in all_of_them] == [0, 1, 2, 3]
    assert {event.dedup_key: event.content_hash for event in few}.items() <= {
        event.dedup_key: event.content_hash for event in all_of_them
    }.items()


def test_an_item_that_is_ignored_need_not_have_an_id():
    rules = {**RULES, "event_id": "mid"}
    items = [{"k": "other", "mid": {}}, {"k": "done", "uid": 1, "cid": 1, "mid": "m1"}]

    assert [(event.event_key, event.item) for event in read("mapped", {"payloads": items}, rules)] == [("m1", 0)]


def cloud_event(source: str, event_id: str) -> dict[str, object]:
    data = {"userId": "u", "courseId": "c"}
    return {"specversion": "1.0", "type": "x.completed", "source": source, "id": event_id, "data": data}


def test_no_two_cloud_events_share_a_key_however_source_and_id_are_spelled():
    whole = "/a|b||%7C%257C|\\"
    cuts = [(whole[:at], whole[at:]) for at in range(1, len(whole))]
    spelled = ["/a", "/a|", "|/a", "/a%7C", "/a||", "||/a", "b", "|b", "%7Cb", "b|"]
    pairs = {*cuts, *pairwise(cuts[0] + cuts[-1]), *((one, other) for one in spelled for other in spelled)}
    sent = [cloud_event(source, event_id) for source, event_id in pairs]

    keys = [event.event_key for event in read("cloudevents", sent, {})]

    assert len(set(keys)) == len(pairs)


def test_the_key_of_an_ordinary_cloud_event_is_its_source_and_its_id():
    [event] = read("cloudevents", cloud_event("/lms/eu-1%7C", "ce-1\\"), {})
    assert (event.event_key, event.item) == ("/lms/eu-1%7C|ce-1\\", 0)
