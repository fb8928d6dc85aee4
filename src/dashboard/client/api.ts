/** Talking to the public API. The token lives as long as the tab. */
export const api = String.raw`
const session = {
  get token() { return sessionStorage.getItem("token") || ""; },
  get tenant() { return sessionStorage.getItem("tenant") || ""; },
  open(token, tenant) { sessionStorage.setItem("token", token); sessionStorage.setItem("tenant", tenant); },
  close() { sessionStorage.removeItem("token"); sessionStorage.removeItem("tenant"); },
};

class Refused extends Error {
  constructor(status, problem) {
    const issues = (problem.errors || []).slice(0, 5).map((issue) => (issue.path ? issue.path + ": " : "") + issue.message);
    super([problem.detail || problem.title || "The API answered " + status, ...issues].join(" · "));
    this.status = status;
  }
}

async function call(method, path, body) {
  const headers = { authorization: "Bearer " + session.token };
  if (session.tenant) headers["jobyard-tenant"] = session.tenant;
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) })
    .catch(() => { throw new Refused(0, { detail: "The Worker cannot be reached." }); });
  const text = await answer.text();
  const data = text ? parsed(text) : {};
  if (!answer.ok) throw new Refused(answer.status, data);
  return data;
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return { detail: "The answer was not JSON." }; }
}

const get = (path, query) => call("GET", path + search(query));
const post = (path, body) => call("POST", path, body);
const part = (value) => encodeURIComponent(value);

function search(query) {
  const pairs = Object.entries(query || {}).filter((pair) => pair[1] !== undefined && pair[1] !== null && pair[1] !== "");
  return pairs.length ? "?" + new URLSearchParams(pairs) : "";
}
`;
