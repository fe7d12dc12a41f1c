"""`throughline tenant` and `key`, `version`, and how every command refuses what is obviously wrong."""

import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI

from app import __version__
from app.cli.tenants import found
from app.config import Settings
from app.db import Database
from app.services import tenants
from tests.cli.conftest import Command, answered


def slug() -> str:
    return f"c-{secrets.token_hex(6)}"


def test_the_version_is_printed(run: Command) -> None:
    assert run("version").stdout == f"throughline {__version__}\n"
    assert answered(run("version", "--json")) == {"version": __version__}


def test_without_a_command_all_commands_are_listed(run: Command) -> None:
    said = run().output

    for name in ("serve", "worker", "demo", "migrate", "tenant", "key", "import", "job", "version"):
        assert f" {name} " in said


def test_a_new_tenant_comes_with_a_key_of_every_scope(command: Command) -> None:
    name = slug()

    made = answered(command("tenant", "create", name, "--name", "Acme Works", "--json"))

    assert (made["slug"], made["name"]) == (name, "Acme Works")
    assert made["id"].startswith("ten_")
    assert made["key"]["token"].startswith(f"tl_{name}_")
    assert made["key"]["scopes"] == ["read", "write", "ingest", "admin"]
    assert {"id": made["id"], "slug": name} in answered(command("tenant", "list", "--json"))["items"]


async def test_the_first_key_opens_the_api(app: FastAPI) -> None:
    _, made = await found(app.state.database, slug(), "Acme")

    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {made.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        answer = await client.get("/v1/keys")

    assert answer.status_code == 200
    assert [key["name"] for key in answer.json()["items"]] == ["First key"]


def test_a_person_reads_the_token_and_how_to_try_it(command: Command) -> None:
    name = slug()

    said = command("tenant", "create", name)

    assert said.exit_code == 0
    assert f"    tl_{name}_" in said.stdout
    assert "curl -H 'Authorization: Bearer tl_" in said.stdout
    assert name in command("tenant", "list").stdout


def test_a_slug_that_is_taken_is_refused_with_what_to_do(command: Command) -> None:
    name = slug()
    command("tenant", "create", name)

    said = command("tenant", "create", name)

    assert said.exit_code == 2
    assert said.stdout == ""
    assert f"There is a tenant {name} already" in said.stderr
    assert f"throughline key create {name}" in said.stderr
    assert len(answered(command("key", "list", name, "--json"))["items"]) == 1


async def test_a_founding_that_broke_off_is_finished(app: FastAPI) -> None:
    database: Database = app.state.database
    name = slug()
    async with database.founding() as session:
        half = await tenants.found(session, name, "Acme")

    scope, _ = await found(database, name, "Acme")

    async with database.reading(scope) as session:
        assert (await tenants.read(session, half.id)).slug == name


def test_keys_are_made_listed_and_revoked(command: Command) -> None:
    name = slug()
    command("tenant", "create", name)

    made = answered(
        command("key", "create", name, "--name", "Power BI", "--scope", "read", "--scope", "ingest", "--json")
    )
    revoked = answered(command("key", "revoke", made["id"], "--json"))
    listed = answered(command("key", "list", name, "--json"))["items"]

    assert made["token"].startswith(f"tl_{name}_")
    assert made["scopes"] == ["read", "ingest"]
    assert revoked["revoked_at"] is not None
    assert [(key["name"], key["revoked_at"] is None) for key in listed] == [("Power BI", False), ("First key", True)]
    assert made["token"] not in str(listed)
    assert "revoked" in command("key", "list", name).stdout


def test_a_leaked_token_is_revoked_by_itself(command: Command) -> None:
    made = answered(command("tenant", "create", slug(), "--json"))

    said = command("key", "revoke", made["key"]["token"])

    assert said.exit_code == 0
    assert made["key"]["id"] in said.stdout
    assert made["key"]["token"] not in said.output


@pytest.mark.parametrize("given", ["30d", "2999-01-31T00:00:00+02:00"])
def test_a_key_can_be_made_to_expire(run: Command, sqlite_settings: Settings, given: str) -> None:
    name = slug()
    run("tenant", "create", name, settings=sqlite_settings)

    options = ("--name", "short", "--expires", given, "--json")
    made = answered(run("key", "create", name, *options, settings=sqlite_settings))

    expires = datetime.fromisoformat(made["expires_at"])
    expected = datetime.now(UTC) + timedelta(days=30) if given == "30d" else datetime(2999, 1, 30, 22, tzinfo=UTC)
    assert abs(expires - expected) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tenant", "create", "Acme Works"), "'Acme Works' cannot be a slug"),
        (("tenant", "create", "x" * 41), "40 characters at most"),
        (("tenant", "create", "fine", "--name", " "), "A name has 1 to 200 characters"),
        (("key", "create", "nobody", "--name", "x"), "There is no tenant 'nobody'"),
        (("key", "create", "nobody", "--name", " "), "A name has 1 to 200 characters"),
        (("key", "create", "nobody", "--name", "x", "--expires", "tomorrow"), "days such as 90d"),
        (("key", "create", "nobody", "--name", "x", "--expires", "2999-01-31T00:00:00"), "an instant such as"),
        (("key", "create", "nobody", "--name", "x", "--expires", "2001-01-31T00:00:00Z"), "lies in the past"),
        (("key", "revoke", "key_nonsense"), "That is no key"),
        (("key", "revoke", "key_01h455vb4pex5vsknk084sn02q"), "There is no key key_01h455vb4pex5vsknk084sn02q"),
        (("import", "people", "nowhere.csv", "--tenant", "nobody"), "Cannot read nowhere.csv"),
        (("job", "replay", "7"), "That is no id of a job"),
        (("job", "replay", "01890a5d-ac96-774b-bcce-b302099a8057"), "There is no dead job of that id"),
    ],
)
def test_an_obvious_mistake_ends_in_a_sentence(
    run: Command, sqlite_settings: Settings, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments, settings=sqlite_settings)

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_an_unknown_scope_is_refused(run: Command, sqlite_settings: Settings) -> None:
    name = slug()
    run("tenant", "create", name, settings=sqlite_settings)

    result = run("key", "create", name, "--name", "x", "--scope", "root", settings=sqlite_settings)

    assert (result.exit_code, result.stderr) == (2, "Choose scopes among read, write, ingest, admin.\n")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "many", "THROUGHLINE_PORT: Input should be a valid integer"),
        ("DATABASE_URL", "mysql://me:hunter2@host/db", "must begin with sqlite:/// or postgresql://"),
        ("DATABASE_URL", "::nonsense::", "THROUGHLINE_DATABASE_URL must look like"),
        ("DATABASE_URL", "sqlite://", "must name a file"),
        ("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/db", "The database does not answer"),
    ],
)
def test_a_setting_that_cannot_be_meant_ends_in_a_sentence_without_secrets(
    run: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"THROUGHLINE_{name}", value)

    result = run("tenant", "list")

    assert result.exit_code == 2
    assert said in result.stderr
    assert "hunter2" not in result.output


def test_without_a_database_the_command_that_makes_one_is_named(run: Command, tmp_path: Path) -> None:
    result = run("tenant", "list")

    assert result.exit_code == 2
    path = tmp_path / "throughline.db"
    assert result.stderr == f"There is no database at {path}: run `throughline migrate` to make one there.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_secret_key_is_told_before_anything_is_served(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET_KEYS", f"{Fernet.generate_key().decode()},short")

    result = run("serve", "--port", "0")

    assert result.exit_code == 2
    assert "THROUGHLINE_SECRET_KEYS needs Fernet keys" in result.stderr


def test_the_demo_is_handed_the_settings(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    demo = type("demo", (), {"run": staticmethod(lambda settings, once: asked.append((settings.port, once)))})
    monkeypatch.setitem(sys.modules, "app.demo", demo)

    result = run("demo", "--once", "--port", "9000")

    assert result.exit_code == 0, result.output
    assert asked == [(9000, True)]
