"use strict";

// The key lives in sessionStorage: it survives a reload, and is gone when the tab closes. So do the queries.
const KEY = "throughline.api-key";
const FIRST_QUERY = `# Enter an API key above,
# then run this with Ctrl-Enter.

query Types {
  __schema {
    queryType {
      fields {
        name
        description
      }
    }
  }
}
`;

const field = document.getElementById("api-key");
const { createElement, createRoot, GraphiQL } = GraphiQLConsole;
const root = createRoot(document.getElementById("console"));

function fetcherFor(key) {
  return async (request, options) => {
    const response = await fetch("graphql", {
      method: "POST",
      credentials: "omit",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json;q=0.9",
        ...(key ? { Authorization: `Bearer ${key}` } : {}),
        ...options?.headers,
      },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return { errors: [{ message: `HTTP ${response.status}: the answer is not JSON.` }] };
    }
  };
}

// A changed key is a new console, so that the schema is read again; without a key the schema is not asked for.
function render(key) {
  root.render(
    createElement(GraphiQL, {
      key,
      fetcher: fetcherFor(key),
      schema: key ? undefined : null,
      storage: window.sessionStorage,
      defaultQuery: FIRST_QUERY,
      shouldPersistHeaders: false,
      showPersistHeadersSettings: false,
    }),
  );
}

field.value = sessionStorage.getItem(KEY) ?? "";
field.addEventListener("change", () => {
  const key = field.value.trim();
  if (key) {
    sessionStorage.setItem(KEY, key);
  } else {
    sessionStorage.removeItem(KEY);
  }
  render(key);
});
render(field.value);
