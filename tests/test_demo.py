"""The demo, as a newcomer runs it: killed in the middle, run again, and run once more."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

TABLES = ("delivery", "learning_event", "enrolment", "enrolment_version", "person", "identity", "measurement_version")


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app", "demo", "--once", "--port", "0"]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "PATH": "/usr/bin:/bin", "COLUMNS": "120"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def counts(folder: Path) -> dict[str, int]:
    connection = sqlite3.connect(folder / "throughline.db", timeout=20)
    try:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608  names of this file
    except sqlite3.OperationalError:
        return dict.fromkeys(TABLES, 0)
    finally:
        connection.close()


def wait_until_half_is_posted(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 150
    while counts(folder)["delivery"] < 300 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, int], str, dict[str, int]]:
    """What the demo prints and stores: after a run that followed a killed one, and after one more."""
    folder = tmp_path_factory.mktemp("demo")
    killed = start(folder)
    wait_until_half_is_posted(folder, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    first, _ = start(folder).communicate(timeout=300)
    after_first = counts(folder)
    second, _ = start(folder).communicate(timeout=300)
    return first, after_first, second, counts(folder)


def test_the_printed_figures_are_the_published_ones(runs) -> None:
    printed = re.sub(r"\s+", " ", runs[0])

    assert "-0.317 (0.164)" in printed
    assert "0.057 (0.406)" in printed
    assert "Evidence grade 2 of 5" in printed
    assert "“is consistent with”" in printed
    assert "1562 / 2611" in printed


def test_after_a_kill_every_completion_is_there_once(runs) -> None:
    assert runs[1]["learning_event"] == runs[1]["enrolment"] == runs[1]["enrolment_version"] == 3474
    assert runs[1]["person"] == 8877
    assert "3474 learning events recorded" not in runs[0]


def test_another_run_changes_nothing(runs) -> None:
    assert "0 learning events recorded, 3474 known already" in runs[2]
    assert runs[3] == runs[1]
