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

export function followRoom(roomId, onChange = () => {}) {
  const client = generateClient();
  const messages = new Map(); // id -> the message as it is now
  let seen = 0; // no change up to this number is missing
  let work = Promise.resolve(); // one step after another

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
  // What fails here is tried again at the next event or connection.
  const enqueue = (step) => (work = work.then(step).catch(() => {}));

  const stopHub = Hub.listen("api", ({ payload }) => {
    const confirmed = payload.event === "Subscription ack" && payload.data.query.includes("onMessage");
    if (confirmed && payload.data.variables.roomId === roomId) enqueue(catchUp);
  });
  const subscription = client.graphql({ query: LIVE, variables: { roomId } }).subscribe({
    next: ({ data }) => data.onMessage && enqueue(() => live(data.onMessage)),
    error: () => {},
  });
  return {
    messages,
    close: () => {
      subscription.unsubscribe();
      stopHub();
    },
  };
}
