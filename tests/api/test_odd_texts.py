"""Texts that something on the way might mend: they come back as they were sent, whichever way they came in."""

import csv
import io
import json
import unicodedata
from collections.abc import Mapping

from fastapi import FastAPI

from tests.api.test_imports import CSV, NDJSON, Desk, counted
from tests.engines import Organisation

GUARDED = tuple("=+-@\t\r")
TEXTS = (
    *("=1+1", "+43 1", "-7", "@sum", "\tindented", "\rreturned", "'quoted'", "a'b", '"', '""', 'say "so"'),
    *(" before", "after ", "\u3000wide\u3000", "\u2029parted\u2029", "a,b;c\td", "two\nlines", "two\r\nlines", "\n"),
    *("null", "None", "NaN", "true", "0", "1e400", "007", "1,5", "{}", "[]", '{"a": 1}', "undefined", "\\", "\\n"),
    *("<b>bold</b>", "&amp;", "'; DROP TABLE person; --", "%00", "%s%n", "${x}", "{{7*7}}", "../../etc/passwd"),
    *("é", unicodedata.normalize("NFD", "é"), "ﬁ", "ß", "İı", "Ω", "𝔘𝔫𝔦", "🦜", "👩‍👩‍👧‍👦", "🇦🇹", "e\u0301\u0301"),
    *(
        "\u202eright to left",
        "\u2066kept\u2069",
        "zero\u200bwidth",
        "\ufeffmark",
        "\u00a0",
        "\u0085",
        "\u001b[31m",
        "\u007f",
    ),
    *("x" * 5_000, "\U0010ffff", "\ufffe", "مرحبا", "שלום", "田中さん", "ﷺ", "̡͓̞ͅI̗c҉̵"),
)
WITHOUT_ANYTHING = frozenset({"\n", "\u00a0", "\u0085"})
"""In a table they are an empty cell."""


def table(texts: Mapping[str, str], *, guarded: bool) -> str:
    """Return a CSV of objectives; guarded as spreadsheets are against formulas (OWASP)."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(("external_id", "title", "problem_statement"))
    for key, text in texts.items():
        writer.writerow((key, "Odd", f"'{text}" if guarded and text.startswith(GUARDED) else text))
    return written.getvalue()


def lines(texts: Mapping[str, str]) -> str:
    rows = ({"external_id": key, "title": "Odd", "problem_statement": text} for key, text in texts.items())
    return "\n".join(json.dumps(row) for row in rows)


async def test_an_odd_text_comes_back_as_it_was_sent_by_rest_csv_and_ndjson(app: FastAPI, acme: Organisation) -> None:
    desk = Desk(app, acme)
    ways = {way: {f"{way}-{n}": text for n, text in enumerate(TEXTS)} for way in ("rest", "csv", "guarded", "ndjson")}

    for key, text in ways["rest"].items():
        fields = {"external_id": key, "title": "Odd", "problem_statement": text}
        assert (await acme.client.post("/v1/objectives", json=fields)).status_code == 201, text
    for way, body, headers in (
        ("csv", table(ways["csv"], guarded=False), CSV),
        ("guarded", table(ways["guarded"], guarded=True), CSV),
        ("ndjson", lines(ways["ndjson"]), NDJSON),
    ):
        done = await desk.run(body.encode(), headers, kind="objectives")
        assert counted(done) == {"lines": len(TEXTS), "created": len(TEXTS)}, way

    for way, sent in ways.items():
        found = await stored(acme, way)
        blank = WITHOUT_ANYTHING if way != "rest" else frozenset()
        assert found == {key: None if text in blank else text for key, text in sent.items()}, way


async def stored(org: Organisation, way: str) -> dict[str, str | None]:
    """Return the texts that came in by one way, as both REST and the graph tell them, by external id."""
    query = "query($after: String) { objectives(first: 100, after: $after) { nodes { externalId problemStatement } "
    query += "pageInfo { hasNextPage endCursor } } }"
    graph: dict[str, str | None] = {}
    after, more = None, True
    while more:
        answer = await org.client.post("/graphql", json={"query": query, "variables": {"after": after}})
        page = answer.json()["data"]["objectives"]
        graph |= {node["externalId"]: node["problemStatement"] for node in page["nodes"]}
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    rest: dict[str, str | None] = {}
    url = "/v1/objectives?limit=200"
    while url:
        listed = await org.client.get(url)
        rest |= {row["external_id"]: row["problem_statement"] for row in listed.json()["items"]}
        url = listed.links.get("next", {}).get("url", "")
    assert graph == rest
    return {key: text for key, text in rest.items() if key.startswith(f"{way}-")}
