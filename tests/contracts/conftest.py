"""What the checks of the published contracts share. `make check-contracts` runs them; `make test` does not."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts.service import Service, serving

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GENERATED = HERE / ".generated"
NPM = (HERE / "node_modules" / ".installed").exists()
PATIENCE = 300

Run = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "npm: runs a tool of package.json; left out where npm is missing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if NPM:
        return
    left_out = [item for item in items if item.get_closest_marker("npm")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not NPM:
        terminalreporter.write_line(
            "Checks marked npm are left out: what package.json names is not installed here (make"
        )
        terminalreporter.write_line(
            "check-contracts does it where there is npm), so no linter of Spectral or Redocly, no"
        )
        terminalreporter.write_line("TypeScript client and no GraphQL-over-HTTP audit ran.")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all checks that only need some organisation."""
    with serving(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="session")
def generated() -> Path:
    """An empty folder for what generators write, below the packages that it imports."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()
    return GENERATED


def run(*command: str | Path, cwd: Path = HERE, patience: int = PATIENCE, **environment: str) -> str:
    """Return what a command printed; it must end well."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
    )
    return done.stdout


def tool(name: str) -> Path:
    """The executable of a package of package.json."""
    return HERE / "node_modules" / ".bin" / name
