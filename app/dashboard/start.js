"use strict";

// Asks the server what it counts, and shows how fast that grows. Nothing is kept but the last minutes.

const EVERY_MS = 2000;
const POINTS = 90;
const MOST_ROWS = 15;

const cards = [
  ["Operations / s", (now) => rate(now, "operations")],
  ["95 percent answered within, ms", (now) => percentile(now, "operation_seconds", 0.95) * 1000],
  ["Errors / s", (now) => rate(now, "errors")],
  ["Sockets", (now) => total(now, "sockets")],
  ["Subscriptions", (now) => total(now, "subscriptions")],
  ["Messages in / s", (now) => rate(now, "messages_in")],
  ["Messages out / s", (now) => rate(now, "messages_out")],
  ["95 percent fanned out within, ms", (now) => percentile(now, "fan_out_seconds", 0.95) * 1000],
  ["Uploads completed", (now) => total(now, "uploads", { outcome: "completed" })],
  ["Slowest worker, s behind", (now) => highest(now, "worker_lag_seconds")],
  ["Store calls / s", (now) => rate(now, "store_operations")],
  ["Store throttled", (now) => total(now, "store_operations", { outcome: "throttled" })],
];
const tables = [
  ["by-field", "operations", ["Field", "Kind", "Count"], (labels) => [labels.field, labels.kind]],
  ["by-error", "errors", ["errorType", "Count"], (labels) => [labels.error_type]],
  ["by-step", "worker_changes", ["Step", "Outcome", "Changes"], (labels) => [labels.step, labels.outcome]],
  ["by-call", "store_operations", ["Call", "Outcome", "Count"], (labels) => [labels.operation, labels.outcome]],
];
const traces = cards.map(() => []);
let before = null;
let paused = false;

function samples(snapshot, name, wanted = {}) {
  return (snapshot.metrics[name] || []).filter(([labels]) =>
    Object.entries(wanted).every(([label, value]) => labels[label] === value));
}

function total(snapshot, name, wanted) {
  return samples(snapshot, name, wanted).reduce((sum, [, value]) => sum + value, 0);
}

function highest(snapshot, name) {
  return samples(snapshot, name).reduce((most, [, value]) => Math.max(most, value), 0);
}

function rate(now, name) {
  if (before === null || now.at <= before.at) return 0;
  return Math.max(0, total(now, name) - total(before, name)) / (now.at - before.at);
}

// Within which bound that share of what came since the last look lies; of all since the start when nothing came.
function percentile(now, name, share) {
  const counts = new Map();
  const add = (snapshot, sign) => {
    for (const [labels, value] of samples(snapshot, `${name}_bucket`)) {
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      counts.set(bound, (counts.get(bound) || 0) + sign * value);
    }
  };
  add(now, 1);
  if (before !== null && total(now, `${name}_count`) > total(before, `${name}_count`)) add(before, -1);
  const bounds = [...counts.keys()].sort((a, b) => a - b);
  const all = counts.get(Infinity) || 0;
  const found = bounds.find((bound) => counts.get(bound) >= share * all);
  return all === 0 || found === undefined ? 0 : found === Infinity ? bounds.at(-2) : found;
}

function shown(value) {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

function makeCards() {
  for (const [title] of cards) {
    const card = element("li");
    const chart = document.createElementNS(SVG, "svg");
    chart.setAttribute("viewBox", `0 0 ${POINTS - 1} 100`);
    chart.setAttribute("preserveAspectRatio", "none");
    chart.setAttribute("aria-hidden", "true");
    chart.append(document.createElementNS(SVG, "polyline"));
    card.append(element("span", title), element("strong", "–"), chart);
    document.getElementById("cards").append(card);
  }
}

function drawCards(now) {
  const shownCards = document.querySelectorAll("#cards li");
  cards.forEach(([, read], number) => {
    const value = read(now);
    const trace = traces[number];
    trace.push(value);
    if (trace.length > POINTS) trace.shift();
    const most = Math.max(...trace, 1e-9);
    const points = trace.map((each, place) => `${place},${98 - (each / most) * 96}`);
    shownCards[number].querySelector("strong").textContent = shown(value);
    shownCards[number].querySelector("polyline").setAttribute("points", points.join(" "));
  });
}

function drawTable([id, name, titles, words], now) {
  const head = element("thead");
  const titleRow = element("tr");
  titleRow.append(...titles.map((title) => Object.assign(element("th", title), { scope: "col" })));
  head.append(titleRow);
  const body = element("tbody");
  const rows = samples(now, name).sort(([, a], [, b]) => b - a).slice(0, MOST_ROWS);
  for (const [labels, value] of rows) {
    const row = element("tr");
    const [first, ...others] = words(labels);
    row.append(Object.assign(element("th", first), { scope: "row" }));
    row.append(...others.map((text) => element("td", text)), element("td", shown(value)));
    body.append(row);
  }
  if (rows.length === 0) {
    const cell = Object.assign(element("td", "None so far"), { colSpan: titles.length });
    const row = element("tr");
    row.append(cell);
    body.append(row);
  }
  document.getElementById(id).replaceChildren(head, body);
}

function say(text) {
  const state = document.getElementById("state");
  if (state.textContent !== text) state.textContent = text;
}

async function look() {
  if (!paused) {
    try {
      const answer = await fetch("/dashboard/metrics.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const now = await answer.json();
      drawCards(now);
      tables.forEach((table) => drawTable(table, now));
      before = now;
      say("Live");
    } catch {
      say("The server does not answer; trying again.");
    }
  }
  setTimeout(look, EVERY_MS);
}

document.getElementById("pause").addEventListener("click", ({ target }) => {
  paused = !paused;
  target.setAttribute("aria-pressed", String(paused));
  target.textContent = paused ? "Go on" : "Pause";
  say(paused ? "Paused" : "Live");
});
makeCards();
look();
