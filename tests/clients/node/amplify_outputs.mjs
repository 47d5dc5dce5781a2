// Configures an unmodified aws-amplify v6 with an amplify_outputs.json, and reads the catalog with it.
//
// stdin: the file
// stdout: {"config": what Amplify made of it, "data", "errors"}
import { readFileSync } from "node:fs";

import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";

Amplify.configure(JSON.parse(readFileSync(0, "utf8")));

const answer = { config: Amplify.getConfig() };
if (process.argv[2]) {
  const { data, errors } = await generateClient().graphql({ query: process.argv[2], authMode: "apiKey" });
  Object.assign(answer, { data, errors });
}
process.stdout.write(JSON.stringify(answer));
