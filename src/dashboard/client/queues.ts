/** The queues, and holding them. */
export const queues = String.raw`
async function queuesPage() {
  const body = await get("/v1/queues");
  return [h("h1", {}, "Queues"), card(null, table([
    { name: "Queue", cell: (queue) => queue.queue },
    { name: "State", cell: (queue) => pill(queue.paused ? "paused" : "on") },
    { name: "Waiting", class: "num", cell: (queue) => count(queue.backlog) },
    { name: "Oldest", class: "wide", cell: (queue) => when(queue.oldestAt) },
    { name: "Types", class: "text wide", cell: (queue) => queue.types.join(", ") },
    { name: "", class: "actions", cell: holdButton },
  ], body.queues, "There is no queue."))];
}

function holdButton(queue) {
  const name = queue.queue;
  const send = (verb) => post("/v1/queues/" + part(name) + "/" + verb);
  if (queue.paused) return button("Resume", () => act("Resume " + name + "?", "What was held runs again.", "Resume", async () => { await send("resume"); return name + " runs again."; }), "main");
  return button("Pause", () => act("Pause " + name + "?", "Its jobs wait and burn no attempt; nothing is lost.", "Pause", async () => { await send("pause"); return name + " is paused."; }));
}
`;
