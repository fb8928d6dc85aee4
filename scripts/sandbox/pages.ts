import { escape } from "./escape.ts";
import { faultSection } from "./fault-form.ts";
import type { Fault } from "./faults.ts";
import type { Mail } from "./mailbox.ts";

/** All mails, newest first, and the faults. */
export function listPage(mails: readonly Mail[], faults: readonly Fault[], providers: readonly string[]): string {
  const rows = mails.map(
    (mail) =>
      `<tr><td>${escape(mail.at)}</td><td>${escape(mail.to.join(", "))}</td><td><a href="/__mailbox/${escape(mail.id)}">${escape(mail.subject)}</a></td></tr>`,
  );
  const table = `<table><thead><tr><th>Sent</th><th>To</th><th>Subject</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
  const links = `<p>As JSON: <a href="/__mailbox">mails</a>, <a href="/__calls">calls</a>, <a href="/__effects">effects</a>, <a href="/__faults">faults</a>.</p>`;
  return document("Mailbox", `<h1>Mailbox</h1>${links}${mails.length > 0 ? table : "<p>No mail yet.</p>"}${faultSection(faults, providers)}`);
}

/** One mail: its headers, its HTML in a frame that may do nothing, its text and its source. */
export function mailPage(mail: Mail): string {
  const facts: [string, string][] = [
    ["From", mail.from],
    ["To", mail.to.join(", ")],
    ["Cc", mail.cc.join(", ")],
    ["Bcc", mail.bcc.join(", ")],
    ["Reply-To", mail.replyTo.join(", ")],
    ["Sent", mail.at],
    ["Idempotency key", mail.idempotencyKey ?? ""],
    ...Object.entries(mail.headers),
  ];
  const list = facts.filter(([, value]) => value !== "").map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`);
  const frame = mail.html === null ? "" : `<h2>HTML</h2><iframe title="The mail" sandbox="" srcdoc="${escape(mail.html)}"></iframe>`;
  const text = mail.text === null ? "" : `<h2>Text</h2><pre>${escape(mail.text)}</pre>`;
  const source = mail.source === undefined ? "" : `<h2>Source</h2><details><summary>As it was handed over</summary><pre>${escape(mail.source)}</pre></details>`;
  return document(mail.subject, `<p><a href="/">All mails</a></p><h1>${escape(mail.subject)}</h1><dl>${list.join("")}</dl>${frame}${text}${source}`);
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}
label{display:inline-block;margin:0 .6rem .4rem 0}select,input,button{font:inherit}
iframe{width:100%;height:60vh;border:1px solid #ddd;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere}`;

/** What is wrong with the form. */
export function wrongPage(issues: readonly string[]): string {
  const list = issues.map((issue) => `<li>${escape(issue)}</li>`);
  return document("Wrong", `<h1>The fault is wrong</h1><ul>${list.join("")}</ul><p><a href="/">Back</a></p>`);
}

function document(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${style}</style></head><body>${body}</body></html>`;
}
