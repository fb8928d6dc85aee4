import type { Project } from "../../domain/leads/project";
import { escaped } from "./answer";

/** A form as a tenant's page would have it. With a script it shows what became of the lead; it works without one too. */
export function demoPage(action: string, { siteKey, formId }: Pick<Project, "siteKey" | "formId">): { text: string; headers: Record<string, string> } {
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));
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
<form method="post" action="${escaped(action)}">
${hidden.map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`).join("\n")}
<input type="hidden" name="__visitor_id"><input type="hidden" name="__pg_tts">
<p class="trap" aria-hidden="true"><label>Leave this empty <input name="__pg_hp" tabindex="-1" autocomplete="off"></label></p>
<p><label>Name <input name="FIRSTNAME" autocomplete="name" maxlength="100"></label></p>
<p><label>E-mail <input name="EMAIL" type="email" autocomplete="email" maxlength="254"></label></p>
<p><label>Telephone <input name="PHONE" type="tel" autocomplete="tel" maxlength="64"></label></p>
<p><label>Your question <textarea name="USER_MESSAGE" rows="4" maxlength="10000"></textarea></label></p>
<p><button>Send</button></p>
</form>
<p id="said" role="status"></p>
</main>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`,
  };
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1c2430; background: #f4f6f9 }
main { max-width: 32rem; margin: 3rem auto; padding: 2rem; background: #fff; border-radius: 8px; box-shadow: 0 1px 4px #0002 }
label { display: block; font-weight: 600 } input, textarea { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #8894a5; border-radius: 4px }
button { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: 4px; background: #1d4ed8; color: #fff; cursor: pointer }
.trap { position: absolute; left: -9999px }
`;

const script = `
const form = document.querySelector("form"), said = document.querySelector("#said"), shownAt = Date.now();
let visitor = crypto.randomUUID();
try { visitor = localStorage.getItem("_pg_vid") || visitor; localStorage.setItem("_pg_vid", visitor) } catch (refused) { said.dataset.storage = "none" }
form.elements["__visitor_id"].value = visitor;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.elements["__pg_tts"].value = String(Math.round((Date.now() - shownAt) / 1000));
  said.textContent = "Sending …";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { accept: "application/json" } });
    const body = await answer.json();
    said.textContent = answer.ok ? "Thank you. Your request is " : [body.detail, ...(body.errors || []).map((each) => each.path + " " + each.message)].join(" ");
    if (!answer.ok) return;
    const link = document.createElement("a");
    link.href = "/#/jobs/" + body.id;
    link.textContent = body.id;
    said.append(link);
  } catch (lost) {
    said.textContent = "The request did not get through; please send it again.";
  }
});
`;
