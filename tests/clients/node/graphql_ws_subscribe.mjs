// Subscribes with an unmodified graphql-ws and prints what it hears, one JSON object a line.
//
// stdin: {"url", "connectionParams", "query", "variables"?}
// stdout: {"state": "connected"}, {"data"} for each event, {"errors"} or {"closed"} at the end
import { readFileSync } from "node:fs";

import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

const job = JSON.parse(readFileSync(0, "utf8"));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const client = createClient({
  url: job.url,
  webSocketImpl: WebSocket,
  connectionParams: job.connectionParams,
  retryAttempts: 0,
  on: { connected: () => say({ state: "connected" }) },
});
client.subscribe(
  { query: job.query, variables: job.variables },
  {
    next: (result) => say(result),
    error: (failure) => {
      say(Array.isArray(failure) ? { errors: failure } : { closed: { code: failure.code, reason: failure.reason } });
      process.exit(0);
    },
    complete: () => process.exit(0),
  },
);
