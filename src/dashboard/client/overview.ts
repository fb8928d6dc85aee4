/** What happened in the last hour. */
export const overview = String.raw`
const events = ["enqueued", "done", "retrying", "waiting", "cancelled", "discarded", "dead", "crashed"];

async function overviewPage() {
  const from = Math.floor(Date.now() / 60000) * 60000 - 59 * 60000;
  const stats = await get("/v1/stats", { from: new Date(from).toISOString() });
  const counts = stats.minutes;
  const backlog = stats.backlog;
  const total = (event) => sum(counts.filter((each) => each.event === event).map((each) => each.count));
  return [
    h("h1", {}, "The last hour"),
    h("div", { class: "tiles" },
      tile(total("enqueued"), "accepted"), tile(total("done"), "done", "good"), tile(total("retrying"), "failed tries", total("retrying") && "warn"),
      tile(backlog.due, "held back", "", "#/jobs?state=waiting"), tile(backlog.parked, "parked at gates", backlog.parked && "warn", "#/jobs?state=waiting"),
      tile(backlog.deadLetters, "dead letters", backlog.deadLetters && "bad", "#/dead-letters")),
    card("Jobs per minute", minuteChart(counts, from, 60)),
    card("By type", typeTable(counts)),
  ];
}

function tile(value, label, kind, href) {
  return h(href ? "a" : "div", { class: "tile " + (kind || ""), href }, h("b", {}, count(value)), h("span", {}, label));
}

function typeTable(counts) {
  const types = [...new Set(counts.map((each) => each.type))].sort();
  const cell = (type, event) => sum(counts.filter((each) => each.type === type && each.event === event).map((each) => each.count));
  const shown = events.filter((event) => counts.some((each) => each.event === event));
  const columns = [
    { name: "Type", cell: (type) => h("a", { href: "#/jobs" + search({ type }) }, type) },
    ...shown.map((event) => ({ name: event, class: "num", cell: (type) => count(cell(type, event)) })),
    { name: "mean run", class: "num wide", cell: (type) => meanRun(counts.filter((each) => each.type === type)) },
  ];
  return table(columns, types, "Nothing has happened in the last hour.");
}

function meanRun(counts) {
  const runs = sum(counts.filter((each) => each.ms > 0).map((each) => each.count));
  return runs ? span(sum(counts.map((each) => each.ms || 0)) / runs) : "–";
}
`;
