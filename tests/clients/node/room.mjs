// Follows a room with examples/room.mjs and prints its copy when the last message has come.
//
// argv: endpoint, token, room id, body of the last message
import { WebSocket } from "ws";

import { Room } from "../../../examples/room.mjs";

const [endpoint, token, roomId, last] = process.argv.slice(2);
const done = new Promise((resolve, reject) => {
  const room = new Room({
    endpoint,
    token,
    roomId,
    WebSocket,
    onChange: (message) => message.body === last && setTimeout(() => resolve(room), 200),
    onEnd: reject,
  });
  room.open().then(() => process.stderr.write("open\n"), reject);
});
const room = await done;
room.close();
process.stdout.write(JSON.stringify([...room.messages.values()]), () => process.exit(0));
