"""`/v1/oauth/token`: access tokens for LMSs that push with OAuth 2.0 client credentials (LinkedIn Learning, Udemy).

Answers are those of RFC 6749, section 5, not problem documents: https://www.rfc-editor.org/rfc/rfc6749#section-5
"""

import base64
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api import tokens
from app.api.deps import DirectoryOf, VaultOf
from app.api.errors import BASIC_CHALLENGE
from app.api.setups import Connected, Directory
from app.domain.errors import NotFound
from app.lms import Unreadable
from app.lms._body import form

router = APIRouter(prefix="/oauth", tags=["webhooks"])

SCOPE = "xapi:write"
"""What a token allows: to deliver to its source. Other scopes are ignored, and the answer says so (section 3.3)."""

_FORM_TYPE = "application/x-www-form-urlencoded"
_PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "client_id": {"type": "string", "description": "Unless sent with HTTP Basic."},
                        "client_secret": {"type": "string", "description": "Unless sent with HTTP Basic."},
                        "scope": {"type": "string"},
                    },
                }
            }
        },
    }
}


class AccessToken(BaseModel):
    """A token to deliver with (RFC 6749, section 5.1)."""

    access_token: str = Field(description="Send it as `Authorization: Bearer ...` to the source's webhook URL.")
    token_type: str = Field(default="Bearer", description="Always Bearer.")
    expires_in: int = Field(default=tokens.LIFETIME_SECONDS, description="Seconds until it stops working.")
    scope: str = Field(default=SCOPE, description="What it allows.")


class OAuthError(BaseModel):
    """Why no token was issued (RFC 6749, section 5.2)."""

    error: str = Field(description="invalid_request, invalid_client, unsupported_grant_type.")
    error_description: str = Field(description="What to mend.")


class _NotIssued(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@router.post(
    "/token",
    operation_id="issueAccessToken",
    summary="Get an access token",
    response_model=AccessToken,
    responses={
        400: {"model": OAuthError, "description": "The request is not one for a token."},
        401: {"model": OAuthError, "description": "The client is unknown or its secret is wrong."},
    },
    openapi_extra=_FORM,
)
async def issue_access_token(request: Request, directory: DirectoryOf, vault: VaultOf) -> JSONResponse:
    """Exchange the client id and secret of a source with the scheme oauth2 for a token of one hour."""
    try:
        connected, secret = await _authenticated(request, directory)
    except _NotIssued as refusal:
        headers = dict(_PRIVATE)
        if refusal.error == "invalid_client":
            headers["WWW-Authenticate"] = BASIC_CHALLENGE
        content = OAuthError(error=refusal.error, error_description=refusal.description)
        status = 401 if refusal.error == "invalid_client" else 400
        return JSONResponse(content.model_dump(), status, headers)
    token = tokens.issue(vault, connected, secret, datetime.now(UTC))
    return JSONResponse(AccessToken(access_token=token).model_dump(), 200, _PRIVATE)


async def _authenticated(request: Request, directory: Directory) -> tuple[Connected, str]:
    """Return the source whose client this is, and its secret. Raises _NotIssued."""
    fields = await _fields(request)
    clients = _clients(request.headers.get("authorization"), fields)
    if fields.get("grant_type") != "client_credentials":
        named = "unsupported_grant_type" if fields.get("grant_type") else "invalid_request"
        raise _NotIssued(named, "Send grant_type=client_credentials.")
    for client_id, client_secret in clients:
        connected = await _client(directory, client_id, client_secret)
        if connected is not None:
            return connected, client_secret
    raise _NotIssued("invalid_client", "The client is unknown or its secret is wrong.")


async def _fields(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM_TYPE:
        raise _NotIssued("invalid_request", f"Send the parameters as {_FORM_TYPE}.")
    try:
        fields = form(await request.body())
    except Unreadable as error:
        raise _NotIssued("invalid_request", f"The parameters cannot be read: {error}.") from None
    return {name: value for name, value in fields.items() if value}


def _clients(authorization: str | None, fields: dict[str, str]) -> list[tuple[str, str]]:
    """Return the client's id and secret, in the spellings that it may mean (section 2.3.1 form-encodes both)."""
    if authorization is None:
        if "client_id" not in fields or "client_secret" not in fields:
            raise _NotIssued("invalid_client", "Send client_id and client_secret, with HTTP Basic or in the body.")
        return [(fields["client_id"], fields["client_secret"])]
    if "client_secret" in fields:
        raise _NotIssued("invalid_request", "Send the secret once: with HTTP Basic or in the body.")
    scheme, _, credentials = authorization.partition(" ")
    try:
        sent = credentials.strip() if scheme.lower() == "basic" else "-"
        client_id, _, secret = base64.b64decode(sent, validate=True).decode().partition(":")
    except ValueError:
        raise _NotIssued("invalid_client", "The Authorization header holds no Basic credentials.") from None
    if fields.get("client_id", client_id) != client_id:
        raise _NotIssued("invalid_request", "The body names another client than the Authorization header.")
    return list(dict.fromkeys([(unquote_plus(client_id), unquote_plus(secret)), (client_id, secret)]))


async def _client(directory: Directory, client_id: str, client_secret: str) -> Connected | None:
    """Return the source with this id and secret, which may have been rotated a moment ago; None: there is none."""
    tenant, _, source = client_id.partition(".")
    try:
        connected: Connected | None = await directory.find(tenant, source)
        while connected is not None and not _proves(connected, client_secret):
            connected = await directory.renewed(connected)
    except NotFound:
        return None
    return connected


def _proves(connected: Connected, client_secret: str) -> bool:
    if connected.setup.authentication["scheme"] != "oauth2":
        return False
    sent = client_secret.encode()
    return sum(hmac.compare_digest(each.encode(), sent) for each in connected.setup.secrets) > 0
