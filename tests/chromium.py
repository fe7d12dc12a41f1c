"""A headless Chromium driven over its DevTools pipe (https://chromedevtools.github.io/devtools-protocol/).

As a pytest plugin it leaves the tests marked `browser` out where there is no Chromium, and says so.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--window-size=1280,900",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and answers on 4. A descriptor moved aside first cannot be overwritten.
PLUMBING = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def executable() -> str | None:
    """The path of a Chromium on this machine, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if executable():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not executable():
        terminalreporter.write_line(f"Tests marked browser are left out: none of {', '.join(NAMES)} is on the PATH.")
        terminalreporter.write_line("To run them, install Chromium (Debian: apt-get install chromium).")


class Tab:
    """One page: what it asked for, what it complained about, and a way to run a script in it."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._last = 0
        self._loaded = False
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to a page and wait until it and its scripts are loaded."""
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._note(self._read())

    def evaluate(self, script: str) -> Any:
        """Return the value of a script; it must be one that JSON can hold."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, condition: str, seconds: float = 20) -> None:
        """Wait until a condition, written as a script, holds."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                shown = self.evaluate("document.body.innerText")
                raise AssertionError(f"never true: {condition}\n{self.complaints}\n{shown}")
            time.sleep(0.05)

    def wait_for_text(self, text: str, selector: str = "body") -> None:
        self.wait_for(f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})")

    def click(self, selector: str) -> None:
        """Wait for an element and click on it."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.wait_for(element)
        self.evaluate(f"{element}.click()")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._last:
            self._note(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._answers], [], [], 30)[0]:
                raise AssertionError("Chromium has not answered for 30 seconds")
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise AssertionError("Chromium has gone away")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded" if params["entry"]["level"] in {"warning", "error"}:
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in {"warning", "error", "assert"}:
                self.complaints.append(str([argument.get("value") for argument in params["args"]]))


@contextlib.contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """Start Chromium with an empty profile and give its page; it ends with the block."""
    path = executable()
    if path is None:
        raise AssertionError("no Chromium on this machine")
    commands_in, commands = os.pipe()
    answers, answers_out = os.pipe()
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            PLUMBING,
            str(commands_in),
            str(answers_out),
            path,
            *FLAGS,
            f"--user-data-dir={profile}",
        ],
        pass_fds=(commands_in, answers_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as browser:
        os.close(commands_in)
        os.close(answers_out)
        try:
            yield Tab(commands, answers)
        finally:
            browser.terminate()
            browser.wait(10)
            os.close(commands)
            os.close(answers)
