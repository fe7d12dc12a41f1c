"""openapi.yaml as linters read it: valid, complete, and without an ambiguity."""

import itertools
import json
from typing import Any

import openapi_spec_validator
import pytest
import yaml

from tests.contracts.conftest import ROOT, run, tool

OPENAPI = ROOT / "openapi.yaml"
BYTES_PER_OPERATION = 3_700
"""More than this on the average, and something is being said again and again: see app/api/components.py."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(OPENAPI.read_text("utf-8"), yaml.CSafeLoader)
    return found


def test_the_reference_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    openapi_spec_validator.validate(document)


@pytest.mark.npm
def test_spectral_finds_nothing() -> None:
    said = run(tool("spectral"), "lint", OPENAPI, "--ruleset", ".spectral.yaml", "--fail-severity", "hint")

    assert "No results" in said


@pytest.mark.npm
def test_redocly_finds_nothing() -> None:
    found = run(tool("redocly"), "lint", OPENAPI, "--format", "json", REDOCLY_TELEMETRY="off")

    assert json.loads(found)["problems"] == []


def test_paths_that_can_be_the_same_address_have_no_method_in_common(document: dict[str, Any]) -> None:
    def may_be(one: str, other: str) -> bool:
        parts = list(zip(one.split("/"), other.split("/"), strict=True)) if one.count("/") == other.count("/") else []
        return bool(parts) and all(a == b or "{" in a or "{" in b for a, b in parts)

    paths = document["paths"]
    found = [(a, b) for a, b in itertools.combinations(paths, 2) if may_be(a, b) and paths[a].keys() & paths[b].keys()]

    # A fixed word is declared before a placeholder, and no id is spelled like one.
    assert [(a, b) for a, b in found if "{" not in a.rpartition("/")[2] + b.rpartition("/")[2]] == []


def test_the_reference_stays_readable(document: dict[str, Any]) -> None:
    operations = sum(len(methods) for methods in document["paths"].values())

    assert OPENAPI.stat().st_size / operations < BYTES_PER_OPERATION
