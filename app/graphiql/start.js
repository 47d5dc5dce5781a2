"use strict";

const TABS = ["examples", "live-chat", "send-message"];

/* One operation of the editor, as any client would send it. The answer is shown whatever its status is. A tab without
   headers, as each is after the page was loaded again, is signed in as the first ones are. */
function fetcher(signIn) {
  return async (parameters, options) => {
    const headers = (options && options.headers) || signIn;
    if (isSubscription(parameters, options)) return subscription(parameters, headers);
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(parameters),
    });
    return response.json();
  };
}

function isSubscription({ operationName }, options) {
  const definitions = (options && options.documentAST && options.documentAST.definitions) || [];
  return definitions.some(
    ({ kind, operation, name }) =>
      kind === "OperationDefinition" &&
      operation === "subscription" &&
      (!operationName || (name && name.value === operationName)),
  );
}

/* Lives until it is stopped in the editor; its socket is its own. An end that nobody asked for is shown: silently
   beginning anew would hide that events were missed. */
function subscription(parameters, headers) {
  return {
    subscribe({ next, error, complete }) {
      const client = graphqlWs.createClient({
        url: `${location.protocol.replace("http", "ws")}//${location.host}/graphql`,
        connectionParams: headers,
        retryAttempts: 0,
      });
      const refused = (reason) => {
        if (reason instanceof CloseEvent) error({ message: `The socket was closed: ${reason.code} ${reason.reason}` });
        else {
          next({ errors: reason });
          complete();
        }
      };
      const stop = client.subscribe(parameters, { next, error: refused, complete });
      return {
        unsubscribe() {
          stop();
          client.dispose();
        },
      };
    },
  };
}

async function start() {
  const [config, ...queries] = await Promise.all([
    fetch("/graphiql/config").then((response) => response.json()),
    ...TABS.map((name) => fetch(`/graphiql/own/${name}.graphql`).then((response) => response.text())),
  ]);
  const signIn = { authorization: config.token || "paste what `python -m app token ada` prints" };
  const headers = JSON.stringify(signIn, null, 2);
  ReactDOM.render(
    React.createElement(GraphiQL, {
      fetcher: fetcher(signIn),
      defaultTabs: queries.map((query) => ({ query, headers })),
      defaultHeaders: headers,
      headers,
      defaultEditorToolsVisibility: "headers",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    }),
    document.getElementById("graphiql"),
  );
}

start().catch((error) => {
  document.getElementById("graphiql").textContent = `GraphiQL could not start: ${error.message}`;
});
