// Asks twice with an unmodified Apollo Client whose documents are persisted, and tells what went over the wire.
//
// stdin: {"endpoint", "headers", "query"}
// stdout: {"answers": [data, data], "sent": [{"text": whether a text was sent, "hash"}, ...]}
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

const job = JSON.parse(readFileSync(0, "utf8"));
const sent = [];

function watched(url, options) {
  const body = JSON.parse(options.body);
  sent.push({ text: "query" in body, hash: body.extensions.persistedQuery.sha256Hash });
  return fetch(url, options);
}

const persisted = new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") });
const http = new HttpLink({ uri: job.endpoint, headers: job.headers, fetch: watched });
const client = new ApolloClient({ link: ApolloLink.from([persisted, http]), cache: new InMemoryCache() });

const answers = [];
for (let time = 0; time < 2; time += 1) {
  const { data } = await client.query({ query: gql(job.query), fetchPolicy: "network-only" });
  answers.push(data);
}
process.stdout.write(`${JSON.stringify({ answers, sent })}\n`);
