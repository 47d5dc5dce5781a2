"use strict";

/* One operation of the editor, as any client would send it. The answer is shown whatever its status is. */
async function fetcher(parameters, options) {
  if (isSubscription(parameters, options)) return subscription(parameters, options);
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...(options && options.headers) },
    body: JSON.stringify(parameters),
  });
  return response.json();
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

/* Lives until it is stopped in the editor; its socket is its own. */
function subscription(parameters, options) {
  return {
    subscribe({ next, error, complete }) {
      const client = graphqlWs.createClient({
        url: `${location.protocol.replace("http", "ws")}//${location.host}/graphql`,
        connectionParams: (options && options.headers) || {},
      });
      const refused = (reason) => {
        if (reason instanceof CloseEvent) error({ message: `The socket was closed: ${reason.code} ${reason.reason}` });
        else next({ errors: reason });
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
  const [config, examples] = await Promise.all([
    fetch("/graphiql/config").then((response) => response.json()),
    fetch("/graphiql/own/examples.graphql").then((response) => response.text()),
  ]);
  const credential = config.token || "paste what `python -m app token ada` prints";
  ReactDOM.render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: examples,
      headers: JSON.stringify({ authorization: credential }, null, 2),
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
