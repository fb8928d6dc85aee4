/** The list of jobs with its filters; the address holds them, so that a list can be kept and passed on. */
export const jobs = String.raw`
const states = ["queued", "running", "retrying", "waiting", "done", "cancelled", "discarded", "dead"];

async function jobsPage(query) {
  const list = await get("/v1/jobs", { ...query, limit: 50 });
  return [
    h("h1", {}, "Jobs"),
    card(null, jobFilters(query)),
    card(null, jobTable(list.jobs, list.cursor), pager("#/jobs", query, list.cursor)),
  ];
}

function jobFilters(query) {
  const field = (name, label, placeholder) => h("label", {}, label, h("input", { name, value: query[name], placeholder, autocomplete: "off" }));
  const time = (name, label) => h("label", {}, label, h("input", { name, type: "datetime-local", value: query[name] && localMinute(query[name]) }));
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => {
    event.preventDefault();
    const entries = Object.fromEntries(new FormData(form));
    for (const name of ["from", "to"]) if (entries[name]) entries[name] = new Date(entries[name]).toISOString();
    location.hash = "#/jobs" + search(entries);
  } },
    field("type", "Type", "email"),
    h("label", {}, "State", h("select", { name: "state" }, h("option", { value: "" }, "any"),
      states.map((state) => h("option", { value: state, selected: query.state === state }, state)))),
    time("from", "From"), time("to", "Before"), field("siteId", "Site"), field("q", "Search", "id, order:123, error"),
    h("div", { class: "nowrap" }, h("button", { class: "main" }, "Show"), h("a", { href: "#/jobs", class: "button quiet" }, "Clear")));
  return form;
}

function jobTable(jobs, cursor) {
  return table([
    { name: "State", cell: (job) => pill(job.state) },
    { name: "Type", cell: (job) => job.type || "–" },
    { name: "Id", cell: jobLink },
    { name: "Site", class: "wide", cell: (job) => job.siteId || "–" },
    { name: "Tries", class: "num wide", cell: (job) => tries(job, " / ") },
    { name: "Reason", class: "text wide", cell: (job) => job.waitingFor || job.error || "" },
    { name: "Accepted", cell: (job) => when(job.at) },
  ], jobs, cursor ? "None of the newest 2,000 jobs fits; older ones have not been looked at yet." : "No job fits.");
}

const tries = (job, between) => (job.maxAttempts === null ? "–" : job.attempt + between + job.maxAttempts);
const jobLink = (job) => h("a", { class: "mono", href: "#/jobs/" + part(job.id), title: job.id }, job.id.length > 18 ? "…" + job.id.slice(-12) : job.id);

function pager(page, query, cursor) {
  if (!cursor && !query.cursor) return null;
  return h("p", { class: "head" },
    query.cursor ? h("a", { href: page + search({ ...query, cursor: "" }) }, "← Newest") : h("span", {}),
    cursor ? h("a", { href: page + search({ ...query, cursor }), rel: "next" }, "Older →") : h("span", { class: "dim" }, "The end"));
}
`;
