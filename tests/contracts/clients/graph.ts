// Operations typed by graphql-codegen, sent with fetch: the documents are text, the answers and variables are typed.
import assert from "node:assert/strict";
import {
  AnythingByIdDocument,
  FigurePartsFragmentDoc,
  OneObjectiveDocument,
  OverviewDocument,
  type TypedDocumentString,
} from "../.generated/graph/graphql.js";
import { useFragment } from "../.generated/graph/fragment-masking.js";

const { THROUGHLINE_URL: url = "", THROUGHLINE_KEY: key = "" } = process.env;
const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };

async function ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { ...headers, Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  return (await answer.json()) as { data?: Data; errors?: { message: string; extensions: { code: string } }[] };
}

async function create(path: string, body: object): Promise<string> {
  const answer = await fetch(`${url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return ((await answer.json()) as { id: string }).id;
}

const objective = await create("objectives", { title: "A graph of goals" });
const kpi = await create("kpis", { name: "Scrap rate", unit: "items per 100", direction: "lower_is_better" });
await create("outcomes", {
  title: "Less scrap",
  objective_id: objective,
  kpi_id: kpi,
  baseline: "4.6",
  target: "3.45",
  starts_on: "2026-01-01",
  due_on: "2026-12-31",
});
const initiative = await create("initiatives", { title: "Training" });

const overview = await ask(OverviewDocument, { first: 100 });
assert.equal(overview.errors, undefined);
const found = overview.data?.objectives?.nodes.find((each) => each.id === objective);
const outcome = found?.outcomes?.nodes[0];
assert.equal(outcome?.kpi?.unit, "items per 100");
const figures = useFragment(FigurePartsFragmentDoc, outcome?.figures);
assert.ok(figures?.some((figure) => figure.metric === "progress" && figure.value === null && figure.status !== "OK"));

const one = await ask(OneObjectiveDocument, { id: objective });
assert.deepEqual([one.data?.objective?.title, one.data?.objective?.goalOwner], ["A graph of goals", null]);

const anything = await ask(AnythingByIdDocument, { id: initiative });
const node = anything.data?.node;
assert.ok(node && "figures" in node);
assert.ok(node.figures?.every((figure) => useFragment(FigurePartsFragmentDoc, figure).metric === "completion_rate"));

const missing = await ask(OneObjectiveDocument, { id: "obj_01h455vb4pex5vsknk084sn02q" });
assert.equal(missing.errors?.[0]?.extensions.code, "not_found");
console.log("graph.ts: done");
