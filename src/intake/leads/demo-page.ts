import { randomBase64 } from "../../crypto";
import type { Project } from "../../tenants/project-schema";
import { escapeHtml } from "../../escape";

/** A form as on a tenant's page. With JavaScript it shows what became of the lead; it works without too. */
export function demoPage(action: string, { siteKey, formId }: Pick<Project, "siteKey" | "formId">): { text: string; headers: Record<string, string> } {
  const nonce = randomBase64(18);
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
  const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": policy, "referrer-policy": "same-origin" };
  const hidden = Object.entries({ siteKey, formId, __pg_nonce: crypto.randomUUID(), SOURCE: "WebSite" });
  return {
    headers,
    text: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ask us</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
<h1>Ask us</h1>
<form method="post" action="${escapeHtml(action)}">
${hidden.map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`).join("\n")}
<input type="hidden" name="__visitor_id"><input type="hidden" name="__pg_tts">
<p class="trap" aria-hidden="true"><label>Leave this empty <input name="__pg_hp" tabindex="-1" autocomplete="off" data-1p-ignore data-bwignore data-lpignore="true" data-form-type="other"></label></p>
<p><label>Name <input name="FIRSTNAME" autocomplete="name" maxlength="100"></label></p>
<p><label>E-mail <input name="EMAIL" type="email" autocomplete="email" maxlength="254"></label></p>
<p><label>Telephone <input name="PHONE" type="tel" autocomplete="tel" maxlength="64"></label></p>
<p><label>Your question <textarea name="USER_MESSAGE" rows="4" maxlength="10000"></textarea></label></p>
<p><button>Send</button></p>
</form>
<p id="note" role="status"></p>
</main>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`,
  };
}

const style = `
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --ground: #f4f6f9; --line: #8894a5; --accent: #1d4ed8; --wrong: #b42318 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --paper: #1b2027; --ground: #12151a; --line: #5b6675; --accent: #3b6cf0; --wrong: #ff8a7a } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: var(--ink); background: var(--ground) }
main { max-width: 32rem; margin: 3rem auto; padding: 1.5rem 2rem 2rem; background: var(--paper); border-radius: 8px; box-shadow: 0 1px 4px #0002 }
@media (max-width: 40rem) { main { margin: 0; border-radius: 0 } }
h1 { margin: 0 0 1rem; line-height: 1.2 }
label { display: block; font-weight: 600 }
input, textarea { display: block; width: 100%; box-sizing: border-box; margin-top: .25rem; padding: .5rem; font: inherit; font-weight: 400; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 4px }
[aria-invalid] { border-color: var(--wrong) }
button { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: 4px; background: var(--accent); color: #fff; cursor: pointer }
button:disabled { opacity: .6; cursor: default }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
#note { margin-bottom: 0; overflow-wrap: anywhere }
#note.wrong { color: var(--wrong) }
a { color: inherit }
.trap { position: absolute; left: -9999px }
[hidden] { display: none }
`;

const script = `
const form = document.querySelector("form"), note = document.querySelector("#note"), shownAt = Date.now();
const inputs = { email: "EMAIL", phone: "PHONE", name: "FIRSTNAME", firstName: "FIRSTNAME", message: "USER_MESSAGE" };
const input = (path) => form.elements[inputs[path] || path];
const nameOf = (path) => input(path)?.labels?.[0]?.firstChild.textContent.trim() || path;
let visitor = crypto.randomUUID();
try { visitor = localStorage.getItem("_pg_vid") || visitor; localStorage.setItem("_pg_vid", visitor) } catch (refused) { note.dataset.storage = "none" }
form.elements["__visitor_id"].value = visitor;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.elements["__pg_tts"].value = String(Math.round((Date.now() - shownAt) / 1000));
  const fields = new URLSearchParams(new FormData(form)), button = form.querySelector("button");
  for (const marked of form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
  say("Sending …");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "application/json" } });
    const body = await answer.json();
    if (answer.ok) thank(body.id); else refuse(body);
  } catch (lost) {
    say("The request did not get through; please send it again.", true);
  }
  button.disabled = false;
});
function say(text, wrong = false) {
  note.textContent = text;
  note.className = wrong ? "wrong" : "";
}
function refuse({ detail, errors = [] }) {
  say([detail, ...errors.map(({ path, message }) => nameOf(path) + " " + message + ".")].join(" "), true);
  for (const { path } of errors) input(path)?.setAttribute?.("aria-invalid", "true");
  form.querySelector("[aria-invalid]")?.focus();
}
function thank(id) {
  document.querySelector("h1").textContent = "Thank you";
  form.hidden = true;
  say("Your request was taken. Follow it: ");
  const link = document.createElement("a");
  // The form is sent to /v1/leads/{tenant}/{project}.
  link.href = "/t/" + new URL(form.action).pathname.split("/")[3] + "/jobs/" + id;
  link.textContent = id;
  note.append(link);
}
`;
