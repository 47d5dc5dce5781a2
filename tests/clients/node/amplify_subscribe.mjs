// Subscribes with an unmodified aws-amplify v6 and prints what the application hears, one JSON object a line.
//
// stdin: {"endpoint", "region", "mode", "apiKey"?, "accessToken"?, "lambdaToken"?, "credentials"?, "query", "variables"?}
// stdout: {"state"} for each change of the connection, {"data"} for each event, {"errors"} when it is refused
import { readFileSync } from "node:fs";

import { Amplify } from "aws-amplify";
import { CONNECTION_STATE_CHANGE, generateClient } from "aws-amplify/api";
import { decodeJWT } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";
import { WebSocket } from "ws";

globalThis.WebSocket = WebSocket; // Node 20 has none of its own

const job = JSON.parse(readFileSync(0, "utf8"));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

Amplify.configure(
  {
    API: {
      GraphQL: { endpoint: job.endpoint, region: job.region, defaultAuthMode: job.mode, apiKey: job.apiKey },
    },
  },
  {
    Auth: {
      tokenProvider: {
        getTokens: async () => (job.accessToken ? { accessToken: decodeJWT(job.accessToken) } : null),
      },
      credentialsProvider: {
        getCredentialsAndIdentityId: async () => (job.credentials ? { credentials: job.credentials } : undefined),
        clearCredentialsAndIdentityId: () => {},
      },
    },
  },
);
Hub.listen("api", ({ payload }) => {
  if (payload.event === CONNECTION_STATE_CHANGE) say({ state: payload.data.connectionState });
});

const options = { query: job.query, variables: job.variables };
if (job.mode === "lambda") options.authToken = job.lambdaToken;
generateClient()
  .graphql(options)
  .subscribe({
    next: ({ data, errors }) => say(errors ? { data, errors } : { data }),
    error: (failure) => say({ errors: failure.errors ?? [{ message: String(failure) }] }),
  });
