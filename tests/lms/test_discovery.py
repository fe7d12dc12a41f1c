"""Adapters are found by listing the folder; a new one needs no edit elsewhere."""

import ast
import importlib
from pathlib import Path

import pytest

from app import lms
from app.lms import adapters

FOLDER = Path(lms.__file__).parent
FORBIDDEN = {
    *("fastapi", "starlette", "strawberry", "sqlmodel", "sqlalchemy", "httpx"),
    *("asyncio", "socket", "os", "time", "random"),
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_first_class_source_has_its_adapter():
    assert set(adapters()) == {
        "360learning",
        "adobe-learning-manager",
        "caliper",
        "canvas",
        "cloudevents",
        "cornerstone",
        "docebo",
        "ispring",
        "learnupon",
        "learnworlds",
        "litmos",
        "mapped",
        "moodle",
        "openedx",
        "scorm-cloud",
        "standard-webhooks",
        "thinkific",
        "xapi",
    }
    assert list(adapters()) == sorted(adapters())


def test_a_new_module_is_found_and_one_whose_name_differs_is_refused(tmp_path, monkeypatch):
    lines = (
        "from dataclasses import replace",
        "from app.lms import docebo",
        "ADAPTER = replace(docebo.ADAPTER, slug='{}')",
    )
    good = "\n".join(lines)
    (tmp_path / "lms_7taps.py").write_text(good.format("7taps"))
    (tmp_path / "_shared.py").write_text("raise AssertionError('not an adapter')")
    monkeypatch.setattr(lms, "__path__", [*lms.__path__, str(tmp_path)])
    adapters.cache_clear()
    try:
        assert adapters()["7taps"].title == "Docebo"

        adapters.cache_clear()
        importlib.invalidate_caches()
        (tmp_path / "other.py").write_text(good.format("another"))
        with pytest.raises(RuntimeError, match="file name and slug must match"):
            adapters()
    finally:
        monkeypatch.undo()
        adapters.cache_clear()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_the_folder_is_pure_and_its_adapters_know_nothing_of_each_other(path):
    found = list(imports(path))
    names = {one.stem for one in FOLDER.glob("*.py") if not one.stem.startswith("_")}

    assert {name.partition(".")[0] for name in found} & FORBIDDEN == set()
    assert [name for name in found if name.startswith("app.") and not name.startswith(("app.lms", "app.domain"))] == []
    assert [name for name in found if name.startswith("app.lms.") and name.split(".")[2] in names] == []
    assert "datetime.now" not in path.read_text()
