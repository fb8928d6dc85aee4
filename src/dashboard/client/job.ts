/** One job: what it is, what happened to it, what it did. */
export const job = String.raw`
const open = ["queued", "running", "retrying", "waiting"];

async function jobPage(query, id) {
  const job = await get("/v1/jobs/" + part(id), { reveal: toReveal.delete(id) ? "1" : "" });
  held = job.revealed;
  return [
    h("div", { class: "head" }, h("h1", {}, job.type || "A job that is not recorded yet", " ", pill(job.state)), jobActions(job)),
    h("div", { class: "two" }, card("Job", jobFacts(job), progressBar(job.progress)), card("Timeline", timeline(job.timeline))),
    job.error && card("Error", h("pre", { class: "problem" }, job.error), job.providerMessage && h("p", {}, "In the provider's words: ", job.providerMessage)),
    card("Effects", effects(job)),
    h("div", { class: "two" }, card("Payload", json(job.payload)), card("Result", job.result === undefined ? h("p", { class: "dim" }, "None.") : json(job.result))),
  ];
}

const toReveal = new Set();

function jobActions(job) {
  const path = "/v1/jobs/" + part(job.id);
  return h("div", { class: "actions" },
    button("Reveal", () => act("Show personal fields?", "That you looked is recorded.", "Show", async () => { toReveal.add(job.id); return "Shown until you leave this page."; }), "quiet"),
    !["queued", "running", "done"].includes(job.state) && button("Retry", () => act("Retry this job now?", job.type + " " + job.id, "Retry", async () => { await post(path + "/retry"); return "It runs again."; }), "main"),
    open.includes(job.state) && button("Cancel", () => act("Cancel this job?", job.type + " " + job.id, "Cancel it", async () => { await post(path + "/cancel"); return "Cancelled; a running job ends within seconds."; }, true), "danger"));
}

function jobFacts(job) {
  const facts = [
    ["Id", h("span", { class: "mono" }, job.id)], ["Site", job.siteId], ["Queue", job.queue], ["Accepted", job.at && h("span", {}, exact(job.at), " · ", when(job.at))],
    ["Tries", tries(job, " of ")], ["Waiting for", job.waitingFor], ["Gate", job.gate], ["Goes on", job.runAt && when(job.runAt)],
    ["Started", job.startedAt && exact(job.startedAt)],
    ["Ended", job.endedAt && exact(job.endedAt)], ["Template", templateVersion(job.templateVersion)], ["In doubt", job.doubt && "what a run was sending may have arrived"],
    ["Dry run", job.dryRun && "yes: nothing is sent"], ["Cancelling", job.cancelling && "asked to end"], ["Found by", job.entities.join(", ")], ["Parent", job.parent && h("a", { class: "mono", href: "#/jobs/" + part(job.parent) }, job.parent)],
  ];
  return h("dl", {}, facts.filter((fact) => fact[1]).map((fact) => [h("dt", {}, fact[0]), h("dd", {}, fact[1])]));
}

function templateVersion(version) {
  if (version === undefined) return null;
  return version === null ? "there is none of that name" : version === 0 ? "built in" : "version " + version;
}

function progressBar(progress) {
  if (!progress.done && !progress.total && !progress.note) return null;
  const known = progress.total > 0;
  return h("div", {}, h("p", {}, count(progress.done), known && " of " + count(progress.total), progress.note && " · " + progress.note),
    h("progress", known ? { value: progress.done, max: progress.total, "aria-label": "Progress" } : { "aria-label": "Progress" }));
}

function timeline(entries) {
  if (entries.length === 0) return h("p", { class: "dim" }, "Nothing yet.");
  return h("ol", { class: "timeline" }, entries.map((entry) => h("li", {}, h("b", {}, entry.event), " ", h("span", { class: "dim" }, exact(entry.at)), entry.detail && h("div", {}, entry.detail))));
}

const sentences = { done: "sent once", intent: "started, result not known", uncertain: "may have been sent", "would-do": "would be sent (dry run)" };

function effects(job) {
  const columns = [
    { name: "Effect", class: "text", cell: (effect) => h("code", {}, effect.key) }, { name: "State", cell: (effect) => pill(effect.state) },
    { name: "", cell: (effect) => "delivered " + count(job.runs) + "×, " + (sentences[effect.state] || effect.state) },
    { name: "When", class: "wide", cell: (effect) => when(effect.at) }, { name: "Result", class: "text wide", cell: (effect) => effect.result === undefined ? "" : h("code", {}, JSON.stringify(effect.result)) },
  ];
  return table(columns, job.effects, "This job has done nothing to the outside world. It was delivered " + count(job.runs) + "×.");
}
`;
