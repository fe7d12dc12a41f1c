"""The way from a clean clone to a running command: Makefile, pinned requirements, image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = ("build", "clients", "demo", "dev", "service")
TOOLS = ("awk", "cp", "echo", "mkdir", "rm", "touch")

# Stands for every Python and every installed command: it writes down how it was called and makes what `venv` would.
STUB = """#!/bin/sh
echo "${0##*/} $*" >> called
if [ "$2 $3" = "pip install" ] && [ -e no-network ]; then exit 1; fi
case "$1 $2" in
  "-c "*) exit STATUS;;
  "--version "*) echo "Python 3.10.4";;
  "-m venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/throughline;;
esac
"""


class Clone:
    """A clean clone in a path with a space, on a machine whose only Python is the stub."""

    def __init__(self, folder: Path, *, new_enough: bool) -> None:
        self.path = folder / "a clone"
        self.tools = folder / "tools"
        for made in (self.path / "requirements", self.tools):
            made.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "requirements/dev.txt", "requirements/demo.txt"):
            shutil.copy(ROOT / name, self.path / name)
        for tool in TOOLS:
            (self.tools / tool).symlink_to(shutil.which(tool) or tool)
        python = self.tools / "python3"
        python.write_text(STUB.replace("STATUS", "0" if new_enough else "1"))
        python.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.tools), "LC_ALL": "C"}
        command = [shutil.which("make") or "make", *arguments]
        return subprocess.run(command, cwd=self.path, env=environment, check=False, capture_output=True, text=True)

    def calls(self) -> list[str]:
        """What was called since the last look, the search for a Python left out."""
        log = self.path / "called"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if " -c " not in line]


@pytest.fixture
def clone(tmp_path) -> Clone:
    return Clone(tmp_path, new_enough=True)


def pinned(lock: str) -> dict[str, str]:
    """Each package of a file of pinned requirements with its version."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \n]+)", text, re.MULTILINE))


def plain(requirement: str) -> str:
    """The name of a requirement as the pinned files spell it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


def test_make_alone_lists_every_target_with_its_purpose_and_installs_nothing(clone):
    said = clone.make()

    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split()
    assert re.findall(r"^  make ([\w-]+) +\S", said.stdout, re.MULTILINE) == targets
    assert clone.calls() == []


def test_a_python_that_is_too_old_is_told_in_a_sentence(tmp_path):
    said = Clone(tmp_path, new_enough=False).make("demo")

    assert said.returncode != 0
    assert "Throughline needs Python 3.11 or newer, and python3 is Python 3.10.4." in said.stderr


@pytest.mark.parametrize(
    ("target", "lock", "command"),
    [
        ("demo", "demo", "throughline demo --once"),
        ("serve", "demo", "throughline serve --once"),
        ("test", "dev", "python -m pytest --numprocesses 2 --once"),
    ],
)
def test_the_first_run_installs_by_hash_and_the_second_only_runs(clone, target, lock, command):
    first = clone.make(target, "ARGS=--once")
    steps = clone.calls()

    second = clone.make(target, "ARGS=--once")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    venv, install, project, run = steps
    assert venv == "python3 -m venv --clear .venv"
    assert install.endswith(f"--require-hashes --requirement requirements/{lock}.txt")
    assert project.endswith("--no-index --no-deps --no-build-isolation --editable .")
    assert run == command
    assert clone.calls() == [command]


def test_test_after_demo_adds_the_tools_and_demo_after_test_needs_nothing(clone):
    clone.make("demo")
    clone.calls()

    clone.make("test")
    added = clone.calls()
    clone.make("demo")

    assert [call for call in added if "requirements/dev.txt" in call]
    assert not [call for call in added if "venv" in call.split()]
    assert clone.calls() == ["throughline demo"]


def test_changed_requirements_are_installed_at_the_next_run(clone):
    clone.make("test")
    clone.calls()

    stamp = (clone.path / ".venv/.installed-dev").stat().st_mtime
    os.utime(clone.path / "requirements/dev.txt", (stamp + 1, stamp + 1))
    clone.make("test")

    assert [call for call in clone.calls() if "requirements/dev.txt" in call]


def test_an_installation_that_failed_runs_nothing_and_is_tried_again(clone):
    (clone.path / "no-network").touch()
    failed = clone.make("demo")
    calls = clone.calls()

    (clone.path / "no-network").unlink()
    again = clone.make("demo")

    assert failed.returncode != 0
    assert "throughline demo" not in calls
    assert again.returncode == 0
    assert clone.calls()[-1] == "throughline demo"


def test_ci_runs_check_and_check_ends_with_the_command_of_test(clone):
    clone.make("test")

    check = clone.make("--dry-run", "check").stdout.splitlines()
    test = clone.make("--dry-run", "test").stdout.splitlines()

    assert (ROOT / ".ci/run").read_text("utf-8").splitlines()[-2:] == ["make check", "make check-contracts"]
    assert check[-1] == test[-1]
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "deptry", "hadolint"):
        assert [line for line in check if tool in line], tool


@pytest.mark.parametrize("lock", LOCKS)
def test_pinned_requirements_name_no_address_and_only_versions_with_hashes(lock):
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").splitlines()

    pin = re.compile(r"[a-z0-9-]+(\[[a-z,]+\])?==[^\s@/]+( ; [^@/]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    pins = [line for line in lines if pin.fullmatch(line)]

    assert [line for line in lines if not pin.fullmatch(line) and not digest.fullmatch(line)] == []
    assert len(pins) == len([line for line in lines if not line.endswith("\\")]) > 0


def test_every_dependency_is_pinned_where_it_is_needed():
    wanted = {plain(requirement) for requirement in PROJECT["dependencies"]}
    extras = {plain(each) for extra in PROJECT["optional-dependencies"].values() for each in extra}

    assert wanted - pinned("service").keys() == set()
    assert wanted - pinned("demo").keys() == set()
    assert (wanted | extras) - pinned("dev").keys() == set()
    assert "hatchling" in pinned("build").keys() & pinned("demo").keys() & pinned("dev").keys()


@pytest.mark.parametrize("lock", ["build", "demo", "service"])
def test_every_file_of_pinned_requirements_agrees_with_the_largest(lock):
    assert pinned(lock).items() - pinned("dev").items() == set()


def test_the_image_passes_the_linter_and_runs_without_privileges():
    text = (ROOT / "Dockerfile").read_text("utf-8")

    linted = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], check=False, capture_output=True, text=True
    )

    assert (linted.returncode, linted.stdout) == (0, "")
    last_stage = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER [1-9]", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    assert [
        base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if not re.search(r":\d[\w.-]+$", base)
    ] == []


def test_the_image_takes_in_only_what_is_named_and_all_of_that_exists():
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert rules[0] == "*"
    assert {name for line in copied for name in line.split()} == {rule[1:] for rule in rules if rule.startswith("!")}
