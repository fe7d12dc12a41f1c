"""Webhook endpoints, what is on its way to them, and every attempt, in the graph."""

from collections.abc import Awaitable
from typing import Any

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, linked, load, one
from app.services.hooks import ATTEMPTS, ENDPOINTS, MESSAGES


@entry(ENDPOINTS)
class WebhookEndpointNode(Node):
    """An address that changes are sent to, without its secret."""

    name: auto
    url: auto
    event_types: auto
    description: auto
    disable_after_seconds: auto
    status: auto
    status_reason: auto
    failing_since: auto
    last_success_at: auto
    messages = many(MESSAGES, "endpoint_id", "Changes on their way to it, or sent.")
    attempts = many(ATTEMPTS, "endpoint_id", "Every attempt to send to it, tests too.")


@entry(MESSAGES)
class WebhookMessageNode(Node):
    """One change on its way to one endpoint."""

    type: auto
    status: auto
    attempts: auto
    next_attempt_at: auto
    created_at: auto
    endpoint = one("endpoint_id")
    change = one("change_id")
    log = many(ATTEMPTS, "message_id", "Every attempt to send it.")


@entry(ATTEMPTS, "message_id")
class WebhookAttemptNode(Node):
    """One attempt to send a message, or a test."""

    type: auto
    number: auto
    attempted_at: auto
    succeeded: auto
    status_code: auto
    reason: auto
    milliseconds: auto
    endpoint = one("endpoint_id")
    message = linked("webhook_message", "What was sent; null for a test.")

    def get_message(self) -> Awaitable[Any] | None:
        """Return the message, unless it was a test or is kept no longer."""
        message_id = self.row.message_id
        return None if message_id is None else load(self.view, MESSAGES.name, message_id)
