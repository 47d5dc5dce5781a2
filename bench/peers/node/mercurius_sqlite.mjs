// The stored school on Mercurius with its JIT and loaders, by better-sqlite3. PORT and DATABASE from the environment.
import Database from "better-sqlite3";
import Fastify from "fastify";
import mercurius from "mercurius";

const schema = `
  type Query { getCourse(id: ID!): Course listCourses(limit: Int!): CourseConnection! }
  type CourseConnection { items: [Course!]! }
  type Course {
    id: ID! slug: String! title: String! summary: String level: String! language: String! category: String!
    version: Int! owner: UserSummary modules(limit: Int!): ModuleConnection!
  }
  type UserSummary { id: ID! displayName: String! }
  type ModuleConnection { items: [Module!]! }
  type Module { id: ID! title: String! rank: String! lessons(limit: Int!): LessonConnection! }
  type LessonConnection { items: [Lesson!]! }
  type Lesson {
    id: ID! title: String! kind: String! rank: String! durationSeconds: Int! isPreview: Boolean!
  }
`;

const database = new Database(process.env.DATABASE, { readonly: true });
const columns = "id, slug, title, summary, level, language, category, owner_id AS ownerId, version";
const course = database.prepare(`SELECT ${columns} FROM courses WHERE id = ? AND state = 'PUBLISHED'`);
const courses = database.prepare(
  `SELECT ${columns} FROM courses WHERE state = 'PUBLISHED' ORDER BY published_at DESC, id DESC LIMIT ?`,
);
const modules = database.prepare("SELECT id, title, rank FROM modules WHERE course_id = ? ORDER BY rank LIMIT ?");
const users = database.prepare(
  "SELECT id, display_name AS displayName FROM users WHERE id IN (SELECT value FROM json_each(?))",
);
const lessons = database.prepare(
  `SELECT module_id AS moduleId, id, title, kind, rank, duration_seconds AS durationSeconds, is_preview AS isPreview
   FROM lessons WHERE module_id IN (SELECT value FROM json_each(?)) AND state = 'PUBLISHED' ORDER BY module_id, rank`,
);

const resolvers = {
  Query: {
    getCourse: (_, { id }) => course.get(id),
    listCourses: (_, { limit }) => ({ items: courses.all(limit) }),
  },
  Course: { modules: ({ id }, { limit }) => ({ items: modules.all(id, limit) }) },
};

const opts = { cache: false }; // within one answer nobody is asked for twice
const loaders = {
  Course: {
    owner: {
      opts,
      async loader(queries) {
        const found = new Map();
        for (const user of users.all(JSON.stringify(queries.map(({ obj }) => obj.ownerId)))) found.set(user.id, user);
        return queries.map(({ obj }) => found.get(obj.ownerId) ?? null);
      },
    },
  },
  Module: {
    lessons: {
      opts,
      async loader(queries) {
        const found = new Map(queries.map(({ obj }) => [obj.id, []]));
        for (const lesson of lessons.all(JSON.stringify([...found.keys()]))) {
          lesson.isPreview = lesson.isPreview === 1;
          found.get(lesson.moduleId).push(lesson);
        }
        return queries.map(({ obj, params }) => ({ items: found.get(obj.id).slice(0, params.limit) }));
      },
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
