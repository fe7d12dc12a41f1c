"""The integrations in examples/ do what they say, against a running service."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contracts.conftest import HERE, ROOT, run, tool
from tests.contracts.service import Service

EXAMPLES = ROOT / "examples"
SCREEN = EXAMPLES / "objectives-screen"


@pytest.fixture(scope="module")
def goals(service: Service) -> Iterator[httpx.Client]:
    """A client of an organisation with an objective, its owner and a measured outcome."""
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {service.rival}"}, timeout=60) as client:
        owner = made(client, "people", name="Rosa Okafor")
        goal = made(client, "objectives", title="Cut scrap", external_id="screen", goal_owner_id=owner, priority=1)
        kpi = made(client, "kpis", name="Scrap rate", unit="items per 100", direction="lower_is_better")
        made(client, "measurements", kpi_id=kpi, value="4.1", period_start="2026-02-01", period_end="2026-03-01")
        measured = {"baseline": "4.6", "target": "3.6", "starts_on": "2026-01-01", "due_on": "2026-12-31"}
        made(client, "outcomes", title="A fifth less", objective_id=goal, kpi_id=kpi, **measured)
        yield client


def made(client: httpx.Client, noun: str, **fields: Any) -> str:
    answer = client.post(f"/v1/{noun}", json=fields)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


@pytest.fixture(scope="module")
def screen(generated: Path) -> Path:
    """The compiled screen, beside the packages that package.json pins."""
    place = generated / SCREEN.name
    shutil.copytree(SCREEN, place, ignore=shutil.ignore_patterns("node_modules", "built", "api.ts"))
    run(tool("openapi-typescript"), ROOT / "openapi.yaml", "--output", place / "api.ts", "--default-non-nullable=false")
    run(tool("tsc"), "--project", place)
    return place / "built" / "screen.js"


@pytest.mark.npm
def test_the_screen_shows_objectives_with_figures_and_every_change_of_them(
    screen: Path, service: Service, goals: httpx.Client
) -> None:
    environment = service.environment | {"THROUGHLINE_KEY": service.rival, "UPDATES": "1"}
    command = [shutil.which("node") or "node", str(screen)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [process.stdout.readline().rstrip() for _ in range(3)]
        [goal] = goals.get("/v1/objectives", params={"external_id": "screen"}).json()["items"]
        goals.patch(f"/v1/objectives/{goal['id']}", json={"title": "Halve scrap"}).raise_for_status()
        later = process.stdout.read()

    assert process.returncode == 0
    assert first[:2] == ["Objectives", "1  Cut scrap (draft)  Rosa Okafor"]
    assert first[2].startswith("     A fifth less: from 4.6 to 3.6 items per 100 by 2026-12-31  50 %")
    assert f"objective.updated {goal['id']}" in later
    assert "1  Halve scrap (draft)  Rosa Okafor" in later


def test_an_lms_is_connected_and_its_completions_become_an_explained_figure(service: Service) -> None:
    program = EXAMPLES / "lms-to-figure" / "integrate.py"

    first = run(sys.executable, program, **service.environment)
    again = run(sys.executable, program, **service.environment)

    assert first.startswith("6 completions recorded, 0 known already\ncompletion rate 0.75: 6 of 8\n")
    assert "completed_in_audience = 6" in first
    assert again == first.replace("6 completions recorded, 0 known", "0 completions recorded, 6 known")


def test_examples_pin_the_packages_that_are_checked() -> None:
    here = json.loads((HERE / "package.json").read_text())["devDependencies"]
    theirs = json.loads((SCREEN / "package.json").read_text())

    pinned = theirs["dependencies"] | theirs["devDependencies"]
    assert pinned == {name: here[name] for name in pinned}
