"use strict";

/* One request of the editor, as any client would send it. The answer is shown whatever its status is. */
async function fetcher(parameters, options) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...(options && options.headers) },
    body: JSON.stringify(parameters),
  });
  return response.json();
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
