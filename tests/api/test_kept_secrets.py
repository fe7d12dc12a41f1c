"""A secret that a body carries is not kept with it."""

import base64
import gzip
import hashlib
import json
from urllib.parse import quote_plus

from tests.engines import Organisation


async def test_a_password_that_java_encodes_is_not_kept_though_its_hash_is_that_of_what_came(
    acme: Organisation,
) -> None:
    body = {"id": "r1", "course": {"id": "fire"}, "learner": {"id": "ana"}, "registrationCompletion": "COMPLETED"}
    fields = {"name": "sc", "slug": "sc", "adapter": "scorm-cloud", "secret": "lms:pa*ss~w/ä+b"}
    source = (await acme.client.post("/v1/sources", json=fields)).json()
    form = f"data={quote_plus(json.dumps(body))}&userName=lms&password=pa*ss%7Ew%2f%c3%a4%2Bb".encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip"}
    packed = gzip.compress(form)

    for _ in range(2):
        answer = await acme.client.post(source["webhook_path"], content=packed, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "applied"), answer.text
    kept = (await acme.client.get(f"/v1/deliveries/{answer.json()['delivery']}")).json()
    replayed = await acme.client.post(f"/v1/deliveries/{kept['id']}/replay")

    shown = base64.b64decode(kept["body"])
    assert shown.endswith(b"&userName=lms&password=[removed]")
    assert kept["body_sha256"] == hashlib.sha256(packed).hexdigest()
    assert (kept["repeats"], replayed.json()["status"]) == (1, "applied")
