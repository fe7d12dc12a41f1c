"""Calls to addresses that somebody typed in: screened, pinned, bounded. No test leaves the machine."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import pytest

from app import outbound
from app.outbound import ANSWER_BYTES_MAX, CallFailed, CallRefused, Outbound

PUBLIC = "93.184.215.14"


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    yield body


class Network:
    """A resolver and a connector that only remember."""

    def __init__(
        self,
        *answers: Sequence[str],
        reply: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, content=streamed(b"[]")),
    ) -> None:
        self.answers = list(answers) or [[PUBLIC]]
        self.asked: list[tuple[str, int]] = []
        self.requests: list[httpx.Request] = []
        self.reply = reply

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def connect(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.reply(request)

    def outbound(self, *trusted: str) -> Outbound:
        return Outbound(trusted, resolve=self.resolve, transport=httpx.MockTransport(self.connect))


REFUSED = [
    "http://lms.example.org/keys",
    "ftp://lms.example.org/keys",
    "file:///etc/passwd",
    "gopher://lms.example.org/",
    "//lms.example.org/keys",
    "https:/lms.example.org",
    "https://",
    "",
    "lms.example.org",
    "https://169.254.169.254/latest/meta-data",
    "https://[fd00:ec2::254]/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://127.0.0.1.nip.0x1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1%25eth0]/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://168.63.129.16/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://localhost./",
    "https://lms.example.org./keys",
    "https://user@lms.example.org/keys",
    "https://user:password@127.0.0.1/keys",
    "https://lms.example.org\\@127.0.0.1/",
    "https://lms.example.org/\\keys",
    "https://lms.example.org\t/keys",
    "https://lms.example.org/ke ys",
    " https://lms.example.org/keys",
    "https://lms.example.org/keys\n",
    "https://lms.example.org#@127.0.0.1/",
    "https://ⓛms.example.org/",
    "https://127。0。0。1/",
    "https://lms.example.org:22/keys",
    "https://lms.example.org:5432/keys",
    "https://lms.example.org:80/keys",
    "https://lms.example.org:99999/keys",
    "https://lms.example.org/" + "k" * 500,
]


@pytest.mark.parametrize("url", REFUSED)
async def test_an_address_that_could_lead_inside_is_refused_at_save_and_at_send(url: str) -> None:
    network = Network()

    with pytest.raises(CallRefused):
        await network.outbound().screen(url)
    with pytest.raises(CallRefused):
        await network.outbound().get(url)

    assert network.requests == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["::1"], ["fd00::1"], ["fe80::1%eth0"], [PUBLIC, "192.168.0.9"], ["not one"], []],
)
async def test_any_record_that_is_not_public_refuses_the_name(addresses: list[str]) -> None:
    network = Network(addresses)

    with pytest.raises(CallRefused):
        await network.outbound().screen("https://lms.example.org/keys")
    with pytest.raises(CallRefused):
        await network.outbound().get("https://lms.example.org/keys")

    assert network.requests == []


async def test_the_connection_goes_to_the_screened_address_under_the_name() -> None:
    network = Network([PUBLIC], ["127.0.0.1"])

    body = await network.outbound().get("https://LMS.example.org/keys?a=b")

    (request,) = network.requests
    assert body == b"[]"
    assert str(request.url) == f"https://{PUBLIC}/keys?a=b"
    assert request.headers["host"] == "lms.example.org"
    assert request.extensions["sni_hostname"] == "lms.example.org"
    assert network.asked == [("lms.example.org", 443)]


async def test_a_name_that_moves_inside_after_it_was_saved_is_refused_when_it_is_called() -> None:
    network = Network([PUBLIC], ["127.0.0.1"])
    calls = network.outbound()

    await calls.screen("https://lms.example.org/keys")
    with pytest.raises(CallRefused, match="public internet"):
        await calls.get("https://lms.example.org/keys")

    assert network.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    network = Network(reply=lambda _: httpx.Response(status, headers={"Location": "https://127.0.0.1/"}))

    with pytest.raises(CallFailed, match=str(status)):
        await network.outbound().get("https://lms.example.org/keys")

    assert len(network.requests) == 1


async def test_a_large_answer_is_not_read_to_its_end() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1024

    network = Network(reply=lambda _: httpx.Response(200, content=endless()))

    with pytest.raises(CallFailed, match="larger than 64 KiB"):
        await network.outbound().get("https://lms.example.org/keys")

    assert read <= ANSWER_BYTES_MAX // 1024 + 1


async def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    monkeypatch.setattr(outbound, "CALL_SECONDS", 0.1)
    network = Network(reply=lambda _: httpx.Response(200, content=dripping()))

    with pytest.raises(CallFailed, match="did not answer"):
        await network.outbound().get("https://lms.example.org/keys")


async def test_a_slow_resolver_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(10)
        return [PUBLIC]

    monkeypatch.setattr(outbound, "RESOLVE_SECONDS", 0.05)

    with pytest.raises(CallRefused, match="no address"):
        await Outbound(resolve=never).screen("https://lms.example.org/keys")


async def test_what_breaks_on_the_way_is_a_failed_call() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(CallFailed, match="ConnectError"):
        await Network(reply=broken).outbound().get("https://lms.example.org/keys")


async def test_a_public_address_may_be_written_as_such() -> None:
    network = Network()

    await network.outbound().get(f"https://{PUBLIC}/keys")
    await network.outbound().get("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/keys")

    assert network.asked == []
    assert [request.url.host for request in network.requests] == [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


async def test_an_origin_that_the_operator_trusts_may_be_inside() -> None:
    network = Network(["10.0.0.7"])
    calls = network.outbound("http://keys.internal:8080", "https://keys.internal/")

    await calls.get("http://keys.internal:8080/jwks")
    await calls.get("https://keys.internal/jwks")
    with pytest.raises(CallRefused):
        await calls.get("http://keys.internal:8081/jwks")

    assert [str(request.url) for request in network.requests] == ["http://10.0.0.7:8080/jwks", "https://10.0.0.7/jwks"]
