// The GraphQL-over-HTTP audits of npm graphql-http against a running server.
//
// argv: URL; stdin: {"headers"}; stdout: a JSON array of {"id", "name", "status", "reason"}
import { readFileSync } from "node:fs";

import { auditServer } from "graphql-http";

const { headers } = JSON.parse(readFileSync(0, "utf8"));
const results = await auditServer({
  url: process.argv[2],
  fetchFn: (url, init = {}) => fetch(url, { ...init, headers: { ...headers, ...init.headers } }),
});
process.stdout.write(
  JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason: reason ?? null }))),
);
