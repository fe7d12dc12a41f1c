"""What fits a schema of the reference is taken, what is refused does not fit, and an answer's links lead somewhere."""

from typing import Any

import httpx
import jsonschema
import pytest

from app.config import Settings
from app.main import create_app
from tests.builders import make
from tests.engines import SECRET_KEY


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    address = f"sqlite:///{tmp_path_factory.mktemp('reference')}/none.db"
    return create_app(Settings(database_url=address, secret_keys=(SECRET_KEY,))).openapi()


def fits(reference: dict[str, Any], shape: str, body: dict[str, Any]) -> bool:
    schema = {"$ref": f"#/components/schemas/{shape}", "components": reference["components"]}
    return jsonschema.Draft202012Validator(schema).is_valid(body)


async def test_a_whole_number_may_be_written_with_a_zero_fraction(
    client: httpx.AsyncClient, reference: dict[str, Any]
) -> None:
    for at, days in enumerate((90.0, 90)):
        body = {"risk_class": f"class {at}", "days": days}
        made = await client.post("/v1/review-intervals", json=body)
        assert fits(reference, "ReviewIntervalWrite", body)
        assert (made.status_code, made.json()["days"]) == (201, 90), made.text

    for wrong in (90.5, True, "90"):
        body = {"risk_class": "other", "days": wrong}
        refused = await client.post("/v1/review-intervals", json=body)
        assert not fits(reference, "ReviewIntervalWrite", body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/days")


async def test_a_scope_that_there_is_none_of_does_not_fit(client: httpx.AsyncClient, reference: dict[str, Any]) -> None:
    for scopes in (["read", "fly"], []):
        body = {"name": "Dashboard", "scopes": scopes}
        assert not fits(reference, "ApiKeyWrite", body)
        assert (await client.post("/v1/keys", json=body)).status_code == 422
    assert fits(reference, "ApiKeyWrite", {"name": "Dashboard", "scopes": ["read", "ingest"]})


async def test_a_fault_in_the_name_of_a_field_points_at_the_field(client: httpx.AsyncClient) -> None:
    unit = {"unit": "u1", "covariates": {" ": 1.0}}
    body = {"wave_starts": ["2026-01-01", "2026-02-01"], "units": [unit, {"unit": "u2"}]}

    refused = await client.post("/v1/rollout-designs", json=body)

    pointers = [fault["pointer"] for fault in refused.json()["errors"]]
    assert "/units/0/covariates/ " in pointers, refused.text
    assert not any("[key]" in pointer for pointer in pointers)


async def test_the_links_of_an_answer_lead_where_they_say(client: httpx.AsyncClient, reference: dict[str, Any]) -> None:
    places = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in reference["paths"].items()
        for method, operation in methods.items()
    }
    shared = reference["components"]["links"]
    for noun, expected in {
        "objectives": {
            "getObjective",
            "updateObjective",
            "archiveObjective",
            "proposeObjective",
            "listOutcomesOfObjective",
        },
        "initiatives": {"getInitiativeFigures", "listAlignmentsOfInitiative", "listAudiencesOfInitiative"},
    }.items():
        row = await make(client, noun)
        answer = reference["paths"][f"/v1/{noun}"]["post"]["responses"]["201"]
        links = {name: shared[link["$ref"].rpartition("/")[2]] for name, link in answer["links"].items()}
        assert expected <= links.keys()
        for name, link in links.items():
            assert set(link["parameters"].values()) == {"$response.body#/id"}, name
            method, path = places[link["operationId"]]
            if method == "GET":
                ids = dict.fromkeys(link["parameters"], row["id"])
                asked = {key: value for key, value in ids.items() if f"{{{key}}}" not in path}
                found = await client.get(path.format(**ids), params=asked)
                assert found.status_code == 200, (name, found.text)
