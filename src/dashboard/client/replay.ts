/** Bringing dead letters back: a plan first, then a page that follows the replay. */
export const replay = String.raw`
async function startReplay(request, question) {
  const plan = await post("/v1/replays", { ...request, plan: true });
  const rate = h("input", { type: "number", min: 1, max: 100000, placeholder: "as fast as possible" });
  const detail = [
    h("p", {}, count(plan.total) + " jobs run again: " + Object.entries(plan.byType).map((pair) => pair[1] + " " + pair[0]).join(", ") + "."),
    plan.effects.done + plan.effects.inDoubt > 0 && h("p", {}, plan.effects.done + " have made their effect already, " + plan.effects.inDoubt + " perhaps."),
    plan.refused.length > 0 && h("p", { class: "problem" }, plan.refused.length + " cannot: " + plan.refused[0].reason),
    h("label", {}, "Jobs per minute", rate),
  ];
  if (!(await confirmed(question, detail, "Replay " + count(plan.total)))) return;
  const made = await post("/v1/replays", rate.value ? { ...request, ratePerMinute: Number(rate.value) } : request);
  location.hash = "#/replays/" + part(made.id);
}

async function replayPage(query, id) {
  const path = "/v1/replays/" + part(id);
  const replay = await get(path);
  const stop = () => act("Stop this replay?", "What it has replayed stays so.", "Stop it", async () => { await post(path + "/abort"); return "Stopped."; }, true);
  return [
    h("div", { class: "head" }, h("h1", {}, "Replay ", pill(replay.state)), h("div", { class: "actions" }, replay.state === "running" && button("Stop", stop, "danger"))),
    card(null,
      h("p", {}, count(replay.sent) + " of " + count(replay.total) + " sent: " + count(replay.succeeded) + " ended well, ",
        h("span", { class: replay.failedAgain > 0 ? "problem" : "" }, count(replay.failedAgain) + " failed again"), ", " + count(replay.open) + " still open",
        replay.failed > 0 && h("span", { class: "problem" }, ", " + count(replay.failed) + " could not be sent")),
      replay.reason && h("p", { class: "problem" }, "Stopped: " + replay.reason),
      h("progress", { value: replay.sent - replay.open + replay.failed, max: Math.max(1, replay.total), "aria-label": "Progress" }),
      h("dl", {}, [["Id", h("span", { class: "mono" }, replay.id)], ["Started", when(replay.at)], ["Ended", replay.endedAt && when(replay.endedAt)], ["Jobs per minute", replay.ratePerMinute && count(replay.ratePerMinute)]]
        .filter((fact) => fact[1]).map((fact) => [h("dt", {}, fact[0]), h("dd", {}, fact[1])]))),
  ];
}
`;
