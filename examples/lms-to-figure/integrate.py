"""Connect an LMS, post its completions as signed webhooks, and read what they say about a training.

THROUGHLINE_URL=http://127.0.0.1:8000 THROUGHLINE_KEY=tl_... python examples/lms-to-figure/integrate.py

Needs Python 3.11 and httpx. It can be run again and again: what is there already stays as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

Json = dict[str, Any]

LEARNERS = ["10442", "10443", "10444", "10445", "10446", "10447", "10448", "10449"]
COMPLETED = LEARNERS[:6]
CHOSEN = ("completion_rate", "audience")


class Throughline:
    """The few calls that this integration needs."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def call(self, method: str, path: str, **options: Any) -> Json:
        """Return an answer. An error is a problem document: its `code` says which, its `detail` what to do."""
        answer = self._http.request(method, path, **options)
        if answer.is_error:
            problem = answer.json()
            raise SystemExit(f"{method} {path}: {problem['code']}: {problem['detail']} {problem['errors']}")
        found: Json = answer.json()
        return found

    def every(self, path: str, **query: Any) -> Iterator[Json]:
        """All pages of a list: `next_cursor` of one is the `cursor` of the next."""
        cursor: str | None = None
        while True:
            page = self.call("GET", path, params=query | ({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def upsert(self, noun: str, external_id: str, **fields: Any) -> Json:
        """Create or replace a row by an id of yours; the same again changes nothing."""
        return self.call("PUT", f"/v1/{noun}/by-external-id/{external_id}", json=fields)

    def post_signed(self, path: str, secret: str, message_id: str, body: Json) -> Json:
        """Post as the LMS does: signed over id, time and the raw bytes (https://www.standardwebhooks.com)."""
        raw = json.dumps(body).encode()
        now = str(int(datetime.now(UTC).timestamp()))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{message_id}.{now}.".encode() + raw, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": now,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        answer = self._http.post(path, content=raw, headers=headers)
        answer.raise_for_status()
        found: Json = answer.json()
        return found


def connect(api: Throughline) -> tuple[Json, str]:
    """Return the source of the LMS and its secret, which is shown once: when it is made, or rotated."""
    known = next((each for each in api.every("/v1/sources") if each["slug"] == "academy"), None)
    if known is None:
        source = {"name": "Academy", "slug": "academy", "adapter": "standard-webhooks"}
        made = api.call("POST", "/v1/sources", json=source)
    else:
        made = api.call("POST", f"/v1/sources/{known['id']}/rotate-secret", json={})
    return made, made["secret"]


def main() -> None:
    """Connect, teach, read."""
    api = Throughline(os.environ["THROUGHLINE_URL"], os.environ["THROUGHLINE_KEY"])

    source, secret = connect(api)
    training = api.upsert("initiatives", "press-setup", title="Press set-up training")
    course = api.upsert("activities", "press-setup-1", title="Press set-up, basics", initiative_id=training["id"])
    if not any(api.every("/v1/activity-references", activity_id=course["id"])):
        reference = {"activity_id": course["id"], "source_id": source["id"], "external_id_in_source": "course-884"}
        api.call("POST", "/v1/activity-references", json=reference)

    people = [{"external_id": number, "name": f"Operator {number}"} for number in LEARNERS]
    done = api.call("POST", "/v1/people/batch", json={"items": people})
    ids = [item["id"] for item in done["items"]]
    for number, person_id in zip(LEARNERS, ids, strict=True):
        account = {"kind": "account", "issuer": source["id"], "value": number}
        api.call("POST", f"/v1/people/{person_id}/identities", json=account)
    audience = api.upsert("audiences", "press-operators", name="Press operators", initiative_id=training["id"])
    members = [{"person_id": person_id, "offered_on": "2026-02-01"} for person_id in ids]
    api.call("POST", f"/v1/audiences/{audience['id']}/members", json={"items": members})

    recorded = duplicates = 0
    for number in COMPLETED:
        event = {
            "type": "course.completed",
            "timestamp": "2026-03-11T09:44:58Z",
            "data": {"user_id": number, "course_id": "course-884"},
        }
        receipt = api.post_signed(source["webhook_path"], secret, f"msg_{number}", event)
        recorded += receipt["recorded"]
        duplicates += receipt["duplicates"]
    sys.stdout.write(f"{recorded} completions recorded, {duplicates} known already\n")

    figures = api.call("GET", f"/v1/initiatives/{training['id']}/figures")["items"]
    [rate] = [each for each in figures if (each["metric"], each["parameters"].get("denominator")) == CHOSEN]
    if rate["status"] != "ok":  # no data, too few people, ...: the reason is a sentence for people
        raise SystemExit(f"no completion rate: {rate['status']}: {rate['reason']}")
    sys.stdout.write(f"completion rate {rate['value']}: {rate['numerator']} of {rate['denominator']}\n")

    why = api.call("GET", rate["explain"])
    sys.stdout.write(f"{why['title']}: {why['formula']}\n")
    for given in why["inputs"]:
        sys.stdout.write(f"  {given['name']} = {given['value']}: {given['description']}\n")
    sys.stdout.write(f"  from {len(why['events'])} events, each down to the bytes that the LMS sent\n")


if __name__ == "__main__":
    main()
