// Runs GraphQL operations with an unmodified aws-amplify v6 and prints what the application would see.
//
// stdin: {"endpoint", "region", "mode", "apiKey"?, "accessToken"?, "lambdaToken"?, "credentials"?,
//         "operations": [{"query", "variables"?}]}
// stdout: one JSON array with an entry for each operation: {"data", "errors"}
import { readFileSync } from "node:fs";

import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { decodeJWT } from "aws-amplify/auth";

const job = JSON.parse(readFileSync(0, "utf8"));

Amplify.configure(
  {
    API: {
      GraphQL: {
        endpoint: job.endpoint,
        region: job.region,
        defaultAuthMode: job.mode,
        apiKey: job.apiKey,
      },
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

const client = generateClient();
const answers = [];
for (const { query, variables } of job.operations) {
  const options = { query, variables };
  if (job.mode === "lambda") options.authToken = job.lambdaToken;
  try {
    const { data, errors } = await client.graphql(options);
    answers.push({ data, errors });
  } catch (failure) {
    answers.push({ data: failure.data ?? null, errors: failure.errors ?? [{ message: String(failure) }] });
  }
}
process.stdout.write(JSON.stringify(answers));
