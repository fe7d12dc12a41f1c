"""How long it takes to refuse a secret or signature whose first byte is wrong, beside one whose last byte is.

    python -m benchmarks.ingest.timing [--tries 2000]

Both are tried in turns, in random order, for every scheme that compares something. A comparison that stopped at the
first difference would take longer for the second; in constant time the means differ by no more than they would by
chance. Prints a Markdown table; exits 1 when a difference is beyond four of its standard errors, twice.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from app.lms import Delivery, Refused, SourceSetup
from app.lms._signatures import SCHEMES, verify
from app.lms._signing import signed
from benchmarks.ingest.throughput import say

BODY = b'{"event":"course.completed","user":50211,"course":884}'
MOST_ERRORS = 4.0
KEPT = 0.9
"""Share of the quickest tries that count: the machine interrupts the others."""
SCHEMES_THAT_COMPARE: Mapping[str, Mapping[str, object]] = {
    "basic": {},
    "static_header": {"header": "X-Key"},
    "body_field": {"field": "token"},
    "query_token": {},
    "hmac_sha256": {"header": "X-Sig"},
    "concatenation_hash": {"header": "X-Sig"},
    "standard_webhooks": {},
    "embedded_md5": {"accept_md5": True, "object": "proof"},
}

Make = Callable[[int], Delivery]
"""Return a delivery with one wrong character of its proof: the first (0) or the last (-1)."""


def _other(text: str, place: int) -> str:
    """Return a text with another character at one place."""
    letters = list(text)
    letters[place] = "b" if letters[place] != "b" else "c"
    return "".join(letters)


def _maker(setup: SourceSetup) -> Make:
    plain = Delivery({}, BODY, datetime.now(UTC))
    right, secret = signed(plain, setup), setup.secrets[0]
    match setup.authentication["scheme"]:
        case "hmac_sha256" | "concatenation_hash":
            return lambda place: replace(right, headers={"x-sig": _other(right.headers["x-sig"], place)})
        case "standard_webhooks":
            digest = right.headers["webhook-signature"].removeprefix("v1,")
            return lambda place: replace(
                right, headers={**right.headers, "webhook-signature": f"v1,{_other(digest, place)}"}
            )
        case "embedded_md5":
            head, _, rest = right.body.decode().partition('"signature":"')
            digest, _, tail = rest.partition('"')
            return lambda place: replace(right, body=f'{head}"signature":"{_other(digest, place)}"{tail}'.encode())
    return lambda place: signed(plain, replace(setup, secrets=(_other(secret, place),)))


def measure(name: str, tries: int) -> tuple[float, float, float]:
    """Return the means in microseconds, first byte wrong and last byte wrong, and their difference in its errors."""
    authentication = {"scheme": name, **SCHEMES_THAT_COMPARE[name]}
    secret = SCHEMES[name].new_secret(bytes(range(32)), authentication)
    setup = SourceSetup(authentication, (str(secret),))
    make = _maker(setup)
    wrong = {place: make(place) for place in (0, -1)}
    order = [0, -1] * tries
    random.shuffle(order)
    taken: dict[int, list[int]] = {0: [], -1: []}
    for place in order:
        delivery = wrong[place]
        began = time.perf_counter_ns()
        with contextlib.suppress(Refused):
            verify(delivery, setup)
            raise RuntimeError(f"{name} accepted what is wrong")
        taken[place].append(time.perf_counter_ns() - began)
    first, last = (sorted(taken[place])[: int(tries * KEPT)] for place in (0, -1))
    error = math.sqrt(sum(statistics.variance(each) / len(each) for each in (first, last)))
    means = statistics.fmean(first), statistics.fmean(last)
    return means[0] / 1_000, means[1] / 1_000, (means[1] - means[0]) / error


def main() -> int:
    """Measure every scheme and print what came of it."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.timing")
    parser.add_argument("--tries", type=int, default=2_000)
    tries = parser.parse_args().tries
    say("| scheme | first byte wrong, microseconds | last byte wrong | difference, standard errors |")
    say("|---|---|---|---|")
    failed = False
    for name in SCHEMES_THAT_COMPARE:
        first, last, apart = measure(name, tries)
        failed |= abs(apart) > MOST_ERRORS and abs(measure(name, tries)[2]) > MOST_ERRORS
        say(f"| {name} | {first:.2f} | {last:.2f} | {apart:+.1f} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
