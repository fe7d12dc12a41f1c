"""The published contracts are what the code says; `make contracts` writes them again."""

from pathlib import Path

import pytest
import yaml

from app import contracts
from app.config import Settings
from app.main import create_app
from tests.engines import SECRET_KEY

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    """Every contract as the code has it now."""
    return {name: render() for name, render in contracts.CONTRACTS.items()}


@pytest.mark.parametrize("name", sorted(contracts.CONTRACTS))
def test_a_published_contract_is_what_the_code_says(name: str, rendered: dict[str, str]) -> None:
    committed = (ROOT / name).read_text("utf-8") if (ROOT / name).exists() else ""

    same = committed == rendered[name]

    assert same, f"{name} is not what the code says. If the change is meant: run `{contracts.COMMAND}` and commit it."


def test_the_yaml_says_the_same_as_the_document_that_is_served(rendered: dict[str, str]) -> None:
    served = create_app(Settings(secret_keys=(SECRET_KEY,))).openapi()

    assert yaml.load(rendered["openapi.yaml"], yaml.CSafeLoader) == served


def test_contracts_are_sorted_and_the_same_every_time(rendered: dict[str, str]) -> None:
    document = yaml.load(rendered["openapi.yaml"], yaml.CSafeLoader)

    assert list(document["paths"]) == sorted(document["paths"])
    assert list(document["components"]["schemas"]) == sorted(document["components"]["schemas"])
    assert contracts.openapi() == rendered["openapi.yaml"]


def test_writing_names_what_changed_and_then_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "CONTRACTS", {"a.yaml": lambda: "a: 1\n", "b.graphql": lambda: "type B\n"})

    assert contracts.write(tmp_path) == ["a.yaml", "b.graphql"]
    assert contracts.write(tmp_path) == []
    (tmp_path / "b.graphql").write_text("stale")
    assert contracts.write(tmp_path) == ["b.graphql"]
    assert (tmp_path / "b.graphql").read_text() == "type B\n"
