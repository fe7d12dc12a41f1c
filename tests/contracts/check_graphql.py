"""The graph as the public audit of GraphQL over HTTP sees it."""

import json

import pytest

from tests.contracts.conftest import run
from tests.contracts.service import Service

AUDITS = 61


@pytest.mark.npm
def test_every_public_audit_of_graphql_over_http_passes(service: Service) -> None:
    results = json.loads(run("node", "clients/audit.mjs", **service.environment))

    assert [each for each in results if each["status"] != "ok"] == []
    assert len(results) == AUDITS
