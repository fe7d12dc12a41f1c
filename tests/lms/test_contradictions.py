"""What a request says twice and differently is refused."""

from datetime import UTC, datetime

import pytest

from app.lms import Delivery, SourceSetup, TransportFault, TransportFaultCode, adapters


@pytest.mark.parametrize("kind", ["application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8"])
def test_a_cloud_event_in_two_modes_at_once_is_refused(kind):
    adapter = adapters()["cloudevents"]
    headers = {"content-type": kind, "ce-specversion": "1.0", "ce-type": "course.completed", "ce-source": "/a"}
    delivery = Delivery({**headers, "ce-id": "1"}, b'{"id": "2"}', datetime(2026, 11, 23, tzinfo=UTC))

    with pytest.raises(TransportFault) as caught:
        adapter.parse(delivery, SourceSetup(adapter.authentication, ("secret",)))

    assert caught.value.code is TransportFaultCode.CONTRADICTORY_HEADERS
