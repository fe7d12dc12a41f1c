"""Calls to addresses that somebody typed in: the only place that makes them.

An address is screened when it is saved and again at every call: https on its usual port, one plain host name or
address, and every record of the name public. The connection goes to the very address that was screened (the name stays
in the Host header and in TLS), so that a second look-up cannot lead elsewhere. Redirects are not followed and proxies
of the environment not used.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to the addresses of the host, as text; OSError when there are none."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

ANSWER_BYTES_MAX = 64 * 1024
CONNECT_SECONDS = 3.0
CALL_SECONDS = 5.0
RESOLVE_SECONDS = 2.0
POST_SECONDS = 20.0
EXCERPT_BYTES = 500
EXCERPT_SECONDS = 1.0
"""What is read, and for how long, of an answer that refuses what was posted: a hint for whoever mends it."""

_URL_LENGTH = 500
_PORTS = {"https": 443, "http": 80}
_OK = 200
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-\[\]-~]*)?",
    re.ASCII | re.IGNORECASE,
)
"""Without user, fragment (refused below), backslash, space or anything beyond ASCII; a name ends in no dot."""

_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$", re.ASCII | re.IGNORECASE)
"""What readers of addresses take for a number, whatever stands before: only the plain dotted form is meant."""

_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",  # carrier-grade NAT, RFC 6598; some clouds' metadata
            "168.63.129.16/32",  # Azure's host
            "192.0.0.0/24",  # RFC 6890; some clouds' metadata
            "192.88.99.0/24",  # 6to4 relays
            "64:ff9b::/96",  # IPv4 behind NAT64, RFC 6052
            "64:ff9b:1::/48",  # the same, RFC 8215
            "2001::/32",  # IPv4 behind Teredo
            "2002::/16",  # IPv4 behind 6to4
            "fec0::/10",  # site-local
        ),
    )
)


class CallRefused(Exception):
    """The address may not be called. The message says why and what would be accepted."""


class CallFailed(Exception):
    """The address was called, or could not be reached, and gave nothing usable."""


@dataclass(frozen=True, slots=True)
class _Target:
    url: httpx.URL
    port: int
    trusted: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post: the status, or why there is none; how long to wait at least if it asked for that."""

    status: int | None
    reason: str | None
    milliseconds: int
    retry_after: timedelta | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it was answered 2xx."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004  the first digit of the status


async def _look_up(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Outbound:
    """Screens addresses and fetches from them.

    `trusted` are origins (`https://keys.lms.internal:8443`) that an operator lets through whatever they resolve to.
    `resolve` and `transport` stand in for the network in tests.
    """

    def __init__(
        self,
        trusted: Collection[str] = (),
        *,
        resolve: Resolver = _look_up,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._trusted = frozenset(origin.rstrip("/").lower() for origin in trusted)
        self._resolve = resolve
        self._transport = transport

    async def screen(self, url: str) -> None:
        """Raise CallRefused unless `url` may be called."""
        await self._addresses(self._target(url))

    async def get(self, url: str) -> bytes:
        """Return the body of a 200 answer, at most 64 KiB. Raises CallRefused and CallFailed, within five seconds."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                target = self._target(url)
                return await self._fetch(target, (await self._addresses(target))[0])
        except TimeoutError:
            raise CallFailed(f"it did not answer within {CALL_SECONDS:.0f} seconds") from None
        except httpx.HTTPError as error:
            raise CallFailed(f"it cannot be reached ({type(error).__name__})") from error

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, at: datetime) -> Answer:
        """Post a body and return what came of it, within twenty seconds whatever the other side does.

        No more of an answer is read than an excerpt of a refusal. `at` is what a date in Retry-After is counted from.
        """
        started = time.perf_counter()
        try:
            async with asyncio.timeout(POST_SECONDS):
                target = self._target(url)
                address = (await self._addresses(target))[0]
                async with self._calling(target, address, "POST", content=body, headers=headers) as answer:
                    refused = answer.status_code // 100 != 2  # noqa: PLR2004  the first digit of the status
                    reason = await _excerpt(answer) if refused else None
                    retry_after = _retry_after(answer.headers.get("retry-after"), at)
                    return Answer(answer.status_code, reason, _since(started), retry_after)
        except CallRefused as error:
            return Answer(None, f"not called: {error}", _since(started))
        except TimeoutError:
            return Answer(None, f"no answer within {POST_SECONDS:.0f} seconds", _since(started))
        except httpx.HTTPError as error:
            return Answer(None, f"it cannot be reached ({type(error).__name__})", _since(started))

    def _target(self, url: str) -> _Target:
        parts = _ADDRESS.fullmatch(url) if len(url) <= _URL_LENGTH and "#" not in url else None
        if parts is None:
            raise CallRefused("it must be a plain address such as https://lms.example.org/keys")
        scheme, host = parts["scheme"].lower(), parts["host"].lower()
        port = int(parts["port"] or _PORTS[scheme])
        usual = port == _PORTS[scheme]
        origin = f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}"
        trusted = origin in self._trusted
        if not trusted:
            if scheme != "https":
                raise CallRefused("it must begin with https://")
            if not usual:
                raise CallRefused("it must be on the usual port, 443")
        try:
            return _Target(httpx.URL(url), port, trusted)
        except httpx.InvalidURL:
            raise CallRefused("its host is neither a name nor a plainly written address") from None

    async def _addresses(self, target: _Target) -> list[str]:
        """Return where to connect to; every address of the name must be public unless the origin is trusted."""
        host = target.url.host
        literal = _literal(host)
        if literal is None and _NUMERIC_END.search(host):
            raise CallRefused("its host is a number in disguise: write the address plainly")
        found = [host] if literal is not None else await self._resolved(host, target.port)
        if not target.trusted and not all(_is_public(address) for address in found):
            raise CallRefused("its host is not on the public internet")
        return found

    async def _resolved(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = list(await self._resolve(host, port))
        except (OSError, UnicodeError, TimeoutError):
            found = []
        if not found:
            raise CallRefused("its host has no address")
        return found

    async def _fetch(self, target: _Target, address: str) -> bytes:
        async with self._calling(target, address, "GET", headers={"Accept": "application/json"}) as answer:
            if answer.status_code != _OK:
                raise CallFailed(f"it answered {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise CallFailed(f"its answer is larger than {ANSWER_BYTES_MAX // 1024} KiB")
            return bytes(body)

    @contextlib.asynccontextmanager
    async def _calling(
        self, target: _Target, address: str, method: str, *, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Call the screened address under the target's name; what is not read of the answer stays on the wire."""
        client = httpx.AsyncClient(
            transport=self._transport,
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
            timeout=httpx.Timeout(POST_SECONDS, connect=CONNECT_SECONDS),
            headers={"Host": target.url.netloc.decode("ascii"), "Accept-Encoding": "identity", **headers},
        )
        pinned = target.url.copy_with(host=address)
        named = {"sni_hostname": target.url.host}
        async with client, client.stream(method, pinned, content=content, extensions=named) as answer:
            yield answer


async def _excerpt(answer: httpx.Response) -> str:
    """Return the status in a sentence with the beginning of the body, as far as it came in one piece."""
    told = f"it answered {answer.status_code}"
    text = ""
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(EXCERPT_SECONDS):
            async for chunk in answer.aiter_raw(EXCERPT_BYTES):
                text = " ".join(chunk.decode("utf-8", "replace").split())
                break
    plain = "".join(character for character in text if character.isprintable())
    return f"{told}: {plain[:EXCERPT_BYTES]}" if plain else told


def _retry_after(text: str | None, at: datetime) -> timedelta | None:
    """Return how long a Retry-After asks to wait: seconds or a date (RFC 9110, 10.2.3); None for anything else."""
    if text is None:
        return None
    if re.fullmatch("[0-9]{1,9}", text.strip(), re.ASCII):
        return timedelta(seconds=int(text))
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)) - at
    except (ValueError, OverflowError):
        return None


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


@cache
def _authorities() -> ssl.SSLContext:
    """Return the authorities that vouch for names; reading them takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(text: str) -> bool:
    address = _literal(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address is None or not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
