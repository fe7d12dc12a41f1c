"""What routes need, as Annotated aliases (the unit itself is opened by `UnitRoute`).

All of them are coroutines: FastAPI sends a plain function to a thread.
"""

from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.principals import Principal
from app.api.setups import Directory
from app.domain.errors import Fault, Invalid
from app.grouping import Group
from app.models.values import AwareTime
from app.services.ingest import Inbound, Receipt
from app.vault import Vault

Ingest = Group[Inbound, Receipt]
"""The queue of deliveries."""

_VERSION_DIGITS = 9
_NO_VERSION = 0

bearer = HTTPBearer(
    auto_error=False, scheme_name="apiKey", bearerFormat="tl_<tenant>_<key id>_<secret>", description="An API key."
)
KEY_REQUIRED = Security(bearer)


async def _session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


async def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


async def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


async def _ingest(request: Request) -> Ingest:
    group: Ingest = request.app.state.ingest
    return group


async def _directory(request: Request) -> Directory:
    directory: Directory = request.app.state.directory
    return directory


async def _base_url(request: Request) -> str:
    url: str = request.app.state.settings.base_url
    return url


async def _versions(
    if_match: Annotated[
        str | None,
        Header(
            description="ETag of the version that you read; a stale one is answered 412.",
            json_schema_extra={"pattern": r'^\s*(\*|(W/)?"[0-9]{1,9}"(\s*,\s*(W/)?"[0-9]{1,9}")*)\s*$'},
        ),
    ] = None,
) -> tuple[int, ...] | None:
    """Return the versions that If-Match allows; none of them: any, as long as there is one (`*`). None: no If-Match."""
    if if_match is None:
        return None
    return () if if_match.strip() == "*" else _etags(if_match, "If-Match")


def _etags(header: str, name: str) -> tuple[int, ...]:
    """Return the versions of strong ETags; of a weak one a version that none is at, as it never matches.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1
    """
    versions = []
    for part in header.split(","):
        text = part.strip()
        strong = text.removeprefix("W/")
        number = strong.removeprefix('"').removesuffix('"')
        if not strong.startswith('"') or not number.isdecimal() or len(number) > _VERSION_DIGITS:
            fault = Fault("not_an_etag", 'takes strong ETags as received, such as "3"', header=name)
            raise Invalid(f"{name} takes ETags as this service gave them.", errors=(fault,))
        versions.append(int(number) if strong == text else _NO_VERSION)
    return tuple(versions)


async def _document_idempotency(
    idempotency_key: Annotated[  # noqa: ARG001  read by UnitRoute; declared here for the reference
        str | None,
        Header(
            description="Any text of yours, 1 to 255 characters. The same key and body give the same answer, without "
            "a second effect, for 24 hours at least.",
            json_schema_extra={"minLength": 1, "maxLength": 255},
        ),
    ] = None,
) -> None:
    return None


IDEMPOTENT = Depends(_document_idempotency)
SessionOf = Annotated[AsyncSession, Depends(_session)]
PrincipalOf = Annotated[Principal, Depends(_principal)]
VaultOf = Annotated[Vault, Depends(_vault)]
IngestOf = Annotated[Ingest, Depends(_ingest)]
DirectoryOf = Annotated[Directory, Depends(_directory)]
BaseUrl = Annotated[str, Depends(_base_url)]
Versions = Annotated[tuple[int, ...] | None, Depends(_versions)]
IfNoneMatch = Annotated[str | None, Header(description="ETag at hand; 304 when it is still current.")]
Newly = Annotated[
    Literal["*"] | None,
    Header(
        alias="If-None-Match",
        description="`*`: only create; a row that is there already is left as it is and answered 412.",
    ),
]
AsOf = Annotated[
    AwareTime | None, Query(description="As it stood at this instant; absent: now.", examples=["2026-03-01T00:00:00Z"])
]
