"""The tenant and its settings."""

from fastapi import FastAPI

from tests.engines import Organisation, organisation


async def test_a_tenant_reads_and_changes_its_settings(acme: Organisation) -> None:
    tenant = await acme.client.get("/v1/tenant")

    assert tenant.json()["slug"] == acme.scope.slug
    assert (tenant.json()["zone"], tenant.json()["minimum_cohort"], tenant.headers["etag"]) == ("UTC", 5, '"1"')
    assert (await acme.client.get("/v1/tenant", headers={"If-None-Match": '"1"'})).status_code == 304
    changed = await acme.client.patch("/v1/tenant", json={"zone": "Europe/Vienna"}, headers={"If-Match": '"1"'})
    assert changed.json() == tenant.json() | {
        "zone": "Europe/Vienna",
        "version": 2,
        "recorded_at": changed.json()["recorded_at"],
    }
    assert (await acme.client.patch("/v1/tenant", json={}, headers={"If-Match": '"1"'})).status_code == 412
    then = await acme.client.get("/v1/tenant", params={"as_of": tenant.json()["recorded_at"]})
    assert then.json() == tenant.json()
    (entry,) = [
        each
        for each in (await acme.client.get("/v1/changes")).json()["items"]
        if each["type"] == "tenant_settings.updated"
    ]
    assert entry["resource_id"] == tenant.json()["id"]


async def test_privacy_cannot_be_lowered_and_nothing_else_can_be_set(acme: Organisation) -> None:
    for body in ({"minimum_cohort": 4}, {"zone": "Nowhere"}, {"slug": "other"}, {"zone": None}, {"id": "x"}):
        assert (await acme.client.patch("/v1/tenant", json=body)).status_code == 422, body


async def test_only_an_admin_changes_settings(app: FastAPI) -> None:
    async with organisation(app, ["read", "write"]) as other:
        assert (await other.client.get("/v1/tenant")).status_code == 200
        refused = await other.client.patch("/v1/tenant", json={"minimum_cohort": 9})
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


async def test_tenants_have_settings_of_their_own(acme: Organisation, rival: Organisation) -> None:
    await acme.client.patch("/v1/tenant", json={"minimum_cohort": 9})

    assert (await rival.client.get("/v1/tenant")).json()["minimum_cohort"] == 5
