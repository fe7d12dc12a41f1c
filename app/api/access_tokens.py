"""Access tokens of identity providers: what a JWT must be before it speaks for anybody. Pure; the clock is passed in.

https://www.rfc-editor.org/rfc/rfc9068 (JWT access tokens), https://www.rfc-editor.org/rfc/rfc8725 (what goes wrong).
Here no signature is checked: `app/lms/_jose.py` does that, with the keys that `app/api/issuers.py` finds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.api.principals import InvalidToken
from app.lms import Unreadable, _jose
from app.lms._jose import Signed
from app.models.identity_providers import OWN_AUDIENCE, IdentityProvider

LEEWAY = timedelta(seconds=60)
"""How far the clocks of an identity provider and of this service may lie apart."""

LENGTH_MAX = 16 * 1024
_SEGMENTS_OF_JWE = 5
_SUBJECT_LENGTH_MAX = 1_000
_TYPES = {"jwt", "at+jwt", "application/at+jwt"}
_OF_ID_TOKENS = ("at_hash", "c_hash")
_SPACED = {"scope", "scp"}
_NUMERIC_DATE_MAX = 2**53


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token with the claims that all must have, unverified."""

    signed: Signed
    issuer: str
    subject: str
    audiences: frozenset[str]
    issued_at: float
    expires_at: float

    @property
    def ends_at(self) -> datetime:
        """From when on it is refused."""
        return datetime.fromtimestamp(self.expires_at, UTC) + LEEWAY

    def caller_id(self, provider_id: UUID) -> UUID:
        """Return the pseudonym of its subject: the same for every token that the provider issues to it."""
        return UUID(bytes=hashlib.sha256(provider_id.bytes + self.subject.encode()).digest()[:16])


def is_one(text: str) -> bool:
    """Return whether credentials look like a JWT, whole or not."""
    return text.startswith("ey")


def read(text: str, now: datetime) -> AccessToken:
    """Return a token that is well formed and in its time. Raises InvalidToken."""
    if len(text) > LENGTH_MAX:
        raise InvalidToken(f"The token is longer than {LENGTH_MAX // 1024} KiB: let it carry fewer claims.")
    if text.count(".") + 1 == _SEGMENTS_OF_JWE:
        raise InvalidToken("The token is encrypted (JWE): send one that is only signed.")
    try:
        signed = _jose.opened(text.encode())
    except Unreadable as error:
        raise InvalidToken(f"The token cannot be read: {error}.") from None
    _check_kind(signed)
    token = AccessToken(
        signed,
        _text(signed.claims, "iss"),
        _text(signed.claims, "sub"),
        _audiences(signed.claims),
        _instant(signed.claims, "iat"),
        _instant(signed.claims, "exp"),
    )
    _check_times(token, now)
    return token


def tenant_of(token: AccessToken, named: str | None) -> str:
    """Return the slug of the tenant that a token is for: the one named beside it, else by its audience.

    Nothing that a tenant has configured takes part in this, so that none can draw the tokens of another to itself.
    """
    if named is not None:
        return named
    slugs = {each.removeprefix(OWN_AUDIENCE) for each in token.audiences if names_a_tenant(each)}
    if len(slugs) == 1:
        return slugs.pop()
    several = "several tenants" if slugs else "no tenant"
    raise InvalidToken(
        f"The token is for {several}: name yours in the header Throughline-Tenant, or have the token issued for the "
        f"audience {OWN_AUDIENCE}<tenant>."
    )


def names_a_tenant(audience: str) -> bool:
    """Return whether an audience says itself which tenant a token is for."""
    return audience.startswith(OWN_AUDIENCE)


def check_addresses(token: AccessToken, provider: IdentityProvider) -> None:
    """Raise InvalidToken unless a token is of the provider's issuer and for its audience."""
    if token.issuer != provider.issuer:
        raise InvalidToken(f"The token is of another issuer (iss), {token.issuer[:200]!r}.")
    if provider.audience not in token.audiences:
        raise InvalidToken("The token is for another audience (aud) than the identity provider is set up with.")


def check_claims(token: AccessToken, provider: IdentityProvider) -> None:
    """Raise InvalidToken unless a proved token has what the provider's tenant asks for."""
    if token.expires_at - token.issued_at > provider.max_lifetime_seconds:
        raise InvalidToken(
            f"The token is good for {token.expires_at - token.issued_at:.0f} seconds, and the identity provider "
            f"{provider.name!r} may issue them for {provider.max_lifetime_seconds} at most."
        )
    for required in provider.required_claims:
        if set(required["values"]).isdisjoint(_texts(token.signed.claims, [required["name"]])):
            raise InvalidToken(f"The token lacks a claim {required['name'][:100]!r} with a value that is asked for.")


def scopes_of(token: AccessToken, provider: IdentityProvider) -> frozenset[str]:
    """Return what the provider's grants make of the token's claims; nothing is granted without one."""
    told = set(_texts(token.signed.claims, provider.scope_claim))
    return frozenset(scope for grant in provider.grants if grant["claim_value"] in told for scope in grant["scopes"])


def expired() -> InvalidToken:
    """Return the error for a token whose time is over."""
    return InvalidToken("The token has expired: get a new one.")


def _check_kind(signed: Signed) -> None:
    told = signed.header.get("typ", "JWT")
    if not isinstance(told, str) or told.lower() not in _TYPES or "cty" in signed.header:
        raise InvalidToken("The token is another kind of JWT: send an access token (typ at+jwt or JWT).")
    # https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken: proof of a login for its client, no right here
    if any(name in signed.claims for name in _OF_ID_TOKENS):
        raise InvalidToken("The token is an ID token: send the access token that came beside it.")
    # https://www.rfc-editor.org/rfc/rfc7800: without its proof anybody could use it, as if it were not bound
    if "cnf" in signed.claims:
        raise InvalidToken("The token is bound to a key (cnf): send a plain bearer token.")


def _check_times(token: AccessToken, now: datetime) -> None:
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    if token.expires_at + leeway <= seconds:
        raise expired()
    begins = max(_instant(token.signed.claims, "nbf") if "nbf" in token.signed.claims else 0, token.issued_at)
    if begins - leeway > seconds:
        raise InvalidToken("The token is not good yet (nbf, iat): compare the clocks of both sides.")


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= _SUBJECT_LENGTH_MAX:
        raise InvalidToken(
            f"The token lacks the claim {name}, or it is no text of up to {_SUBJECT_LENGTH_MAX} letters."
        )
    return found


def _instant(claims: Mapping[str, Any], name: str) -> float:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < _NUMERIC_DATE_MAX:
        raise InvalidToken(f"The token lacks the claim {name}, or it is no number of seconds.")
    return found


def _audiences(claims: Mapping[str, Any]) -> frozenset[str]:
    found = claims.get("aud")
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise InvalidToken("The token lacks the claim aud, or it is neither a text nor a list of texts.")
    return frozenset(listed)


def _texts(claims: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """Return the texts at a path: the one there, or those of a list."""
    found: Any = claims
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        # https://www.rfc-editor.org/rfc/rfc6749#section-3.3: words with spaces between them; nothing else is cut
        return found.split(" ") if path[-1] in _SPACED else [found]
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
