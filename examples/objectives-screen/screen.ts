// A screen of objectives: a paged list with relations, a figure beside each outcome, and changes as they happen.
// THROUGHLINE_URL=http://127.0.0.1:8000 THROUGHLINE_KEY=tl_... npm start          UPDATES=1: stop after one update
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";
import { changes } from "./live.js";

type Objective = components["schemas"]["ObjectiveExpanded"];
type Figure = components["schemas"]["FigureRead"];
type Problem = components["schemas"]["ProblemDetails"];

const { THROUGHLINE_URL: url = "http://127.0.0.1:8000", THROUGHLINE_KEY: key = "", UPDATES } = process.env;
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const SUBJECTS_AT_ONCE = 200;

/** Every objective with its owner and its outcomes, page by page. */
async function objectives(): Promise<Objective[]> {
  const found: Objective[] = [];
  let cursor: string | null = null;
  do {
    const query: NonNullable<paths["/v1/objectives"]["get"]["parameters"]["query"]> = {
      sort: "priority,title",
      expand: "goal_owner,outcomes.kpi",
      ...(cursor ? { cursor } : {}),
    };
    const { data, error } = await api.GET("/v1/objectives", { params: { query } });
    if (!data) throw new Error(told(error));
    found.push(...data.items);
    cursor = data.next_cursor;
  } while (cursor !== null);
  return found;
}

/** The progress of outcomes, by their ids: one request for two hundred of them. */
async function progress(outcomes: string[]): Promise<Map<string, Figure>> {
  const found = new Map<string, Figure>();
  for (let start = 0; start < outcomes.length; start += SUBJECTS_AT_ONCE) {
    const query = { metric: ["progress"], subject: outcomes.slice(start, start + SUBJECTS_AT_ONCE) };
    const { data, error } = await api.GET("/v1/figures", { params: { query } });
    if (!data) throw new Error(told(error));
    for (const figure of data.items) if (figure.subject) found.set(figure.subject.id, figure);
  }
  return found;
}

/** What a figure says. A missing value is no zero: its status and reason say why there is none. */
function spoken(figure: Figure | undefined): string {
  if (figure === undefined) return "";
  if (figure.value === null) return `${figure.status}: ${figure.reason ?? ""}`;
  return figure.unit === "ratio" ? `${Math.round(Number(figure.value) * 100)} %` : `${figure.value} ${figure.unit}`;
}

function told(problem: Problem | undefined): string {
  return problem ? `${problem.code}: ${problem.detail} (request ${problem.request_id})` : "no answer";
}

async function render(): Promise<void> {
  const shown = await objectives();
  const figures = await progress(shown.flatMap((each) => (each.outcomes ?? []).map((outcome) => outcome.id)));
  const lines = shown.flatMap((each) => [
    `${each.priority}  ${each.title} (${each.status})  ${each.goal_owner?.name ?? "without a goal owner"}`,
    ...(each.outcomes ?? []).map(
      (outcome) =>
        `     ${outcome.title}: from ${outcome.baseline} to ${outcome.target} ${outcome.kpi?.unit ?? ""} by ` +
        `${outcome.due_on}  ${spoken(figures.get(outcome.id))}`,
    ),
  ]);
  console.log(["Objectives", ...lines, ""].join("\n"));
}

let left = UPDATES === undefined ? Infinity : Number(UPDATES);
const SHOWN = /^(objective|outcome|kpi|measurement|person)\./;

// The stream is open before the first list is read, so that nothing can change unseen in between.
const stream = changes(url, key, () => void render());
for await (const change of stream) {
  if (!SHOWN.test(change.type)) continue;
  console.log(`${change.type} ${change.resource_id}`);
  await render();
  left -= 1;
  if (left <= 0) break;
}
process.exit(0);
