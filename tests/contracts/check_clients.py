"""Clients that generators make of the published contracts: they compile under strict types and do their work."""

import sys
from pathlib import Path

import pytest

from tests.contracts.conftest import HERE, ROOT, run, tool
from tests.contracts.service import Service

OPENAPI = ROOT / "openapi.yaml"
PYTHON = HERE / ".venv" / "bin" / "python"


@pytest.fixture(scope="module")
def built(generated: Path) -> Path:
    """Every TypeScript client, generated and compiled."""
    # What has a default need not be sent; without the option, this generator asks for it.
    run(tool("openapi-typescript"), OPENAPI, "--output", generated / "rest.ts", "--default-non-nullable", "false")
    run(tool("openapi-ts"))
    run(tool("graphql-codegen-esm"), "--config", "codegen.ts")
    run(tool("tsc"), "--project", ".")
    return generated / "built" / "clients"


@pytest.mark.npm
@pytest.mark.parametrize("client", ["rest", "hey", "graph"])
def test_a_typescript_client_compiles_strictly_and_works(client: str, built: Path, service: Service) -> None:
    assert run("node", built / f"{client}.js", **service.environment) == f"{client}.ts: done\n"


def test_a_python_client_is_complete_typed_and_works(generated: Path, service: Service) -> None:
    made = generated / "python"
    said = run(PYTHON, "-m", "openapi_python_client", "generate", "--path", OPENAPI, "--output-path", made)
    paths = {"PYTHONPATH": str(made), "MYPYPATH": str(made)}

    strictly = ("--strict", "--python-executable", PYTHON, "--cache-dir", generated / "mypy")
    run(sys.executable, "-m", "mypy", *strictly, "--config-file", "", HERE / "clients" / "client.py", **paths)

    assert "Warning" not in said
    assert run(PYTHON, HERE / "clients" / "client.py", **paths, **service.environment) == "client.py: done\n"
