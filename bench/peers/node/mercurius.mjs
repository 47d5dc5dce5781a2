// The same school on Mercurius with its JIT. PORT and SCHOOL (a JSON file with "sdl" and "data") from the environment.
import { readFileSync } from "node:fs";

import Fastify from "fastify";
import mercurius from "mercurius";

const { sdl, data } = JSON.parse(readFileSync(process.env.SCHOOL, "utf8"));
const app = Fastify();
app.register(mercurius, {
  schema: sdl,
  resolvers: { Query: { course: async () => data.course, lessons: async () => data.lessons } },
  jit: 1,
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
