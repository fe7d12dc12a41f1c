"""Recordings: `<source>/<case>.http`, a raw HTTP request, and `<source>/<case>.json`, what is expected of it."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from email.parser import BytesParser
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.lms import Delivery, SourceSetup

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recording:
    source: str
    case: str
    request: bytes
    expectation: dict

    @property
    def delivery(self) -> Delivery:
        head, _, body = self.request.partition(b"\n\n")
        line, _, headers = head.partition(b"\n")
        method, target, _ = line.decode().split(" ", 2)
        url = urlsplit(target)
        return Delivery(
            headers={name.lower(): value for name, value in BytesParser().parsebytes(headers + b"\n\n").items()},
            body=body,
            received_at=datetime.fromisoformat(self.expectation["received_at"]),
            method=method,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
        )

    @property
    def setup(self) -> SourceSetup:
        told = dict(self.expectation["setup"])
        return SourceSetup(secrets=tuple(told.pop("secrets", ())), **told)

    @property
    def carries_proof(self) -> bool:
        """Return whether the request itself proves who sent it, and is expected to be believed."""
        scheme = self.expectation["setup"]["authentication"]["scheme"]
        return scheme not in {"none", "oauth2"} and self.expectation["expected"]["verdict"] != "rejected"


def recording_files() -> list[Path]:
    """Return the stems of all recordings, whichever halves they have."""
    halves = [path for path in FOLDER.glob("*/*.*") if path.suffix in {".http", ".json"}]
    return sorted({path.with_suffix("") for path in halves})


def recordings() -> list[Recording]:
    """Return the recordings of which both halves are there."""
    return [
        Recording(
            stem.parent.name,
            stem.name,
            stem.with_name(f"{stem.name}.http").read_bytes(),
            json.loads(stem.with_name(f"{stem.name}.json").read_text()),
        )
        for stem in recording_files()
        if stem.with_name(f"{stem.name}.http").exists() and stem.with_name(f"{stem.name}.json").exists()
    ]


def as_json(value):
    """Return an event, or a part of one, as JSON values; members that say nothing are left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [as_json(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        told = {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
        kept = {name: part for name, part in told.items() if part not in (None, [], {})}
        usual = {"item": 0, "affirmed": False}
        return {name: part for name, part in kept.items() if name not in usual or part != usual[name]}
    return value


@pytest.fixture
def told():
    """Return the function that spells events as JSON values."""
    return lambda events: [as_json(event) for event in events]


def pytest_generate_tests(metafunc):
    """Run every test that asks for a recording with each of them."""
    if "recording" in metafunc.fixturenames:
        found = recordings()
        metafunc.parametrize("recording", found, ids=[f"{one.source}/{one.case}" for one in found])
    if "signed_recording" in metafunc.fixturenames:
        proven = [one for one in recordings() if one.carries_proof]
        metafunc.parametrize("signed_recording", proven, ids=[f"{one.source}/{one.case}" for one in proven])
    if "recording_stem" in metafunc.fixturenames:
        stems = recording_files()
        metafunc.parametrize("recording_stem", stems, ids=[f"{stem.parent.name}/{stem.name}" for stem in stems])


@pytest.fixture(scope="session")
def all_recordings():
    """Return every recording."""
    return recordings()
