import { readFault, type Fault, type Faults, type FaultSpec } from "./faults.ts";
import { escape } from "./escape.ts";

/** The faults that the sandbox's page offers; docs/sandbox.md has a call for each. */
export const kinds: readonly { label: string; fault: FaultSpec }[] = [
  { label: "answers 500", fault: { status: 500 } },
  { label: "answers 429 with Retry-After", fault: { status: 429, headers: { "retry-after": "30" } } },
  { label: "refuses the key (401)", fault: { status: 401 } },
  { label: "takes 5 seconds", fault: { delayMs: 5000 } },
  { label: "resets the connection", fault: { reset: true } },
  { label: "acts, then never answers", fault: { timeoutAfterAccept: true } },
  { label: "acts, then answers 500", fault: { status: 500, afterAccept: true } },
  { label: "acts, then answers half of the JSON", fault: { malformed: true } },
];

/** Does what the form asks: sets a fault, or removes one or all. Returns what is wrong with it. */
export function takeForm(faults: Faults, form: URLSearchParams, providers: readonly string[]): string[] {
  const remove = form.get("remove");
  if (remove === "all") faults.clear();
  else if (remove !== null) faults.remove(remove);
  if (remove !== null) return [];
  const kind = kinds[Number(form.get("kind") ?? Number.NaN)];
  if (!kind) return ["Choose what goes wrong."];
  const times = form.get("times") ?? "";
  const [provider, path] = ["provider", "path"].map((name) => form.get(name) ?? "");
  const read = readFault({ ...(provider && { provider }), ...(path && { path }), ...(times && { times: Number(times) }), ...kind.fault }, providers);
  if ("issues" in read) return read.issues;
  faults.add(read.fault);
  return [];
}

/** The form, and the faults in force with a button that removes each. */
export function faultSection(faults: readonly Fault[], providers: readonly string[]): string {
  const provider = ["", ...providers].map((name) => `<option value="${escape(name)}">${escape(name || "every provider")}</option>`);
  const kind = kinds.map(({ label }, index) => `<option value="${index}">${escape(label)}</option>`);
  const rows = faults.map(
    ({ id, hits, ...fault }) =>
      `<tr><td><code>${escape(JSON.stringify(fault))}</code></td><td>${hits}</td><td><button name="remove" value="${escape(id)}">Remove</button></td></tr>`,
  );
  const table = `<table><thead><tr><th>Fault</th><th>Hits</th><th>Action</th></tr></thead><tbody>${rows.join("")}</tbody></table>
<p><button name="remove" value="all">Remove all</button></p>`;
  return `<h2>Faults</h2><form method="post" action="/__faults/form"><p>
<label>Let <select name="provider">${provider.join("")}</select></label>
<label>do this: <select name="kind">${kind.join("")}</select></label>
<label>for <input name="times" type="number" min="1" max="1000000" value="20" required> calls</label>
<label>of the path <input name="path" placeholder="any, or /emails"></label>
<button>Set</button></p></form>${faults.length === 0 ? "<p>No fault is set.</p>" : `<form method="post" action="/__faults/form">${table}</form>`}`;
}
