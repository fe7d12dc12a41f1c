"""Secrets: API keys (made, hashed, checked), encryption at rest, and message authentication codes."""

import base64
import hashlib
import hmac
import os
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.config import Settings
from app.domain import ids

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43
_CHECKSUM_LENGTH = 6
_PARTS = 4
KEY_BEGINS = "tl_"
"""How every API key begins, and nothing else that is sent as a bearer token."""


class VaultError(Exception):
    """A secret cannot be read with the keys at hand. The message names the setting to mend."""


@dataclass(frozen=True, slots=True)
class KeyToken:
    """A well-formed API key token: who says it is, and the hash of its secret."""

    tenant_slug: str
    key_id: UUID
    secret_sha256: bytes


def _base62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def new_key_token(tenant_slug: str, key_id: UUID) -> tuple[str, bytes]:
    """Return a new API key `tl_<tenant>_<key id>_<256-bit secret><checksum>` and the hash to store."""
    secret = _base62(secrets.randbits(256), _SECRET_LENGTH)
    head = f"{KEY_BEGINS}{tenant_slug}_{ids.encode('key', key_id).removeprefix('key_')}_{secret}"
    return head + _checksum(head), hashlib.sha256(secret.encode()).digest()


def parse_key_token(token: str) -> KeyToken | None:
    """Return the parts of a token, or None when it is malformed or mistyped (no query is needed to refuse it)."""
    parts = token.split("_")
    if len(parts) != _PARTS or not token.startswith(KEY_BEGINS) or len(parts[3]) != _SECRET_LENGTH + _CHECKSUM_LENGTH:
        return None
    head, checksum = token[:-_CHECKSUM_LENGTH], token[-_CHECKSUM_LENGTH:]
    if not token.isascii() or not hmac.compare_digest(_checksum(head), checksum):
        return None
    try:
        key_id = ids.decode("key", f"key_{parts[2]}")
    except ValueError:
        return None
    return KeyToken(parts[1], key_id, hashlib.sha256(parts[3][:_SECRET_LENGTH].encode()).digest())


class Vault:
    """Encrypts what must be readable again and signs what must not be forged, under rotatable keys (newest first)."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise VaultError("THROUGHLINE_SECRET_KEYS needs Fernet keys: 32 bytes, url-safe base64") from error
        self._mac_keys = [hashlib.sha256(b"throughline mac" + base64.urlsafe_b64decode(key)).digest() for key in keys]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """Return the vault of this process; the embedded default makes its key on the first run (mode 0600)."""
        if settings.secret_keys:
            return cls([key.get_secret_value() for key in settings.secret_keys])
        if not settings.embedded:
            raise VaultError("set THROUGHLINE_SECRET_KEYS: with PostgreSQL the key is not kept in a file")
        return cls([_kept_key(settings.secret_file)])

    def encrypt(self, plain: bytes) -> str:
        """Return `plain` as a Fernet token under the newest key."""
        return self._fernet.encrypt(plain).decode()

    def decrypt(self, token: str) -> bytes:
        """Return what was encrypted under any of the keys; VaultError when none fits."""
        try:
            return self._fernet.decrypt(token.encode())
        except InvalidToken as error:
            raise VaultError(
                "a stored secret was encrypted under a key that is not in THROUGHLINE_SECRET_KEYS"
            ) from error

    def mac(self, purpose: str, message: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA256 of `message` for one purpose under the newest key."""
        return self.macs(purpose, message)[0]

    def macs(self, purpose: str, message: bytes) -> list[bytes]:
        """Return the codes of `message` under every key, that of the newest first."""
        text = purpose.encode() + b"\0" + message
        return [hmac.digest(key, text, "sha256") for key in self._mac_keys]

    def mac_fits(self, purpose: str, message: bytes, tag: bytes) -> bool:
        """Return whether `tag` (or its first bytes, 8 at least) was made for `message` under any of the keys."""
        tags = [each[: len(tag)] for each in self.macs(purpose, message)]
        return len(tag) >= 8 and any(hmac.compare_digest(each, tag) for each in tags)  # noqa: PLR2004  64 bits


def _kept_key(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        key = Fernet.generate_key().decode()
        file.write(key + "\n")
    return key
