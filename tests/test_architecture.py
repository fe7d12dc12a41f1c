"""The rules of ARCHITECTURE.md that no type can hold: rooms, floors, sizes and what must stand nowhere."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = ROOT / "app"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LAYERS = next(rule for rule in PYPROJECT["tool"]["importlinter"]["contracts"] if rule["id"] == "layers")["layers"]
GENERATED = {".git", ".venv", "__pycache__", "node_modules", "dist"}
LONGEST = 400

MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root|home|Users)/\w|[A-Z]:\\Users\\")
REGISTRY = re.compile(
    r"(?:py[p]i|python[h]osted|npm[j]s|deb[i]an|gol[a]ng)\.(?:org|com)|(?:cr[a]tes|dock[e]r|gh[c]r|qu[a]y)\.io"
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}|\bxox[abprs]-\w{10}|\bsk_live_\w{16}|\bAIza[\w-]{35}"
)
UNFINISHED = re.compile(
    r"\b(?:TO[D]O|FIXM[E]|NotImplemented[E]rror)\b|\bpytest[.](?:skip|xfail|importorskip|mark[.](?:skip|xfail))"
)
CLOCK = re.compile(r"\b(?:datetime|date|time)\.(?:now|utcnow|today|time|monotonic|time_ns)\b")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is or would be committed; without git, every file that no tool made."""
    git = shutil.which("git") or "git"
    listing = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
        return tuple(path for name in names if name and (path := ROOT / name).is_file())
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and GENERATED.isdisjoint(path.parts))


def modules(*folders: Path) -> list[Path]:
    return [
        path for path in tracked() if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in folders)
    ]


def hits(pattern: re.Pattern[str], paths: list[Path] | tuple[Path, ...]) -> list[str]:
    """Name each place where a pattern stands."""
    return [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in paths
        for found in pattern.finditer(path.read_text("utf-8", errors="replace"))
    ]


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it; `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            base = ".".join(part for part in (package, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_nothing_in_app_commits_by_itself():
    assert hits(re.compile(r"\.commit\("), modules(APP)) == []


def test_the_pure_rooms_read_no_clock():
    assert hits(CLOCK, modules(APP / "domain", APP / "lms")) == []


def test_no_module_imports_the_slow_statistics_package():
    assert [str(path) for path in modules(APP) if any(name.startswith("scipy.stats") for name in imports(path))] == []


def test_an_adapter_imports_no_other_adapter():
    adapters = {f"app.lms.{path.stem}": path for path in (APP / "lms").glob("[!_]*.py")}

    crossings = [
        f"{name} imports {imported}"
        for name, path in adapters.items()
        for imported in imports(path)
        if any(imported == other or imported.startswith(f"{other}.") for other in adapters.keys() - {name})
    ]

    assert crossings == []


def test_every_room_under_app_is_a_layer():
    rooms = {path.stem for path in APP.glob("*.py") if path.stem != "__init__"}
    rooms |= {path.name for path in APP.iterdir() if path.is_dir() and path.name != "__pycache__"}

    listed = {name.strip(" ()") for layer in LAYERS for name in re.split("[|:]", layer)}

    assert rooms - listed == set()


def test_every_folder_of_modules_under_app_is_a_package():
    folders = {path.parent for path in modules(APP)}

    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("folder", ["app", "tests", "migrations", "benchmarks"])
def test_no_module_is_longer_than_400_lines(folder):
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules(ROOT / folder)
    }

    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_module_is_named_for_having_no_subject():
    nameless = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

    assert [str(path) for path in modules(ROOT) if path.stem.strip("_") in nameless] == []


def test_nothing_is_left_for_later():
    assert hits(UNFINISHED, modules(ROOT)) == []


def test_no_tracked_file_names_a_path_of_some_machine():
    assert hits(MACHINE_PATH, tracked()) == []


def test_no_tracked_file_names_the_host_of_a_registry():
    assert hits(REGISTRY, tracked()) == []


def test_no_tracked_file_holds_a_secret():
    assert hits(SECRET, tracked()) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "open('/ho~me/me/data.csv')"),
        (MACHINE_PATH, "cd /wo~rk/project"),
        (REGISTRY, "--index-url https://pypi~.org/simple"),
        (SECRET, "-----BEGIN RSA ~PRIVATE KEY-----"),
        (SECRET, "key = AK~IA0123456789ABCDEF"),
        (UNFINISHED, "raise Not~ImplementedError"),
        (UNFINISHED, "@pytest.~mark.skip(reason='later')"),
        (CLOCK, "return datetime.~now(UTC)"),
        (CLOCK, "started = time.~monotonic()"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern, text):
    assert pattern.search(text.replace("~", ""))
    assert not pattern.search(text)


ALLOWED = {
    "app/main.py": "import app.db, app.api, app.worker",
    "app/worker.py": "import app.db, app.lms, app.outbound",
    "app/outbound.py": "import httpx",
    "app/api/deps.py": "import app.db, fastapi",
    "app/api/graphql/context.py": "import app.db, strawberry",
    "app/services/objectives.py": "import sqlalchemy, app.outbound, app.models, app.domain",
    "app/domain/impact/linear.py": "import numpy\nfrom scipy import linalg",
    "app/lms/moodle.py": "import hashlib\nfrom datetime import time\nimport app.domain",
}
FORBIDDEN = {
    "layers: upward": ("app/models/objectives.py", "import app.services"),
    "layers: beside": ("app/lms/canvas.py", "import app.models"),
    "layers: new room": ("app/attic.py", ""),
    "pure: clock": ("app/domain/money.py", "import time"),
    "pure: files": ("app/lms/docebo.py", "from os import path"),
    "numbers": ("app/domain/attainment.py", "import numpy"),
    "verbs: web": ("app/services/figures.py", "from fastapi import Depends"),
    "verbs: formats": ("app/services/ingest.py", "import app.lms"),
    "calls-out": ("app/api/webhooks.py", "import httpx"),
    "transactions": ("app/api/objectives.py", "import app.db"),
}


def verdicts(folder: Path, files: dict[str, str]) -> str:
    """What the contracts of pyproject.toml say about a project with these files beside empty rooms."""
    rooms = ("main", "cli", "db", "vault", "config", "api/deps", "api/graphql/context")
    packages = ("", "api", "api/graphql", "domain", "domain/impact", "domain/metrics", "lms", "models", "services")
    empty = [f"app/{room}.py" for room in rooms] + [f"app/{package}/__init__.py" for package in packages]
    for name, text in {**dict.fromkeys(empty, ""), **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "pyproject.toml", folder)
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"], cwd=folder, check=False, capture_output=True, text=True
    )
    return run.stdout + run.stderr


def test_the_import_contracts_allow_what_the_rules_allow(tmp_path):
    assert "6 kept, 0 broken" in verdicts(tmp_path, ALLOWED)


def test_the_import_contracts_break_on_everything_that_the_rules_forbid(tmp_path):
    said = verdicts(tmp_path, dict(FORBIDDEN.values()))

    assert "0 kept, 6 broken" in said
    for path, _ in FORBIDDEN.values():
        assert path.removesuffix(".py").replace("/", ".") in said
