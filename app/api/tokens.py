"""Access tokens that this service issues to LMSs (client credentials): good for one source, for an hour, kept nowhere.

A token is bound to the client secret that it was asked for with: when that secret ends, so does the token.
"""

import base64
import secrets
import struct
from datetime import datetime

from app.api.setups import Connected
from app.vault import Vault

LIFETIME_SECONDS = 3_600
_PURPOSE = "access token"
_SCHEME = "bearer "
_PREFIX = "tlo_"
_NONCE = 8
_HEAD = struct.Struct(f">Q{_NONCE}s")
_MAC_LENGTH = 32


def issue(vault: Vault, connected: Connected, secret: str, now: datetime) -> str:
    """Return a new token for a source whose client proved to know `secret`."""
    head = _HEAD.pack(int(now.timestamp()) + LIFETIME_SECONDS, secrets.token_bytes(_NONCE))
    tag = vault.mac(_PURPOSE, _message(connected, head, secret))
    return _PREFIX + base64.urlsafe_b64encode(head + tag).decode().rstrip("=")


def fits(vault: Vault, connected: Connected, authorization: str, now: datetime) -> bool:
    """Return whether an Authorization header carries a token of this source that is good at `now`."""
    scheme, token = authorization[: len(_SCHEME)].lower(), authorization[len(_SCHEME) :].strip()
    if scheme != _SCHEME or not token.startswith(_PREFIX):
        return False
    text = token.removeprefix(_PREFIX)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return False
    if len(raw) != _HEAD.size + _MAC_LENGTH:
        return False
    head, tag = raw[: _HEAD.size], raw[_HEAD.size :]
    good = [vault.mac_fits(_PURPOSE, _message(connected, head, each), tag) for each in connected.setup.secrets]
    return any(good) and int(_HEAD.unpack(head)[0]) > now.timestamp()


def _message(connected: Connected, head: bytes, secret: str) -> bytes:
    return connected.tenant.id.bytes + connected.source_id.bytes + head + secret.encode()
