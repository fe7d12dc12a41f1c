"""Which headers tell one message from another."""

from datetime import UTC, datetime

from app.lms import Adapter, Delivery, SourceSetup, adapters
from app.lms._telling import telling

AT = datetime(2026, 11, 28, tzinfo=UTC)
SENT = {
    "content-type": "application/json",
    "webhook-id": "msg_1",
    "webhook-timestamp": "1795860000",
    "x-event": "done",
    "x-sig": "abc",
    "x-amzn-trace-id": "Root=1",
    "content-length": "2",
}


def names(adapter: Adapter, body: bytes = b"{}", **setup: object) -> list[str]:
    source = SourceSetup({"scheme": "hmac_sha256", "header": "X-Sig"}, **setup)
    return [name for name, _ in telling(adapter, Delivery(SENT, body, AT), source)]


def test_an_adapter_that_reads_no_headers_is_told_only_the_form_of_a_body_that_does_not_show_it():
    assert names(adapters()["docebo"]) == []
    assert names(adapters()["docebo"], b"a=b") == ["content-type"]


def test_an_adapter_is_told_the_headers_that_it_reads():
    assert names(adapters()["360learning"]) == ["webhook-id"]


def test_a_field_map_may_read_all_but_what_belongs_to_the_sending():
    assert names(adapters()["mapped"]) == ["content-type", "webhook-id", "x-event"]


def test_what_a_field_map_names_is_told_whatever_its_name():
    rules = {"time": {"path": '_headers."webhook-timestamp"'}}
    assert "webhook-timestamp" in names(adapters()["mapped"], mapping=rules)
