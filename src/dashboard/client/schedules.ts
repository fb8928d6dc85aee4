/** What runs by the clock, and when next. */
export const schedules = String.raw`
async function schedulesPage() {
  const body = await get("/v1/schedules");
  return [h("h1", {}, "Schedules"), card(null, table([
    { name: "Name", cell: (each) => h("b", {}, each.name) },
    { name: "State", cell: (each) => pill(each.enabled ? "on" : "paused") },
    { name: "Type", cell: (each) => h("span", {}, each.type, each.siteId && h("div", { class: "dim" }, each.siteId)) },
    { name: "Pattern", cell: (each) => h("span", {}, h("code", {}, each.cron), h("div", { class: "dim" }, each.zone)) },
    { name: "Last", class: "text wide", cell: lastRun },
    { name: "Next", cell: nextRuns },
  ], body.schedules, "There is no schedule."))];
}

function lastRun(each) {
  if (!each.last) return "–";
  return [pill(each.last.outcome), " ", when(each.last.plannedAt), each.last.jobId && [" ", h("a", { href: "#/jobs/" + part(each.last.jobId) }, "job")], each.last.note && h("div", { class: "dim" }, each.last.note)];
}

function nextRuns(each) {
  const runs = each.nextRuns;
  if (runs.length === 0) return "–";
  const later = runs.slice(1).map((run) => h("li", {}, run.local));
  return h("details", {}, h("summary", {}, when(runs[0].at)), h("ul", {}, h("li", {}, runs[0].local), later));
}
`;
