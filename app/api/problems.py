"""The one table of error codes: status, title and what to do. Served at `/v1/problems/{code}`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error that this service answers with."""

    code: str
    status: int
    title: str
    remedy: str


_ROWS = (
    ("invalid_request", 422, "The request cannot be accepted", "Mend what `errors` points at and send it again."),
    (
        "invalid_json",
        400,
        "The body is not strict JSON",
        ("Send one RFC 8259 document in UTF-8: no NaN, no NUL, no lone surrogates, no key twice, not deeper than 200."),
    ),
    (
        "invalid_xapi",
        400,
        "The request is not xAPI",
        ("Mend what `detail` and `errors` point at, after the xAPI specification; nothing of the request was kept."),
    ),
    ("malformed_request", 400, "The request is not HTTP/1.1", "Send it with a client that speaks RFC 9112."),
    (
        "invalid_cursor",
        400,
        "The cursor does not fit this list",
        ("Start again without `cursor`; a cursor only continues the list, filter and sort that it came from."),
    ),
    (
        "invalid_query",
        400,
        "The query is not one for this graph",
        ("Mend what `message` and `locations` point at; the console at `/graphql-console` checks while you type."),
    ),
    (
        "query_too_large",
        400,
        "The query asks for too much at once",
        ("`limit` and `most` in `extensions` name the limit: ask for less, or in several requests."),
    ),
    (
        "unauthenticated",
        401,
        "The request carries no valid key",
        (
            "Send `Authorization: Bearer tl_...` with a key that is neither mistyped, expired nor revoked, or the "
            "access token of an identity provider that the tenant trusts."
        ),
    ),
    (
        "invalid_token",
        401,
        "The access token is not accepted",
        (
            "`detail` names the check that failed. Get a new token, or compare the identity provider under "
            "`/v1/identity-providers` with what the token says: `iss`, `aud`, `kid`, `alg`, `exp`, `nbf`, `iat`."
        ),
    ),
    (
        "unknown_issuer",
        401,
        "Nobody has said to trust this token's issuer",
        (
            "Let an admin of the tenant send POST /v1/identity-providers with `issuer` exactly as in the token's "
            "`iss`, or enable the one that is there; and name the right tenant: by the audience, or in the header "
            "Throughline-Tenant."
        ),
    ),
    (
        "bad_signature",
        401,
        "The delivery is not authentic",
        ("Compare the secret and the authentication scheme of the source with what the LMS uses."),
    ),
    (
        "missing_scope",
        403,
        "The caller may not do this",
        ("Use a key with the scope named in `detail`, or a token whose claims an identity provider grants it to."),
    ),
    (
        "not_found",
        404,
        "There is no such thing",
        "Check the address and the id: it must be one of this tenant, and no address ends in a slash.",
    ),
    ("unknown_metric", 404, "There is no such metric", "GET /v1/metrics lists all of them."),
    ("method_not_allowed", 405, "This address does not take that method", "The `Allow` header names those it takes."),
    ("request_timeout", 408, "The body came too slowly", "Send the body without pauses."),
    ("conflict", 409, "The present state does not allow this", "Read the resource again and decide anew."),
    ("already_exists", 409, "There is one already", "Use another key, or change the one that is there."),
    ("wrong_state", 409, "The state does not allow this action", "`detail` names the states that allow it."),
    ("not_ready", 409, "Something is missing before this step", "Add what `errors` lists and send it again."),
    ("erased", 409, "The person was erased", "Nothing about them is taken in again: leave this item out."),
    (
        "outdated",
        409,
        "The facts have changed since",
        ("Estimate again from the facts as they are now, and decide about that."),
    ),
    (
        "overclaimed",
        409,
        "Together the claims exceed what was achieved",
        ("Accept it with basis split: its share of what the overlapping initiatives did together."),
    ),
    (
        "request_in_progress",
        409,
        "The same request is still running",
        ("Wait for its answer, then repeat with the same Idempotency-Key to get it."),
    ),
    (
        "precondition_failed",
        412,
        "Somebody changed it meanwhile",
        ("Read it again, apply your change to the new version, and send it with the new ETag."),
    ),
    ("body_too_large", 413, "The body is too large", "Send less at once; `detail` names the limit."),
    ("uri_too_long", 414, "The address is too long", "Send fewer or shorter parameters."),
    (
        "unsupported_media_type",
        415,
        "The body has the wrong type",
        ("Send application/json (PATCH also takes application/merge-patch+json)."),
    ),
    (
        "unsupported_content_encoding",
        415,
        "The body is encoded in a way that is not read",
        ("Send it as it is, or with gzip once where `detail` says so."),
    ),
    (
        "contradictory_headers",
        400,
        "The request says one thing in two ways that disagree",
        "Send it once, or the same both times; `detail` names both.",
    ),
    ("broken_content_encoding", 400, "The body's encoding is broken", "Send one whole gzip stream."),
    (
        "currency_mismatch",
        422,
        "Amounts in different currencies cannot be added",
        "Send amounts of one currency, converted at a rate that you can name.",
    ),
    (
        "contradictory_target",
        422,
        "The outcome contradicts itself",
        ("`errors` says for each contradiction how to mend it."),
    ),
    (
        "idempotency_key_reused",
        422,
        "This Idempotency-Key belongs to another request",
        ("Use a new key for a new request."),
    ),
    ("not_evaluable", 422, "An estimate is not possible", "`errors` says what is missing in the facts."),
    (
        "too_many_requests",
        429,
        "Too much was asked for in too short a time",
        ("Wait as long as `Retry-After` says; the `RateLimit` headers tell what is left."),
    ),
    ("header_fields_too_large", 431, "The headers are too large", "Send fewer or shorter headers."),
    ("internal_error", 500, "Something broke on our side", "Try again; if it stays, report the request id."),
    ("unavailable", 503, "The service cannot answer now", "Wait as long as `Retry-After` says and send it again."),
)

PROBLEMS = {code: Problem(code, status, title, remedy) for code, status, title, remedy in _ROWS}
