"""How long the service takes until it answers, and what it holds when idle, beside importing what it is built on.

python -m benchmarks.api.starts [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORTS = "import fastapi, sqlmodel, strawberry, time; print('ready', flush=True); time.sleep(60)"


def resident(pid: int) -> int:
    """Return the memory that a process holds, in KiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


def _compiled() -> dict[str, str]:
    """Return the environment, without the word that would compile the service's modules again at every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def bare() -> tuple[float, int]:
    """Return seconds until the imports are done, and the KiB held then."""
    started = time.perf_counter()
    command = [sys.executable, "-c", IMPORTS]
    with subprocess.Popen(command, env=_compiled(), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        assert process.stdout is not None  # noqa: S101  asked for above
        process.stdout.readline()
        took = time.perf_counter() - started
        held = resident(process.pid)
        process.kill()
    return took, held


def served(folder: Path) -> tuple[float, int]:
    """Return seconds until the service has answered a first request, and the KiB held then."""
    environment = {**_compiled(), "PYTHONPATH": str(ROOT), "THROUGHLINE_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "app", "serve", "--port", "0"]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        assert process.stdout is not None  # noqa: S101  asked for above
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found is not None  # noqa: S101  the service says where it is
        urllib.request.urlopen(f"{found[0]}/v1/problems").read()  # noqa: S310  an address of ours
        took = time.perf_counter() - started
        time.sleep(0.5)
        held = resident(process.pid)
        process.send_signal(signal.SIGTERM)
    return took, held


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="benchmarks.api.starts")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as name:
        served(Path(name))  # makes the database, as the first start of all does
        pairs = [(served(Path(name)), bare()) for _ in range(rounds)]
    sys.stdout.write("| of one process | service | bare imports | ratio | target |\n|---|---|---|---|---|\n")
    for label, place, unit, target in (("first answer", 0, "s", 2.0), ("idle memory", 1, "MiB", 1.5)):
        scale = 1024 if place else 1
        ours, theirs = (statistics.median(side[place] for side in sides) / scale for sides in zip(*pairs, strict=True))
        ratio = statistics.median(one[place] / other[place] for one, other in pairs)
        sys.stdout.write(f"| {label} | {ours:.2f} {unit} | {theirs:.2f} {unit} | {ratio:.2f} | <= {target} |\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
