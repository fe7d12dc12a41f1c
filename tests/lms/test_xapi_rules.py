"""Statements by the letter of xAPI: each rule of form accepts what it should and names the place of what it refuses."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from app.lms._xapi import Edition, Unacceptable, edition_of, grammar, statements

AGENT = {"mbox": "mailto:ola@example.org"}
ACTIVITY = {"id": "https://example.org/course"}
UUID = "d1eec41f-1e93-4ed6-acbf-5c4bd0c24269"
REFERENCE = {"objectType": "StatementRef", "id": UUID}
ATTACHMENT = {
    "usageType": "https://example.org/usage",
    "display": {"en": "A file"},
    "contentType": "text/plain; charset=utf-8",
    "length": 4,
    "sha2": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


def statement(**parts: Any) -> dict[str, Any]:
    return deepcopy({"actor": AGENT, "verb": {"id": "https://example.org/did"}, "object": ACTIVITY, **parts})


def refused_at(found: Any, edition: Edition = Edition.ONE) -> str | None:
    """The place of the first fault, None when there is none."""
    try:
        statements.statement(found, edition)
    except Unacceptable as error:
        return error.pointer
    return None


ACCEPTED = [
    {"id": UUID.upper()},
    {"actor": {"objectType": "Group", "member": [AGENT]}},
    {"actor": {"objectType": "Group", "name": "Team", "account": {"homePage": "https://example.org", "name": "7"}}},
    {"actor": {"mbox_sha1sum": "0" * 40, "name": ""}},
    {"actor": {"openid": "https://example.org/ola"}},
    {"object": AGENT | {"objectType": "Agent"}},
    {"object": REFERENCE},
    {"object": {"objectType": "SubStatement"} | statement(timestamp="2026-03-04T15:30:00+02:00")},
    {"object": ACTIVITY | {"definition": {"name": {"en-US": "x", "zh-Hant-TW": "y", "x-own": "z", "i-klingon": "w"}}}},
    {"object": ACTIVITY | {"definition": {"interactionType": "choice", "choices": [{"id": "a"}, {"id": "b"}]}}},
    {"result": {"score": {"scaled": -1, "raw": 5, "min": 0, "max": 10}, "success": False, "duration": "P4W"}},
    {"result": {"extensions": {"https://example.org/x": None, "tag:y": {}}}},
    {"context": {"contextActivities": {"parent": ACTIVITY, "other": [ACTIVITY]}, "platform": "p", "revision": "2"}},
    {"context": {"team": {"objectType": "Group", "member": [AGENT]}, "instructor": AGENT, "statement": REFERENCE}},
    {"context": {"registration": UUID, "language": "de-AT"}},
    {"attachments": [ATTACHMENT], "version": "1.0.7"},
    {"authority": {"objectType": "Group", "member": [AGENT, {"openid": "https://example.org/app"}]}},
    {"stored": "2026-03-04T15:30:00Z", "timestamp": "2026-03-04T15:30:00.123456789Z"},
    {"verb": {"id": statements.VOIDED}, "object": REFERENCE},
]


@pytest.mark.parametrize("parts", ACCEPTED, ids=str)
def test_what_the_specification_allows_is_accepted(parts: dict[str, Any]) -> None:
    assert refused_at(statement(**parts)) is None


REFUSED = [
    # unknown, missing and null properties, and letter case
    ({"Actor": AGENT}, ""),
    ({"result": None}, "/result"),
    ({"verb": {"ID": "https://example.org/did"}}, "/verb"),
    ({"verb": {}}, "/verb"),
    ({"verb": {"id": "https://example.org/did", "display": None}}, "/verb/display"),
    # types: no strings for numbers or booleans, no empty strings where a format is asked for
    ({"id": 7}, "/id"),
    ({"id": UUID + "0"}, "/id"),
    ({"id": "{" + UUID + "}"}, "/id"),
    ({"result": {"success": "true"}}, "/result/success"),
    ({"result": {"score": {"raw": "5"}}}, "/result/score/raw"),
    ({"result": {"score": {"raw": True}}}, "/result/score/raw"),
    ({"result": {"response": 5}}, "/result/response"),
    ({"result": {"duration": ""}}, "/result/duration"),
    ({"actor": []}, "/actor"),
    # agents and groups
    ({"actor": {"name": "Ola"}}, "/actor"),
    ({"actor": AGENT | {"openid": "https://example.org/ola"}}, "/actor"),
    ({"actor": AGENT | {"objectType": "agent"}}, "/actor/objectType"),
    ({"actor": AGENT | {"member": []}}, "/actor"),
    ({"actor": {"mbox": "ola@example.org"}}, "/actor/mbox"),
    ({"actor": {"mbox": "mailto:ola"}}, "/actor/mbox"),
    ({"actor": {"mbox_sha1sum": "0" * 39}}, "/actor/mbox_sha1sum"),
    ({"actor": {"account": {"name": "7"}}}, "/actor/account"),
    ({"actor": {"account": {"homePage": "example.org", "name": "7"}}}, "/actor/account/homePage"),
    ({"actor": {"account": {"homePage": "https://example.org", "name": ""}}}, "/actor/account/name"),
    ({"actor": {"objectType": "Group"}}, "/actor"),
    ({"actor": {"objectType": "Group", "member": []}}, "/actor"),
    ({"actor": {"objectType": "Group", "member": [{"objectType": "Group", "member": [AGENT]}]}}, "/actor/member/0"),
    # verbs and objects
    ({"verb": {"id": "did"}}, "/verb/id"),
    ({"verb": {"id": "https://example.org/a b"}}, "/verb/id"),
    ({"verb": {"id": statements.VOIDED}}, "/object"),
    ({"object": {"objectType": "Thing", "id": UUID}}, "/object/objectType"),
    ({"object": {"id": "course"}}, "/object/id"),
    ({"object": REFERENCE | {"name": "x"}}, "/object"),
    ({"object": ACTIVITY | {"definition": {"name": {"not_a_tag": "x"}}}}, "/object/definition/name"),
    ({"object": ACTIVITY | {"definition": {"name": {"en": None}}}}, "/object/definition/name/en"),
    ({"object": ACTIVITY | {"definition": {"type": "course"}}}, "/object/definition/type"),
    ({"object": ACTIVITY | {"definition": {"extensions": {"x": 1}}}}, "/object/definition/extensions"),
    ({"object": ACTIVITY | {"definition": {"choices": [{"id": "a"}]}}}, "/object/definition"),
    (
        {"object": ACTIVITY | {"definition": {"interactionType": "Choice"}}},
        "/object/definition/interactionType",
    ),
    (
        {"object": ACTIVITY | {"definition": {"interactionType": "choice", "choices": [{"id": "a"}, {"id": "a"}]}}},
        "/object/definition/choices",
    ),
    # substatements
    ({"object": {"objectType": "SubStatement", "id": UUID} | statement()}, "/object"),
    (
        {"object": {"objectType": "SubStatement"} | statement(object={"objectType": "SubStatement"} | statement())},
        "/object/object",
    ),
    ({"object": {"objectType": "SubStatement"} | statement(actor={})}, "/object/actor"),
    # scores
    ({"result": {"score": {"scaled": 1.01}}}, "/result/score/scaled"),
    ({"result": {"score": {"raw": 11, "max": 10}}}, "/result/score/raw"),
    ({"result": {"score": {"min": 5, "max": 5}}}, "/result/score/min"),
    # context
    ({"object": AGENT | {"objectType": "Agent"}, "context": {"platform": "p"}}, "/context/platform"),
    ({"context": {"team": AGENT}}, "/context/team"),
    ({"context": {"statement": {"id": UUID}}}, "/context/statement"),
    ({"context": {"contextActivities": {"parents": []}}}, "/context/contextActivities"),
    ({"context": {"contextActivities": {"parent": "x"}}}, "/context/contextActivities/parent"),
    ({"context": {"contextAgents": []}}, "/context"),
    ({"context": {"language": "english language"}}, "/context/language"),
    # times, versions, authority, attachments
    ({"timestamp": "2026-03-04"}, "/timestamp"),
    ({"timestamp": "2026-03-04T15:30:00-00:00"}, "/timestamp"),
    ({"timestamp": "2026-02-30T15:30:00Z"}, "/timestamp"),
    ({"timestamp": "9999-12-31T23:59:59-14:00"}, "/timestamp"),
    ({"version": "1.1.0"}, "/version"),
    ({"version": "2.0.0"}, "/version"),
    ({"authority": {"objectType": "Group", "member": [AGENT] * 3}}, "/authority"),
    ({"attachments": {}}, "/attachments"),
    ({"attachments": [ATTACHMENT | {"sha2": "abc"}]}, "/attachments/0/sha2"),
    ({"attachments": [ATTACHMENT | {"length": 4.5}]}, "/attachments/0/length"),
    ({"attachments": [ATTACHMENT | {"contentType": "text"}]}, "/attachments/0/contentType"),
]


@pytest.mark.parametrize(("parts", "place"), REFUSED, ids=str)
def test_what_the_specification_forbids_is_refused_with_its_place(parts: dict[str, Any], place: str) -> None:
    assert refused_at(statement(**parts)) == place


@pytest.mark.parametrize("missing", ["actor", "verb", "object"])
def test_a_statement_has_an_actor_a_verb_and_an_object(missing: str) -> None:
    found = statement()
    del found[missing]

    assert refused_at(found) == ""


@pytest.mark.parametrize("found", [None, 5, "x", [], [statement()]], ids=str)
def test_a_statement_is_an_object(found: Any) -> None:
    assert refused_at(found) == ""


WITH_AGENTS = {"contextAgents": [{"objectType": "contextAgent", "agent": AGENT, "relevantTypes": ["https://x.org/t"]}]}


@pytest.mark.parametrize(
    ("context", "place"),
    [
        (WITH_AGENTS, None),
        (
            {"contextGroups": [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [AGENT]}}]},
            None,
        ),
        ({"contextAgents": [{"objectType": "contextGroup", "agent": AGENT}]}, "/context/contextAgents/0/objectType"),
        ({"contextAgents": [{"objectType": "contextAgent", "agent": {}}]}, "/context/contextAgents/0/agent"),
        (
            {"contextAgents": [{"objectType": "contextAgent", "agent": AGENT, "relevantTypes": []}]},
            "/context/contextAgents/0/relevantTypes",
        ),
    ],
    ids=str,
)
def test_agents_and_groups_of_the_context_come_with_2_0(context: dict[str, Any], place: str | None) -> None:
    assert refused_at(statement(context=context), Edition.TWO) == place
    assert refused_at(statement(context=context), Edition.ONE) == "/context"


@pytest.mark.parametrize(
    ("header", "edition"),
    [
        ("1.0", Edition.ONE),
        ("1.0.0", Edition.ONE),
        (" 1.0.9 ", Edition.ONE),
        ("2.0", Edition.TWO),
        ("2.0.0", Edition.TWO),
        ("", None),
        (None, None),
        ("1", None),
        ("0.95", None),
        ("1.1.0", None),
        ("1.0.", None),
        ("1.0.x", None),
        ("2.0.0.0", None),
    ],
)
def test_versions_1_0_x_and_2_0_x_are_spoken(header: str | None, edition: Edition | None) -> None:
    assert edition_of(header) is edition


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        ("2026-03-04T15:30:00Z", datetime(2026, 3, 4, 15, 30, tzinfo=UTC)),
        ("2026-03-04T15:30:00.5+0230", datetime(2026, 3, 4, 13, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-04T15:30:00-05", datetime(2026, 3, 4, 20, 30, tzinfo=UTC)),
        ("2026-03-04T15:30", datetime(2026, 3, 4, 15, 30, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_timestamps_are_instants(told: str, instant: datetime) -> None:
    assert grammar.timestamp(told, "") == instant


@pytest.mark.parametrize(
    "told", ["P", "PT", "P1H", "PT1D", "P4W1D", "1H", "PT1S2M", "P1Y2", "P-1D", "P0003-01-29T04:35:59"]
)
def test_what_is_no_duration_is_refused(told: str) -> None:
    with pytest.raises(Unacceptable):
        grammar.duration(told, "")


@pytest.mark.parametrize("told", ["P3Y1M29DT4H35M59.14S", "PT16559.14S", "P3Y", "P4W", "PT0S", "P1DT12H", "PT1H0M0.1S"])
def test_durations_of_the_specification_are_accepted(told: str) -> None:
    assert grammar.duration(told, "") == told


@pytest.mark.parametrize(
    "check", [grammar.iri, grammar.language, grammar.duration, grammar.timestamp, grammar.mailbox, grammar.media_type]
)
def test_no_pattern_takes_long_for_a_long_near_match(check: Any) -> None:
    for piece in ("a-", "P1", "2026-", "x.", "mailto:a", "-a1"):
        with pytest.raises(Unacceptable):
            check(piece * 20_000 + "\n", "")
