"""The service as a process of its own, with two organisations, for checks that speak to it over the wire."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Service:
    """A running service; `key` and `rival` are keys of every scope of two organisations."""

    url: str
    key: str
    rival: str

    @property
    def environment(self) -> dict[str, str]:
        """What clients read."""
        return {"THROUGHLINE_URL": self.url, "THROUGHLINE_KEY": self.key}


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """Run `throughline serve` on an embedded database in `folder` until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THROUGHLINE_")}
    told = {f"THROUGHLINE_{name.upper()}": value for name, value in settings.items()}
    environment = kept | {"PYTHONPATH": str(ROOT), "THROUGHLINE_LOG_LEVEL": "error"} | told

    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "app", *arguments]

    def answer_to(*arguments: str) -> str:
        told = subprocess.run(command(*arguments), cwd=folder, env=environment, check=True, stdout=subprocess.PIPE)
        return told.stdout.decode()

    answer_to("migrate")
    keys = [json.loads(answer_to("tenant", "create", slug, "--json"))["key"]["token"] for slug in ("acme", "rival")]
    with subprocess.Popen(
        command("serve", "--port", "0"), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            yield Service(found[0], *keys)
        finally:
            server.terminate()
            server.wait(30)
