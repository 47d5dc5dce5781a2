// One chat room on graphql-ws and ws. PORT from the environment. It checks no credentials, keeps nothing, and pings nobody.
import { createServer } from "node:http";

import { buildSchema, graphql } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type Query { ready: Boolean! }
  input SendMessageInput { roomId: ID! body: String! }
  type Message { id: ID! roomId: ID! senderId: ID! body: String! sentAt: String! }
  type Mutation { sendMessage(input: SendMessageInput!): Message! }
  type Subscription { onMessage(roomId: ID!): Message! }
`);

/** A subscriber's events: those that wait for it, and it when it waits for one. */
class Events {
  #waiting = [];
  #wake = null;
  push(value) {
    const step = { value, done: false };
    if (this.#wake) this.#wake(step);
    else this.#waiting.push(step);
    this.#wake = null;
  }
  next() {
    if (this.#waiting.length) return Promise.resolve(this.#waiting.shift());
    return new Promise((resolve) => (this.#wake = resolve));
  }
  return() {
    rooms.get(this.room)?.delete(this);
    this.#wake?.({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }
  [Symbol.asyncIterator]() {
    return this;
  }
}

const rooms = new Map();
schema.getSubscriptionType().getFields().onMessage.subscribe = (_, { roomId }) => {
  const events = new Events();
  events.room = roomId;
  if (!rooms.has(roomId)) rooms.set(roomId, new Set());
  rooms.get(roomId).add(events);
  return events;
};
schema.getMutationType().getFields().sendMessage.resolve = (_, { input: { roomId, body } }) => {
  const sentAt = new Date().toISOString();
  const message = { id: `${roomId}.${sentAt}`, roomId, senderId: "bench-sender", body, sentAt };
  for (const events of rooms.get(roomId) ?? []) events.push({ onMessage: message });
  return message;
};

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { query, variables } = JSON.parse(body);
  const answer = JSON.stringify(await graphql({ schema, source: query, variableValues: variables }));
  response.setHeader("content-type", "application/json");
  response.end(answer);
});
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }), 0);
server.listen(Number(process.env.PORT), "127.0.0.1");
