// The functions that hey-api made: one a REST operation, named as in the reference.
import assert from "node:assert/strict";
import { client } from "../.generated/hey/client.gen.js";
import { createKpi, getKpi, listChanges, listKpis, archiveKpi, type KpiRead } from "../.generated/hey/index.js";

const { THROUGHLINE_URL: baseUrl = "", THROUGHLINE_KEY: key = "" } = process.env;
client.setConfig({ baseUrl, auth: () => key });

const made = await createKpi({
  body: { name: "Scrap rate", unit: "items per 100", direction: "lower_is_better", external_id: "hey-api" },
});
assert.ok(made.data, JSON.stringify(made.error));
const kpi: KpiRead = made.data;

const listed = await listKpis({ query: { external_id: ["hey-api"], include_total: true }, throwOnError: true });
assert.deepEqual([listed.data.total, listed.data.items[0]?.id], [1, kpi.id]);

const unchanged = await getKpi({ path: { id: kpi.id }, headers: { "if-none-match": `"${kpi.version}"` } });
assert.equal(unchanged.response?.status, 304);

await archiveKpi({ path: { id: kpi.id }, throwOnError: true });
const feed = await listChanges({ query: { limit: 200 }, throwOnError: true });
assert.deepEqual(
  feed.data.items.filter((change) => change.resource_id === kpi.id).map((change) => change.type),
  ["kpi.created", "kpi.archived"],
);

const refused = await createKpi({ body: { name: "", unit: "EUR", direction: "lower_is_better" } });
assert.equal(refused.error?.errors[0]?.pointer, "/name");
console.log("hey.ts: done");
