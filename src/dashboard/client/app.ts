/** Signing in, choosing the page by the address, and keeping it fresh. */
export const app = String.raw`
const pages = [
  { name: "Overview", path: /^$/, href: "#/", show: overviewPage, every: 10 },
  { name: "Jobs", path: /^jobs$/, href: "#/jobs", show: jobsPage, every: 10 },
  { path: /^jobs\/(.+)$/, under: "#/jobs", show: jobPage, every: 5 },
  { name: "Dead letters", path: /^dead-letters$/, href: "#/dead-letters", show: deadLettersPage, every: 20 },
  { path: /^replays\/(.+)$/, under: "#/dead-letters", show: replayPage, every: 3 },
  { name: "Queues", path: /^queues$/, href: "#/queues", show: queuesPage, every: 10 },
  { name: "Schedules", path: /^schedules$/, href: "#/schedules", show: schedulesPage, every: 30 },
];
let turn = 0, timer, held = false;

function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  for (const page of pages) {
    const match = page.path.exec(path);
    if (match) return { page, query: Object.fromEntries(new URLSearchParams(query)), id: match[1] && decodeURIComponent(match[1]) };
  }
  return { page: pages[0], query: {} };
}

async function refresh(fresh) {
  clearTimeout(timer);
  const own = ++turn;
  held = false;
  if (!session.token) return enter("");
  const { page, query, id } = address();
  frame(page);
  if (fresh) $("main").setAttribute("aria-busy", "true");
  const content = await page.show(query, id).catch(refusal);
  if (own !== turn || !content) return;
  put(content, fresh);
  timer = setTimeout(quietly, page.every * 1000);
}

function quietly() {
  const busy = held || document.hidden || document.querySelector("dialog[open], details[open]") || /INPUT|SELECT/.test(document.activeElement.tagName);
  if (busy) timer = setTimeout(quietly, 2000);
  else refresh();
}

function refusal(thrown) {
  if (thrown.status === 401) { session.close(); enter(thrown.message); return null; }
  return [h("h1", {}, "That did not work"), card(null, h("p", { class: "problem", role: "alert" }, thrown.message), button("Try again", () => refresh(true)))];
}

function put(content, fresh) {
  const main = $("main"), stops = () => [...main.querySelectorAll("a, button, input, select, pre, summary")];
  const at = stops().indexOf(document.activeElement);
  main.replaceChildren(...[content].flat().filter(Boolean));
  main.removeAttribute("aria-busy");
  document.title = main.querySelector("h1").textContent + " · Jobyard";
  if (fresh) main.focus({ preventScroll: true });
  else if (at >= 0) stops()[at]?.focus({ preventScroll: true });
}

function frame(page) {
  $("top").hidden = false;
  $("who").textContent = session.tenant ? "tenant " + session.tenant : "";
  const current = page.href || page.under;
  $("nav").replaceChildren(...pages.filter((each) => each.name).map((each) => h("a", { href: each.href, "aria-current": each.href === current && "page" }, each.name)));
}

function enter(problem) {
  $("top").hidden = true;
  document.title = "Sign in · Jobyard";
  const form = h("form", { class: "card enter", onsubmit: async (event) => {
    event.preventDefault();
    session.open(form.elements.token.value.trim(), form.elements.tenant.value.trim());
    await refresh(true);
  } },
    h("h1", {}, "Jobyard"),
    h("label", {}, "Token", h("input", { name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false", autofocus: true })),
    h("label", {}, "Tenant (with the root token only)", h("input", { name: "tenant", pattern: "[a-z0-9\\-]{1,63}", autocomplete: "off", spellcheck: "false" })),
    problem && h("p", { class: "problem", role: "alert" }, problem),
    h("button", { class: "main" }, "Sign in"),
    h("p", { class: "dim" }, "The token stays in this tab and is forgotten when it closes."));
  $("main").replaceChildren(form);
  form.elements.token.focus();
}

$("leave").addEventListener("click", () => { session.close(); refresh(); });
addEventListener("hashchange", () => refresh(true));
document.addEventListener("visibilitychange", () => { if (!document.hidden && !held && session.token && !document.querySelector("dialog[open]")) refresh(); });
refresh(true);
`;
