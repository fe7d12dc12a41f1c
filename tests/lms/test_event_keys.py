"""Keys of events stay theirs, and nobody else's."""

import json
from datetime import UTC, datetime

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
