"""schemathesis over both contracts and a running service: what fits a schema is accepted, what does not is refused, and
nothing is answered that is not written there. Seeds are fixed, and time is bounded.

What it may not hold against the service is listed in exclusions.py, with reasons.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.contracts.conftest import HERE, ROOT, run
from tests.contracts.service import Service, serving

SECONDS = {"examples,fuzzing": 70, "coverage": 70, "stateful": 60, "graph": 30}
"""How long each part may go on finding new things."""

STATEFUL_TAGS = ("objectives", "kpis", "measurements", "outcomes", "initiatives", "alignments")
"""The nouns that are followed from one to the next; all of them have the same routes, and all routes are fuzzed."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own: what a fuzzer leaves behind is no place for other checks."""
    with serving(tmp_path_factory.mktemp("fuzzed"), rate_limit_requests="0") as found:
        yield found


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """openapi.yaml as JSON, which is read in a tenth of the time."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(yaml.load((ROOT / "openapi.yaml").read_text("utf-8"), yaml.CSafeLoader)))
    return path


def fuzz(place: str | Path, service: Service, seconds: int, *options: str) -> str:
    """Run schemathesis; it ends badly when it has found something."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", place]
    key = ("--header", f"Authorization: Bearer {service.key}")
    return run(*command, "--url", service.url, *key, "--max-time", str(seconds), *options, PYTHONPATH=str(ROOT))


@pytest.mark.parametrize("phases", ["examples,fuzzing", "coverage", "stateful"])
def test_rest_is_what_its_contract_says(phases: str, document: Path, fuzzed: Service) -> None:
    chosen = [part for tag in STATEFUL_TAGS for part in ("--include-tag", tag)] if phases == "stateful" else []

    said = fuzz(document, fuzzed, SECONDS[phases], "--phases", phases, "--max-examples", "3", *chosen)

    assert "No issues found" in said or "warning" in said.splitlines()[-1]


def test_the_graph_is_what_its_contract_says(fuzzed: Service) -> None:
    said = fuzz(f"{fuzzed.url}/graphql", fuzzed, SECONDS["graph"], "--max-examples", "5")

    assert "passed" in said
