// Follows one chat room with aws-amplify v6, without losing anything: Amplify reconnects by itself but does not say what
// was missed, so this client catches up by number whenever its subscription is confirmed.
//
// Amplify.configure(…) comes first. On plain http spell the endpoint HTTP://127.0.0.1:8000/graphql: Amplify dials wss://
// for a lower-case http.
import { generateClient } from "aws-amplify/api";
import { Hub } from "aws-amplify/utils";

const FIELDS = "id roomId sequence changeSequence senderId body replyToId replyCount reactions { emoji count userIds } sentAt editedAt deletedAt";
const LIVE = `subscription Live($roomId: ID) { onMessage(roomId: $roomId) { ${FIELDS} } }`;
const CHANGES = `query Changes($roomId: ID!, $after: Int!, $next: String) {
  listMessages(roomId: $roomId, afterChange: $after, limit: 100, nextToken: $next) { items { ${FIELDS} } nextToken } }`;
const FINAL = /\b(NOT_FOUND|FORBIDDEN|ACCOUNT_SUSPENDED|Unauthorized)\b/;

export function followRoom(roomId, { onChange = () => {}, onEnd = () => {} } = {}) {
  const client = generateClient();
  const messages = new Map(); // id -> the message as it is now
  let seen = 0; // no change up to this number is missing
  let work = Promise.resolve(); // one step after another
  let subscription = null;
  let closed = false;

  const keep = (message) => {
    const known = messages.get(message.id);
    if (known && known.changeSequence >= message.changeSequence) return;
    messages.set(message.id, message);
    onChange(message);
  };
  const catchUp = async () => {
    let next = null;
    let last = seen;
    do {
      const variables = { roomId, after: seen, next };
      const { items, nextToken } = (await client.graphql({ query: CHANGES, variables })).data.listMessages;
      for (const message of items) {
        keep(message);
        last = Math.max(last, message.changeSequence);
      }
      next = nextToken;
    } while (next);
    seen = last;
  };
  const live = async (message) => {
    if (message.changeSequence > seen + 1) return catchUp(); // a gap
    if (message.changeSequence === seen + 1) seen = message.changeSequence;
    keep(message);
  };

  // What fails is tried again a moment later, by each client at another one, unless it is refused for good.
  const failed = (failure, step) => {
    if (closed) return;
    if (FINAL.test(JSON.stringify(failure.errors ?? String(failure)))) {
      close();
      onEnd(failure);
    } else setTimeout(step, 1000 + Math.random() * 2000);
  };
  const enqueue = (step, again = catchUp) => {
    work = work.then(() => closed || step()).catch((failure) => failed(failure, () => enqueue(again, again)));
  };
  const listen = () => {
    subscription = client.graphql({ query: LIVE, variables: { roomId } }).subscribe({
      next: ({ data }) => data.onMessage && enqueue(() => live(data.onMessage)),
      error: (failure) => failed(failure, () => enqueue(listenAgain, listenAgain)),
    });
  };
  // Amplify gives up a subscription that the server has ended. First a query, which tells whether it may be.
  const listenAgain = () => catchUp().then(() => closed || listen());
  const stopHub = Hub.listen("api", ({ payload }) => {
    const confirmed = payload.event === "Subscription ack" && payload.data.query.includes("onMessage");
    if (confirmed && payload.data.variables.roomId === roomId) enqueue(catchUp);
  });
  const close = () => {
    closed = true;
    subscription?.unsubscribe();
    stopHub();
  };
  listen();
  return { messages, close };
}
