"""Another tenant's row answers exactly like one that nobody has: on every route, and wherever its id can be sent."""

from typing import Any

import httpx
import pytest

from app.config import Settings
from app.main import create_app
from tests.builders import BODIES, CONVENTIONS, make
from tests.engines import SECRET_KEY, Organisation

every_noun = pytest.mark.parametrize("noun", sorted(CONVENTIONS))


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every address of the reference with its methods."""
    service = create_app(
        Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('reference')}/none.db", secret_keys=(SECRET_KEY,))
    )
    return {address: list(operations) for address, operations in service.openapi()["paths"].items()}


async def _twice(acme: Organisation, method: str, path: str, theirs: str, **sent: Any) -> httpx.Response:
    """Ask for another tenant's row and for one that nobody has: the answers are the same but for the id."""
    random = f"{theirs.partition('_')[0]}_01h455vb4pex5vsknk084sn02q"
    answers = []
    for given in (theirs, random):
        json = None if "json" not in sent else _with(sent["json"], theirs, given)
        answer = await acme.client.request(method, path.replace(theirs, given), json=json)
        text = answer.text.replace(given, "ID").replace(answer.headers["x-request-id"], "REQUEST")
        headers = {name for name in answer.headers if name != "content-length"}
        answers.append((answer.status_code, text, headers))
    assert answers[0] == answers[1]
    assert answers[0][0] in sent.get("statuses", {404, 422}), answers[0]
    return answer


def _with(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _with(inner, old, new) for name, inner in value.items()}
    return [_with(inner, old, new) for inner in value] if isinstance(value, list) else new if value == old else value


@every_noun
async def test_another_tenants_row_answers_like_none(
    acme: Organisation, rival: Organisation, addresses: dict[str, list[str]], noun: str
) -> None:
    theirs = (await make(rival.client, noun))["id"]
    path = f"/v1/{noun}/{theirs}"

    for template, methods in addresses.items():
        if template.startswith(f"/v1/{noun}/{{id}}"):
            address = template.replace("{id}", theirs).replace("{person_id}", "per_01h455vb4pex5vsknk084sn02q")
            for method in methods:
                await _twice(acme, method.upper(), address, theirs, json=_harmless(noun, template, method))
    await _twice(acme, "GET", f"{path}?as_of=2100-01-01T00:00:00Z", theirs)
    listed = await acme.client.get(f"/v1/{noun}")
    assert listed.json()["items"] == []
    assert (await rival.client.get(path)).json()["version"] == 1


def _harmless(noun: str, template: str, method: str) -> Any:
    if template.endswith("/members") and method == "post":
        return {"items": [{"person_id": "per_01h455vb4pex5vsknk084sn02q", "offered_on": "2026-01-01"}]}
    if template.endswith("/identities") and method == "post":
        return {"kind": "email", "value": "a@example.org"}
    return CONVENTIONS[noun].change if method == "patch" else None


_REFERENCED = {
    "parent_id": None,
    "goal_owner_id": "people",
    "owner_id": "people",
    "approver_id": "people",
    "kpi_id": "kpis",
    "objective_id": "objectives",
    "org_unit_id": "org-units",
    "initiative_id": "initiatives",
    "outcome_id": "outcomes",
    "alignment_id": "alignments",
    "activity_id": "activities",
    "source_id": "sources",
    "person_id": "people",
    "observer_id": "people",
    "manager_id": "people",
    "stakeholder_id": "people",
    "survey_id": "surveys",
    "behaviour_id": "behaviours",
    "agreement_id": "agreements",
    "standard_id": "proficiency-standards",
    "review_id": "reviews",
    "decision_id": "decisions",
    "decider_id": "people",
    "author_id": "people",
    "reviewer_id": "people",
}


@every_noun
async def test_another_tenants_row_cannot_be_named_in_a_body(
    acme: Organisation, rival: Organisation, noun: str
) -> None:
    body = await BODIES[noun](acme.client, 1, {})
    for field in CONVENTIONS[noun].references:
        theirs = (await make(rival.client, _REFERENCED[field] or noun, 5))["id"]
        await _twice(acme, "POST", f"/v1/{noun}", theirs, json=body | {field: theirs})
        listed = await acme.client.get(f"/v1/{noun}", params={field: theirs}) if field != "approver_id" else None
        if listed is not None and field in _filters(listed):
            assert listed.json()["items"] == []

    assert (await acme.client.get(f"/v1/{noun}")).json()["items"] == []


async def test_another_tenants_row_cannot_be_named_in_a_batch(acme: Organisation, rival: Organisation) -> None:
    kpi = await make(acme.client, "kpis")
    audience = await make(acme.client, "audiences")
    period = {"period_start": "2026-01-01", "period_end": "2026-02-01", "value": "1"}
    unit, person, their_kpi = [(await make(rival.client, noun))["id"] for noun in ("org-units", "people", "kpis")]

    for path, theirs, item in (
        ("/v1/people/batch", unit, {"external_id": "1", "org_unit_id": unit}),
        ("/v1/measurements/batch", their_kpi, {"kpi_id": their_kpi} | period),
        (
            "/v1/measurements/batch",
            unit,
            {"kpi_id": kpi["id"], "subject_kind": "org_unit", "subject_id": unit} | period,
        ),
        (f"/v1/audiences/{audience['id']}/members", person, {"person_id": person, "offered_on": "2026-01-01"}),
    ):
        answer = await _twice(acme, "POST", path, theirs, json={"items": [item]}, statuses={200})
        assert [fault["code"] for fault in answer.json()["items"][0]["errors"]] == ["unknown_reference"]


async def test_an_idempotency_key_is_of_one_tenant_and_one_route(acme: Organisation, rival: Organisation) -> None:
    headers = {"Idempotency-Key": "the same"}
    body = {"title": "Cut scrap"}

    mine = await acme.client.post("/v1/objectives", json=body, headers=headers)
    theirs = await rival.client.post("/v1/objectives", json=body, headers=headers)
    elsewhere = await acme.client.post("/v1/initiatives", json=body, headers=headers)

    assert {answer.status_code for answer in (mine, theirs, elsewhere)} == {201}
    assert "idempotency-replayed" not in {**mine.headers, **theirs.headers, **elsewhere.headers}
    assert mine.json()["id"] != theirs.json()["id"]


def _filters(answer: httpx.Response) -> set[str]:
    return set(answer.request.url.params) if answer.status_code == 200 else set()
