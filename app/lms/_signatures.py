"""The closed list of authentication schemes (lms/events.md, section 2), as data and functions.

A source's `authentication` is `{"scheme": <name>, **options}`; its secrets are texts in the form that the scheme tells
(`SecretForm`), one, or two during a rotation. Cornerstone's canonical HMAC is left out: its signed string is not
documented. Verification needs no network: the key set of `jws` comes in `SourceSetup.options["jwks"]`, and the door
sets `SourceSetup.options["bearer_verified"]` for `oauth2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Fault
from app.lms import Delivery, Refused, SourceSetup, _jws, _verification
from app.lms._redaction import REMOVED, without_values
from app.lms._schemes import Carriers, Option, OptionType, Scheme, SecretForm

_ALWAYS_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie"})

_HEX_OR_BASE64 = Option(
    "encoding", OptionType.CHOICE, "How the digest is written.", default="hex", choices=("hex", "base64")
)
_SIGNATURE_PREFIX = Option("prefix", OptionType.TEXT, "Text before the digest, such as `sha256=`.", default="")


_TOLERANCE = Option(
    "tolerance_seconds",
    OptionType.INTEGER,
    "How far the timestamp may lie from the receiver's clock.",
    default=_verification.TOLERANCE_SECONDS,
    at_least=1,
    at_most=3_600,
)


def _signature_header(example: str) -> Option:
    return Option("header", OptionType.HEADER, f"The header with the signature, such as {example}.", required=True)


_LISTED = (
    Scheme(
        "none",
        "Secret path",
        "The sender proves nothing; the receiver's URL ends in an unguessable segment and is the secret itself.",
        SecretForm.NONE,
        _verification.nothing,
        secret_path=True,
    ),
    Scheme(
        "basic",
        "HTTP Basic",
        "User and password in the Authorization header. The secret is `user:password`.",
        SecretForm.USER_AND_PASSWORD,
        _verification.basic,
        carries=lambda _options: Carriers(headers=("authorization",)),
    ),
    Scheme(
        "static_header",
        "Static header",
        "A header whose value is the prefix followed by the secret: `Authorization: Bearer x`, `x-api-key: x`.",
        SecretForm.TOKEN,
        _verification.static_header,
        options=(
            Option("header", OptionType.HEADER, "The header's name, such as x-api-key.", required=True),
            Option("prefix", OptionType.TEXT, "Text before the secret, such as `Bearer ` or `v1=`.", default=""),
        ),
        carries=lambda options: Carriers(headers=(str(options.get("header")).lower(),)),
    ),
    Scheme(
        "body_field",
        "Secret in the body",
        "A field of the JSON object or form holds the secret; with `user_field` the secret is `user:password`.",
        SecretForm.TOKEN,
        _verification.body_field,
        options=(
            Option("field", OptionType.TEXT, "The field with the secret or password.", required=True),
            Option("user_field", OptionType.TEXT, "The field with the user, if the secret is `user:password`."),
        ),
        carries=lambda options: Carriers(fields=(str(options.get("field")),)),
    ),
    Scheme(
        "hmac_sha256",
        "HMAC-SHA256",
        "A header holds the HMAC-SHA256 of the raw body, or of a timestamp, a dot and the raw body (Coassemble); the "
        "secret's text in UTF-8 is the key.",
        SecretForm.TOKEN,
        _verification.hmac_sha256,
        options=(
            _signature_header("X-Webhook-Signature"),
            _HEX_OR_BASE64,
            _SIGNATURE_PREFIX,
            Option(
                "timestamp_header",
                OptionType.HEADER,
                "The header with the seconds since 1970 that are signed too, such as X-Coassemble-Timestamp.",
            ),
            _TOLERANCE,
        ),
    ),
    Scheme(
        "standard_webhooks",
        "Standard Webhooks",
        "Headers webhook-id, webhook-timestamp and webhook-signature, the signature over `id.timestamp.body`. "
        "The secret is `whsec_` and base64, `whpk_` and an Ed25519 public key in base64, or the key's text itself.",
        SecretForm.SIGNING_KEY,
        _verification.standard_webhooks,
        options=(
            Option(
                "key",
                OptionType.CHOICE,
                "Whether the secret is base64 or the key itself; auto goes by `whsec_`.",
                default="auto",
                choices=("auto", "base64", "raw"),
            ),
            _TOLERANCE,
            Option("header_prefix", OptionType.HEADER, "What the three header names start with.", default="webhook"),
        ),
    ),
    Scheme(
        "concatenation_hash",
        "SHA-256 of body and secret",
        "A header holds SHA-256 over the raw body followed by the secret (iSpring Learn). Prefer an HMAC.",
        SecretForm.TOKEN,
        _verification.concatenation_hash,
        options=(_signature_header("X-Hub-Signature"), _HEX_OR_BASE64, _SIGNATURE_PREFIX),
    ),
    Scheme(
        "embedded_md5",
        "MD5 inside the body",
        "A field of the JSON holds MD5 over the rest of the document, a colon and the secret (LearnUpon v1). "
        "MD5 is broken: the scheme works only with `accept_md5` set to true.",
        SecretForm.TOKEN,
        _verification.embedded_md5,
        options=(
            Option("accept_md5", OptionType.BOOLEAN, "Must be true: you accept a weak signature.", required=True),
            Option("object", OptionType.TEXT, "The top-level object with the signature.", default="header"),
            Option("field", OptionType.TEXT, "The signature's field in that object.", default="signature"),
        ),
    ),
    Scheme(
        "jws",
        "Signed body (JWS)",
        "The body is a compact JWS, RS256; its key is chosen by `kid` from the key set at `jwks_url`. No secret.",
        SecretForm.NONE,
        _jws.verify,
        options=(
            Option("jwks_url", OptionType.URL, "Where the sender publishes its key set.", required=True),
            Option("audience", OptionType.TEXT, "The `aud` claim that the body must carry, if any."),
        ),
    ),
    Scheme(
        "oauth2",
        "OAuth 2.0 client credentials",
        "This service issues client id and secret; the sender asks /v1/oauth/token for a short-lived bearer token.",
        SecretForm.TOKEN,
        _verification.oauth2_bearer,
        carries=lambda _options: Carriers(headers=("authorization",)),
    ),
    Scheme(
        "query_token",
        "Token in the address",
        "A query parameter holds the secret. Only for senders that can send no header: addresses end up in logs.",
        SecretForm.TOKEN,
        _verification.query_token,
        options=(Option("parameter", OptionType.TEXT, "The parameter's name.", default="access_token"),),
        carries=lambda options: Carriers(parameters=(str(options.get("parameter") or "access_token"),)),
    ),
)

SCHEMES: Mapping[str, Scheme] = {scheme.name: scheme for scheme in _LISTED}


def check(authentication: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with an `authentication` document, pointers into it; empty when it can be used."""
    name = authentication.get("scheme")
    scheme = SCHEMES.get(name) if isinstance(name, str) else None
    if scheme is None:
        return [Fault("invalid_value", f"'scheme' must be one of {', '.join(SCHEMES)}", pointer="/scheme")]
    faults = scheme.check(authentication)
    if scheme.name == "embedded_md5" and authentication.get("accept_md5") is False:
        faults.append(Fault("invalid_value", "'accept_md5' must be true to use this scheme", pointer="/accept_md5"))
    return faults


def verify(delivery: Delivery, setup: SourceSetup) -> None:
    """Return when the delivery is authentic under the source's scheme and secrets; `Refused` otherwise.

    The clock is `delivery.received_at`. `UnknownKey`, a kind of `Refused`, asks for a newer key set.
    """
    faults = [] if setup.checked else check(setup.authentication)
    if faults:
        raise Refused(f"the source's authentication cannot be used: {faults[0].detail}")
    SCHEMES[setup.authentication["scheme"]].verify(delivery, setup)


def without_secrets(delivery: Delivery, setup: SourceSetup) -> Delivery:
    """Return the delivery as it may be stored and shown: the secrets that it carries in clear are replaced.

    Headers that carry credentials go whole, Authorization and cookies always; of a body only the field's value goes, so
    that the rest stays as it was sent and reads the same again.
    """
    scheme = SCHEMES.get(str(setup.authentication.get("scheme")))
    carriers = scheme.carries(setup.authentication) if scheme else Carriers()
    hidden = _ALWAYS_HIDDEN.union(carriers.headers)
    if not (carriers.fields or (carriers.parameters and delivery.query)) and hidden.isdisjoint(delivery.headers):
        return delivery
    body = delivery.body
    for field in carriers.fields:
        body = without_values(body, field, _in_field(setup))
    return Delivery(
        headers={name: REMOVED if name in hidden else value for name, value in delivery.headers.items()},
        body=body,
        received_at=delivery.received_at,
        method=delivery.method,
        path=delivery.path,
        query={name: REMOVED if name in carriers.parameters else value for name, value in delivery.query.items()},
    )


def _in_field(setup: SourceSetup) -> frozenset[str]:
    """Return what a body field may hold of the secrets: whole, or beside a user the password, after some colon."""
    if not setup.authentication.get("user_field"):
        return frozenset(setup.secrets)
    cut = [secret.split(":") for secret in setup.secrets]
    return frozenset(":".join(parts[at:]) for parts in cut for at in range(1, len(parts)))


def describe() -> list[dict[str, Any]]:
    """Return the list as JSON values, for the catalogue of adapters."""
    return [
        {
            "scheme": scheme.name,
            "title": scheme.title,
            "description": scheme.description,
            "secret": scheme.secret.value,
            "secret_path": scheme.secret_path,
            "options": [
                {
                    "name": option.name,
                    "type": option.type.value,
                    "description": option.description,
                    "required": option.required,
                    "default": option.default,
                    "choices": list(option.choices),
                }
                for option in scheme.options
            ],
        }
        for scheme in SCHEMES.values()
    ]
