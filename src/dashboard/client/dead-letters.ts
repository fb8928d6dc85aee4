/** What has failed for good, grouped by what failed alike. */
export const deadLetters = String.raw`
async function deadLettersPage(query) {
  const [groups, list] = await Promise.all([get("/v1/dead-letters/groups"), get("/v1/dead-letters", { ...query, limit: 50 })]);
  const chosen = groups.groups.find((each) => each.group === query.group);
  return [
    h("h1", {}, "Dead letters"),
    card("What failed alike", groupTable(groups.groups)),
    card(query.group ? "Of this group" : "All of them", query.group && h("p", {}, h("span", { class: "dim" }, chosen ? chosen.reason : query.group), " ", h("a", { href: "#/dead-letters" }, "Show all")),
      deadTable(list.deadLetters), pager("#/dead-letters", query, list.cursor)),
  ];
}

function groupTable(groups) {
  return table([
    { name: "Type", cell: (each) => each.type },
    { name: "Reason", class: "text", cell: (each) => h("a", { href: "#/dead-letters" + search({ group: each.group }) }, each.reason) },
    { name: "Jobs", class: "num", cell: (each) => count(each.count) },
    { name: "First", class: "wide", cell: (each) => when(each.firstAt) },
    { name: "Newest", class: "wide", cell: (each) => when(each.lastAt) },
    { name: "", class: "actions", cell: (each) => button("Replay", () => startReplay({ filter: { group: each.group } }, "Replay this group?")) },
  ], groups, "Nothing is dead. Good.");
}

function deadTable(letters) {
  return table([
    { name: "State", cell: (letter) => pill(letter.state) }, { name: "Type", cell: (letter) => letter.type }, { name: "Id", cell: jobLink },
    { name: "Reason", class: "text", cell: (letter) => letter.reason }, { name: "Tries", class: "num wide", cell: (letter) => letter.attempt }, { name: "Died", class: "wide", cell: (letter) => when(letter.diedAt) },
    { name: "", class: "actions", cell: (letter) => button("Retry", () => act("Retry this job now?", letter.type + " " + letter.id, "Retry", async () => { await post("/v1/jobs/" + part(letter.id) + "/retry"); return "It runs again."; })) },
  ], letters, "No dead letter here.");
}
`;
