// Follows one chat room without losing anything: browser and Node, no dependencies.
//
//   const room = new Room({ endpoint: "http://127.0.0.1:8000/graphql", token, roomId, onChange: (message) => … });
//   await room.open();      // resolves once everything sent so far is in room.messages
//   room.close();
//
// The recipe is listMessages': keep one number, `seen`; no change up to it is missing. Every change of a message has
// the next number of its room, so a live event either follows, is old, or shows a gap that a query fills. After each
// (re)connect: subscribe, wait for the confirmation, then catch up. Node before 22 needs a WebSocket, e.g. npm "ws".

const FIELDS = "id roomId sequence changeSequence senderId body replyToId replyCount reactions { emoji count userIds } sentAt editedAt deletedAt";
const LIVE = `subscription Live($roomId: ID) { onMessage(roomId: $roomId) { ${FIELDS} } }`;
const CHANGES = `query Changes($roomId: ID!, $after: Int!, $next: String) {
  listMessages(roomId: $roomId, afterChange: $after, limit: 100, nextToken: $next) { items { ${FIELDS} } nextToken } }`;
const FINAL = new Set(["UnauthorizedException", "Unauthorized", "NOT_FOUND", "FORBIDDEN"]);

export class Room {
  constructor({ endpoint, token, roomId, onChange = () => {}, onEnd = () => {}, WebSocket = globalThis.WebSocket }) {
    Object.assign(this, { endpoint, token, roomId, onChange, onEnd, WebSocket });
    this.messages = new Map(); // id -> the message as it is now
    this.seen = 0;
    this.work = Promise.resolve(); // catching up and live events, one after another
    this.failures = 0;
  }

  open() {
    return new Promise((resolve, reject) => {
      this.opened = resolve;
      this.refused = reject;
      this.connect();
    });
  }

  close() {
    this.closed = true;
    clearTimeout(this.silence);
    this.socket?.close(1000);
  }

  connect() {
    if (this.closed) return;
    const url = new URL(this.endpoint);
    const header = btoa(JSON.stringify({ host: url.host, Authorization: this.token }));
    const encoded = header.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const address = `${this.endpoint.replace(/^http/i, "ws")}/realtime`;
    const socket = (this.socket = new this.WebSocket(address, ["graphql-ws", `header-${encoded}`]));
    socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init" }));
    socket.onmessage = ({ data }) => this.receive(socket, url.host, JSON.parse(data));
    socket.onerror = () => {};
    socket.onclose = () => this.reconnect(socket);
    this.listen(socket, 20_000);
  }

  receive(socket, host, { type, payload }) {
    if (socket !== this.socket) return;
    this.listen(socket, this.patience ?? 20_000);
    if (type === "connection_ack") {
      this.patience = payload.connectionTimeoutMs;
      const data = JSON.stringify({ query: LIVE, variables: { roomId: this.roomId } });
      const authorization = { host, Authorization: this.token };
      socket.send(JSON.stringify({ id: "1", type: "start", payload: { data, extensions: { authorization } } }));
    } else if (type === "start_ack") {
      this.enqueue(socket, () => this.catchUp());
    } else if (type === "data" && payload.data?.onMessage) {
      this.enqueue(socket, () => this.live(payload.data.onMessage));
    } else if (type === "error" || type === "connection_error") {
      const error = [payload.errors].flat()[0] ?? {};
      if (FINAL.has(error.errorType)) this.end(error);
      else socket.close();
    }
  }

  // A socket that says nothing for too long is dead, whatever the network believes.
  listen(socket, ms) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.reconnect(socket), ms);
    this.silence.unref?.();
  }

  reconnect(socket) {
    if (this.closed || socket !== this.socket) return;
    this.socket = null;
    socket.close();
    clearTimeout(this.silence);
    const wait = Math.random() * Math.min(10_000, 250 * 2 ** this.failures++); // spread, so that all do not come at once
    setTimeout(() => this.connect(), wait);
  }

  end(error) {
    this.close();
    this.refused(error);
    this.onEnd(error);
  }

  enqueue(socket, step) {
    this.work = this.work.then(async () => {
      if (socket !== this.socket) return; // a later connection catches up anyway
      try {
        await step();
      } catch (error) {
        if (FINAL.has(error.errorType)) this.end(error);
        else this.reconnect(socket);
      }
    });
  }

  async catchUp() {
    let next = null;
    let last = this.seen;
    do {
      const { items, nextToken } = (await this.query(CHANGES, { roomId: this.roomId, after: this.seen, next })).listMessages;
      for (const message of items) {
        this.keep(message);
        last = Math.max(last, message.changeSequence);
      }
      next = nextToken;
    } while (next);
    this.seen = last;
    this.failures = 0;
    this.opened(this);
  }

  async live(message) {
    if (message.changeSequence > this.seen + 1) return this.catchUp(); // a gap
    if (message.changeSequence === this.seen + 1) this.seen = message.changeSequence;
    this.keep(message);
  }

  keep(message) {
    const known = this.messages.get(message.id);
    if (known && known.changeSequence >= message.changeSequence) return;
    this.messages.set(message.id, message);
    this.onChange(message);
  }

  async query(query, variables) {
    const headers = { "content-type": "application/json", authorization: this.token };
    const signal = AbortSignal.timeout(20_000);
    const answer = await fetch(this.endpoint, { method: "POST", headers, body: JSON.stringify({ query, variables }), signal });
    const { data, errors } = await answer.json();
    if (errors) throw Object.assign(new Error(errors[0].message), errors[0]);
    return data;
  }
}
