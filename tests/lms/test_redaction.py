"""Whatever way a sender spells a secret in its body, it is not kept, and all else stays byte for byte."""

import base64
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from app.lms import Delivery, SourceSetup
from app.lms._body import json_or_form
from app.lms._signatures import REMOVED, verify, without_secrets

SECRET = 'pa*ss~w/ö"\\ &=+:%\u2028x'
ESCAPED = "".join(f"\\u{ord(character):04X}" for character in SECRET)
JSON = '{{ "data": {{"note": "to\\"ken: \\\\", "token": 1}}, "to\\u006ben"\n:\t"{}", "user":"lms", "z": ["token"] }}\n'
FORM = "data=%7B%22a%22%3A1%7D&%74oken={}&user=lms&z=token=1\r\n"
JAVA = quote_plus(SECRET, safe="*").replace("~", "%7E")
SPELLED = {
    "JSON, escaped in capitals": JSON.format(ESCAPED),
    "JSON, escaped in small letters": JSON.format(ESCAPED.lower()),
    "JSON, a slash escaped": JSON.format(SECRET.replace("\\", "\\\\").replace('"', '\\"').replace("/", "\\/")),
    "a form as Java writes it": FORM.format(JAVA),
    "a form with small letters": FORM.format(quote(SECRET, safe="").lower()),
    "a form with everything encoded": FORM.format("".join(f"%{byte:02x}" for byte in SECRET.encode())),
    "a form that is last": "data=1&user=lms&token=" + JAVA + "\n",
}


def delivery(body: bytes) -> Delivery:
    return Delivery({}, body, datetime(2026, 11, 28, tzinfo=UTC))


@pytest.mark.parametrize("user_field", [None, "user"])
@pytest.mark.parametrize("spelling", SPELLED)
def test_a_secret_is_found_however_it_is_spelled(spelling, user_field):
    secret = f"lms:{SECRET}" if user_field else SECRET
    authentication = {"scheme": "body_field", "field": "token"} | ({"user_field": user_field} if user_field else {})
    setup = SourceSetup(authentication, ("former", secret))
    sent = delivery(SPELLED[spelling].encode())
    verify(sent, setup)

    shown = without_secrets(sent, setup)

    assert json_or_form(shown) == json_or_form(sent) | {"token": REMOVED}
    at = shown.body.index(REMOVED.encode())
    assert sent.body.startswith(shown.body[:at])
    assert sent.body.endswith(shown.body[at + len(REMOVED) :])


def test_a_token_that_the_body_carries_inside_a_signed_text_is_not_kept_either():
    setup = SourceSetup({"scheme": "body_field", "field": "token"}, (SECRET,))
    payload = base64.urlsafe_b64encode(JSON.format(ESCAPED).encode()).rstrip(b"=")
    sent = delivery(b".".join((base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"="), payload, b"c2ln")))
    verify(sent, setup)

    shown = without_secrets(sent, setup)

    assert json_or_form(shown) == json_or_form(sent) | {"token": REMOVED}


@pytest.mark.parametrize("body", [b"", b"\r\n", b'{"token": "', b'{"token": "\\u00', b"token", b"ey.ey.", b"\xff=\xfe"])
def test_what_holds_no_secret_stays_as_it_is(body):
    setup = SourceSetup({"scheme": "body_field", "field": "token"}, (SECRET,))
    assert without_secrets(delivery(body), setup).body == body
