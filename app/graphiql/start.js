"use strict";

const TABS = ["examples", "live-chat", "send-message"];

/* One operation of the editor, as any client would send it. The answer is shown whatever its status is. A tab without
   headers, as each is after the page was loaded again, is signed in as the first ones are. */
function fetcher(signIn) {
  return async ({ operationName, ...document }, options) => {
    const operations = operationsOf(document.query);
    const parameters = operations.length > 1 ? { ...document, operationName } : document;
    const { kind } = operations.find(({ name }) => name === parameters.operationName) || operations[0] || {};
    const headers = (options && options.headers) || signIn;
    if (kind === "subscription") return subscription(parameters, headers);
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(parameters),
    });
    return response.json();
  };
}

/* What a document holds, from its text: GraphiQL's own view of it is for a moment that of the tab before. */
function operationsOf(query) {
  let outline = query.replace(/"""[^]*?"""|"(?:\\.|[^"\\\n])*"|#.*/g, "");
  for (let before; before !== outline; ) {
    before = outline;
    outline = outline.replace(/\([^(){}]*\)/g, "").replace(/\{[^(){}]*\}/g, ";");
  }
  return outline
    .split(";")
    .slice(0, -1)
    .map((head) => /^\s*(\w*)\s*(\w*)/.exec(head))
    .map(([, kind, name]) => ({ kind: kind || "query", name }))
    .filter(({ kind }) => kind !== "fragment");
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
