// The public audit of GraphQL over HTTP (npm graphql-http), with a key: one of its audits introspects.
import { auditServer } from "graphql-http";

const { THROUGHLINE_URL: url, THROUGHLINE_KEY: key } = process.env;
const results = await auditServer({
  url: `${url}/graphql`,
  fetchFn: (address, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${key}`);
    return fetch(address, { ...init, headers });
  },
});
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
