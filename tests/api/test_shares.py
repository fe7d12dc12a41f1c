"""Fair shares, deprecations, traces, and the methods that addresses take: told in headers, on every route alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app.api import deprecations, passages
from app.api.middleware import Limits, RequestFrame
from app.api.rates import Rates
from app.api.routing import KeyRoute
from app.config import Settings
from app.main import create_app
from tests.builders import complete
from tests.engines import SECRET_KEY, Organisation

SINCE, SUNSET = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)


@pytest.fixture
def three(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three requests a minute for each key."""
    monkeypatch.setitem(app.state._state, "rates", Rates(3, 60))
    return


@pytest.mark.usefixtures("three")
async def test_a_key_that_has_used_up_its_share_waits_and_nobody_else_does(
    acme: Organisation, rival: Organisation
) -> None:
    answers = [await acme.client.get("/v1/objectives", params={"limit": 1}) for _ in range(4)]
    graph = await acme.client.post("/graphql", json={"query": "{ tenant { id } }"})
    other = await rival.client.get("/v1/objectives")

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert {each.headers["ratelimit-policy"] for each in answers} == {'"key";q=3;w=60'}
    assert [each.headers["ratelimit"].partition(";t=")[0] for each in answers] == [
        '"key";r=2',
        '"key";r=1',
        '"key";r=0',
        '"key";r=0',
    ]
    refused = answers[-1]
    assert (refused.json()["code"], refused.headers["content-type"]) == (
        "too_many_requests",
        "application/problem+json",
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].endswith(f";t={refused.headers['retry-after']}")
    assert graph.status_code == 429
    assert (other.status_code, other.headers["ratelimit"].partition(";t=")[0]) == (200, '"key";r=2')


async def test_an_lms_is_never_told_to_slow_down_by_a_share(
    app: FastAPI, acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (await acme.client.post("/v1/sources", json={"name": "D", "slug": "d", "adapter": "docebo"})).json()
    monkeypatch.setitem(app.state._state, "rates", Rates(1, 60))

    for user in range(3):
        await complete(acme.client, source, 884, user)


def test_no_limit_tells_nothing() -> None:
    assert Rates(0, 60).take(datetime.now(UTC)) is None  # type: ignore[arg-type]


async def test_a_deprecated_route_says_so_in_its_answers_and_in_the_reference(app: FastAPI, acme: Organisation) -> None:
    router = APIRouter(prefix="/old", route_class=KeyRoute)
    going = deprecations.deprecated(SINCE, SUNSET, "/v1/objectives")

    async def old() -> dict[str, str]:
        return {}

    router.add_api_route("", old, methods=["GET"], **going)
    service = FastAPI()
    service.include_router(router)
    service.state._state |= app.state._state
    framed = RequestFrame(service, Limits(1000, 1))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(framed), base_url="http://test") as client:
        answer = await client.get("/old", headers={"Authorization": f"Bearer {acme.token}"})

    assert answer.headers["deprecation"] == f"@{int(SINCE.timestamp())}"
    assert answer.headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert answer.headers["link"] == '</v1/objectives>; rel="successor-version"'
    assert service.openapi()["paths"]["/old"]["get"]["deprecated"] is True
    with pytest.raises(ValueError, match="six months"):
        deprecations.deprecated(SINCE, SINCE + timedelta(days=100), "/v1/objectives")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", None),
        (b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        (b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        (b"x", None),
        (b"", None),
    ],
)
def test_a_trace_of_the_caller_is_taken_up_when_it_is_one(sent: bytes, told: str | None) -> None:
    assert passages._trace(sent).get("trace_id") == told


async def test_every_address_names_its_methods_where_it_does_not_take_one(app: FastAPI, acme: Organisation) -> None:
    for path, operations in app.openapi()["paths"].items():
        if path.startswith(("/v1/webhooks/", "/v1/xapi/")):
            continue
        address = path.replace("{external_id}", "x").replace("{", "").replace("}", "")

        for method in ("BREW", "TRACE"):
            answer = await acme.client.request(method, address)

            methods = {each.upper() for each in operations} | ({"HEAD"} if "get" in operations else set())
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), (method, path)
            assert methods <= set(answer.headers["allow"].split(", ")), path


async def test_only_listed_origins_may_call_from_a_browser(tmp_path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/none.db",
        secret_keys=(SECRET_KEY,),
        cors_origins=("https://app.example.org",),
    )
    transport = httpx.ASGITransport(create_app(settings))
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        good = await client.options("/v1/objectives", headers=asked | {"Origin": "https://app.example.org"})
        for origin in ("https://evil.example", "null", "https://app.example.org.evil.example"):
            answer = await client.options("/v1/objectives", headers=asked | {"Origin": origin})
            assert "access-control-allow-origin" not in answer.headers

    assert good.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-credentials" not in good.headers
