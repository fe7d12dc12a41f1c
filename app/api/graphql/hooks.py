"""Webhook endpoints, what is on its way to them, and every attempt, in the graph."""

from strawberry import auto

from app.api.graphql.connections import many
from app.api.graphql.nodes import Node, entry, one
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


@entry(ATTEMPTS)
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
