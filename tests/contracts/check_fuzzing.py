"""schemathesis over both contracts and a running service: what fits a schema is accepted, what does not is refused, and
nothing is answered that is not written there. Seed and number of cases are fixed: no clock says how far it comes.

`make fuzz` goes on from there with a new seed. What may not be held against the service is listed in exclusions.py.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.contracts.chains import chain
from tests.contracts.conftest import HERE, ROOT, run
from tests.contracts.service import Service, serving

SEED = os.environ.get("FUZZ_SEED", "20261128")
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""By how much more `make fuzz` looks, at the bounds of every field too."""

EXAMPLES = {"operations": 1, "stateful": 2, "graph": 2}
"""How many cases of each operation, and walks from one to the next, are made of the seed."""

LEAST_FOLLOWED = 10
"""Links that the walks go along at the least: fewer, and they lead nowhere any more."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own: what a fuzzer leaves behind is no place for other checks."""
    with serving(tmp_path_factory.mktemp("fuzzed"), rate_limit_requests="0") as found:
        yield found


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """openapi.yaml as JSON, which is read in a tenth of the time, with the links of chains.py."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    contract = yaml.load((ROOT / "openapi.yaml").read_text("utf-8"), yaml.CSafeLoader)
    chain(contract)
    path.write_text(json.dumps(contract))
    return path


def fuzz(place: str | Path, service: Service, examples: int, *options: str) -> str:
    """Run schemathesis; it ends badly when it has found something."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", place]
    key = ("--header", f"Authorization: Bearer {service.key}")
    bounds = ("--seed", SEED, "--max-examples", str(examples * TIMES))
    return run(*command, "--url", service.url, *key, *bounds, *options, patience=900 * TIMES, PYTHONPATH=str(ROOT))


def test_every_operation_is_what_its_contract_says(document: Path, fuzzed: Service) -> None:
    phases = "examples,fuzzing" if TIMES == 1 else "examples,coverage,fuzzing"

    said = fuzz(document, fuzzed, EXAMPLES["operations"], "--phases", phases)

    assert "No issues found" in said or "warning" in said.splitlines()[-1]


def test_the_links_are_followed_and_keep_their_word(document: Path, fuzzed: Service) -> None:
    said = fuzz(document, fuzzed, EXAMPLES["stateful"], "--phases", "stateful")

    followed = re.search(r"API Links: +([0-9]+) covered", said)
    assert followed, said
    assert int(followed[1]) >= LEAST_FOLLOWED


def test_the_graph_is_what_its_contract_says(fuzzed: Service) -> None:
    said = fuzz(ROOT / "schema.graphql", replace(fuzzed, url=f"{fuzzed.url}/graphql"), EXAMPLES["graph"])

    assert "passed" in said
