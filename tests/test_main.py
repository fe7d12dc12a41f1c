"""The service as a whole: it leaves nothing behind when it stops."""

import asyncio

import pytest

from app.api.authentication import Keyring
from app.config import Settings
from app.main import create_app


async def test_what_runs_beside_requests_has_given_its_connection_back_when_the_service_has_stopped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = asyncio.Event()

    async def note_uses_regularly(keyring: Keyring) -> None:
        async with keyring._database.founding():
            working.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(Keyring, "note_uses_regularly", note_uses_regularly)
    before = asyncio.all_tasks()
    service = create_app(settings)

    async with service.router.lifespan_context(service):
        await working.wait()

    assert asyncio.all_tasks() - before == set()
    assert service.state.database.open_connections() == 0
