"""The mapped adapter reads every shape of body in the catalogue of senders, by configuration alone.

`mapped_walk.json` holds a field map for recordings of the senders that have an adapter; what the map finds is what that
adapter finds. The senders without one have recordings of their own, with their maps, in `mapped/`.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.lms import SourceSetup, TransportFault, adapters

WALK = json.loads((Path(__file__).parent / "mapped_walk.json").read_text())
SHAPES = {
    "A one object": ("mapped/one-object", "thinkific/enrollment-completed", "canvas/grade-above-maximum"),
    "B the event's name in a header": ("mapped/event-in-header-items-in-list", "learnupon/v2-exam-failed"),
    "B the event's name in the URL": ("mapped/form-event-in-url", "mapped/netdimensions"),
    "C data": ("mapped/event-in-header-items-in-list", "learnupon/v2-exam-failed"),
    "C events": (
        "adobe-learning-manager/course-completed",
        "adobe-learning-manager/enrolments-in-three-spellings-of-time",
    ),
    "C records": ("cornerstone/training-completed",),
    "C payloads": ("ispring/item-completed-nanoseconds-as-text",),
    "C one item, many learners": ("mapped/many-learners-in-one-item", "ispring/many-learners-without-time"),
    "D payload or payloads": ("mapped/payload-or-payloads", "docebo/grouped-payloads-in-rome"),
    "D wrapped by a relay": ("docebo/learning-plan-completed-by-relay",),
    "E a flat form": ("mapped/coursepath", "mapped/netdimensions", "moodle/tool-trigger-form"),
    "E a flattened tree": ("openedx/enrollment-flattened-form",),
    "E JSON in a field of a form": ("mapped/json-in-form", "scorm-cloud/registration-form"),
    "E JSON labelled as a form": ("moodle/local-webhooks-json-labelled-as-form",),
    "F a signed text": ("canvas/course-completed-signed",),
    "G gzip": ("cornerstone/training-completed",),
    "H statements": ("xapi/batch", "360learning/xapi-started", "moodle/logstore-xapi-course-completed"),
    "H envelopes of Caliper": ("caliper/list-of-envelopes",),
    "I CloudEvents": ("cloudevents/structured", "cloudevents/binary", "cloudevents/batch"),
    "J JSON:API": ("mapped/json-api", "mapped/northpass", "mapped/kajabi"),
    "K filled in by an administrator": ("mapped/template-of-texts", "moodle/tool-trigger-form"),
}
WITHOUT_ADAPTER = (
    *("bracken", "coassemble", "coassemble-embed", "coursepath", "kajabi", "learnhouse", "netdimensions", "northpass"),
    *("seismic-learning", "skilljar", "thought-industries", "tis-training", "whop", "workramp", "zapnito"),
)
TOLD = ("kind", "activity", "occurred_at", "passed", "score_scaled")


@pytest.mark.parametrize("name", WALK)
def test_a_field_map_finds_what_the_own_adapter_finds(name, all_recordings):
    recording = next(one for one in all_recordings if f"{one.source}/{one.case}" == name)
    setup = replace(recording.setup, mapping=WALK[name])
    expected = adapters()[recording.source].parse(recording.delivery, recording.setup).events

    found = adapters()["mapped"].parse(recording.delivery, setup).events

    assert adapters()["mapped"].check_mapping(WALK[name]) == []
    assert [essence(event) for event in found] == [essence(event) for event in expected]
    for event, other in zip(found, expected, strict=True):
        assert set(event.identities) <= set(other.identities)
        assert bool(event.identities) == bool(other.identities)
        assert "event_id" not in WALK[name] or (event.event_key, event.item) == (other.event_key, event.item)


def test_every_shape_of_the_catalogue_is_read_through_a_map(all_recordings):
    accepted = {
        f"{one.source}/{one.case}" for one in all_recordings if one.expectation["expected"]["verdict"] == "accepted"
    }
    read = WALK.keys() | {name for name in accepted if name.startswith("mapped/")}

    assert {name for names in SHAPES.values() for name in names} - read == set()
    assert {f"mapped/{name}" for name in WITHOUT_ADAPTER} - read == set()


def test_xml_is_refused_by_every_adapter(all_recordings):
    """L: XML is answered 415."""
    recording = next(one for one in all_recordings if one.case == "legacy-xml")
    setup = SourceSetup({"scheme": "none"}, mapping={"kind": "completed", "learner": "a", "activity": "b"})

    for adapter in adapters().values():
        with pytest.raises(TransportFault):
            adapter.parse(recording.delivery, setup)


def essence(event):
    told = {name: getattr(event, name) for name in TOLD}
    return told | {"activity": event.activity and event.activity.external_id}
