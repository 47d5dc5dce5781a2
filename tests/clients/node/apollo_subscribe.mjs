// Subscribes with an unmodified Apollo Client over AWS's own link and prints what it hears, one JSON object a line.
//
// stdin: {"endpoint", "region", "auth", "query", "variables"?}
// stdout: {"data"} for each event, {"errors"} when it is refused
import { readFileSync } from "node:fs";

import { ApolloClient, gql, InMemoryCache } from "@apollo/client";
import { createSubscriptionHandshakeLink } from "aws-appsync-subscription-link";
import { WebSocket } from "ws";

globalThis.WebSocket = WebSocket; // Node 20 has none of its own

const job = JSON.parse(readFileSync(0, "utf8"));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const client = new ApolloClient({
  link: createSubscriptionHandshakeLink({ url: job.endpoint, region: job.region, auth: job.auth }),
  cache: new InMemoryCache(),
});
client.subscribe({ query: gql(job.query), variables: job.variables }).subscribe({
  next: ({ data, error }) => say(error ? { errors: [{ message: error.message }] } : { data }),
  error: (failure) => say({ errors: [{ message: failure.message }] }),
});
