// A web application on aws-amplify v6, unmodified: bundled for a browser, and operated by the tests.
import { Amplify } from "aws-amplify";
import { CONNECTION_STATE_CHANGE, generateClient } from "aws-amplify/api";
import { decodeJWT } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";

import { followRoom } from "../../examples/room-amplify.mjs";

globalThis.application = {
  states: [], // of the connection
  heard: [], // {data} for each event of `listen`, {errors} when it is refused
  room: null,

  configure({ endpoint, mode, apiKey, accessToken }) {
    const tokenProvider = { getTokens: async () => ({ accessToken: decodeJWT(accessToken) }) };
    Amplify.configure(
      { API: { GraphQL: { endpoint, region: "us-east-1", defaultAuthMode: mode, apiKey } } },
      { Auth: { tokenProvider } },
    );
    Hub.listen("api", ({ payload }) => {
      if (payload.event === CONNECTION_STATE_CHANGE) this.states.push(payload.data.connectionState);
    });
  },

  async ask(query, variables) {
    try {
      const { data, errors } = await generateClient().graphql({ query, variables });
      return { data, errors };
    } catch ({ data, errors }) {
      return { data, errors };
    }
  },

  listen(query, variables) {
    generateClient()
      .graphql({ query, variables })
      .subscribe({
        next: ({ data, errors }) => this.heard.push({ data, errors }),
        error: ({ errors }) => this.heard.push({ errors }),
      });
  },

  follow(roomId) {
    this.room = followRoom(roomId, { onEnd: ({ errors }) => this.heard.push({ errors }) });
  },
};
