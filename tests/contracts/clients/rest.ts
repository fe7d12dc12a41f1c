// A client of types that openapi-typescript made: creates, pages, changes, reads figures, and branches on an error code.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "../.generated/rest.js";

const { THROUGHLINE_URL: baseUrl = "", THROUGHLINE_KEY: key = "" } = process.env;
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

type Objective = components["schemas"]["ObjectiveRead"];

const made: Objective[] = [];
for (const title of ["Cut scrap", "Fewer accidents", "Faster set-up"]) {
  const { data, error, response } = await api.POST("/v1/objectives", {
    body: { title, category: "typescript" },
    params: { header: { "idempotency-key": `rest.ts ${title}` } },
  });
  assert.ok(data, JSON.stringify(error));
  assert.equal(response.headers.get("etag"), `"${data.version}"`);
  made.push(data);
}

const seen: Objective[] = [];
let cursor: string | null = null;
do {
  const query: NonNullable<paths["/v1/objectives"]["get"]["parameters"]["query"]> = {
    category: ["typescript"],
    sort: "title",
    limit: 2,
    ...(cursor ? { cursor } : {}),
  };
  const { data, error } = await api.GET("/v1/objectives", { params: { query } });
  assert.ok(data, JSON.stringify(error));
  seen.push(...data.items);
  cursor = data.next_cursor;
} while (cursor !== null);
assert.deepEqual(seen.map((each) => each.title), ["Cut scrap", "Faster set-up", "Fewer accidents"]);

const [first] = made;
assert.ok(first);
const priority: number = first.priority; // an answer holds every field
assert.equal(priority, 3);
const stale = await api.PATCH("/v1/objectives/{id}", {
  params: { path: { id: first.id }, header: { "if-match": '"999"' } },
  body: { title: "Cut scrap by half" },
});
assert.equal(stale.error?.code, "precondition_failed");
const changed = await api.PATCH("/v1/objectives/{id}", {
  params: { path: { id: first.id }, header: { "if-match": `"${first.version}"` } },
  body: { title: "Cut scrap by half", category: null },
});
assert.equal(changed.data?.category, null);

const initiative = await api.POST("/v1/initiatives", { body: { title: "Press set-up training" } });
assert.ok(initiative.data);
const figures = await api.GET("/v1/initiatives/{id}/figures", { params: { path: { id: initiative.data.id } } });
const figure = figures.data?.items[0];
assert.equal(figure?.value, null);
assert.notEqual(figure?.status, "ok");

const missing = await api.GET("/v1/objectives/{id}", { params: { path: { id: "obj_01h455vb4pex5vsknk084sn02q" } } });
assert.equal(missing.error?.code, "not_found");
console.log("rest.ts: done");
