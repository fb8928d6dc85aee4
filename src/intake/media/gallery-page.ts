import { randomBase64 } from "../../crypto";

/** The demo tenant's pictures, through the public interface: upload, variants, and alt texts, which a person may edit. */
export function galleryPage(tenant: string): { text: string; headers: Record<string, string> } {
  const nonce = randomBase64(18);
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`;
  return {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy, "referrer-policy": "same-origin" },
    text: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pictures</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
<h1>Pictures</h1>
<form id="upload">
<p><label>Token of the tenant ${tenant}, as npm start prints it <input name="token" type="password" autocomplete="off" required></label></p>
<p><label>Picture <input name="file" type="file" accept="image/jpeg,image/png,image/gif,image/webp,image/avif" required></label></p>
<p><button>Upload</button></p>
</form>
<p id="status" role="status"></p>
<ul id="pictures"></ul>
</main>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`,
  };
}

const style = `
:root { color-scheme: light dark; --line: #8894a5; --wrong: #b42318; --paper: #f4f6f9 }
@media (prefers-color-scheme: dark) { :root { --line: #5b6675; --wrong: #ff8a7a; --paper: #1b2027 } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
input { font: inherit; display: block; width: 100%; box-sizing: border-box; padding: .3rem }
button { font: inherit; padding: .3rem 1rem }
ul { list-style: none; padding: 0; display: grid; gap: 1rem }
li { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 1rem }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere }
.variants { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0 }
figure { margin: 0 }
img { max-width: 100%; height: auto; display: block }
.wrong { color: var(--wrong) }
`;

const script = `
const form = document.querySelector("#upload"), line = document.querySelector("#status"), list = document.querySelector("#pictures");
const pictures = new Map();
form.elements.token.value = sessionStorage.getItem("token") || "";
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const say = (text, wrong = false) => Object.assign(line, { textContent: text, className: wrong ? "wrong" : "" });
async function ask(method, path, body) {
  const answer = await fetch(path, { method, body, headers: { authorization: "Bearer " + form.elements.token.value } });
  if (answer.ok) return answer;
  const { detail = answer.statusText, errors = [] } = await answer.json().catch(() => ({}));
  throw new Error([detail, ...errors.map(({ path, message }) => path + " " + message + ".")].join(" "));
}
const addressOf = (key) => "/v1/media/" + key.split("/").map(encodeURIComponent).join("/");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = form.elements.file.files[0];
  attempt("Uploading …", async () => {
    sessionStorage.setItem("token", form.elements.token.value);
    await ask("PUT", addressOf("gallery/" + file.name), file);
    say("Stored; thumbnails and alt text follow.");
    await show();
  });
});
async function attempt(doing, act) {
  say(doing);
  try { await act() } catch (failed) { say(failed.message, true) }
}
async function show() {
  const { media } = await (await ask("GET", "/v1/media?limit=50")).json();
  for (const picture of media) {
    const state = JSON.stringify(picture);
    if (pictures.get(picture.key)?.state === state) continue;
    const item = await itemOf(picture);
    const before = pictures.get(picture.key)?.item;
    before ? before.replaceWith(item) : list.prepend(item);
    pictures.set(picture.key, { state, item });
  }
  for (const [key, { item }] of pictures) if (!media.some((each) => each.key === key)) { item.remove(); pictures.delete(key) }
}
async function itemOf({ key, size, format, width, height, issue, altText, altTextSource, variants }) {
  const facts = [format, width && width + " × " + height, Math.ceil(size / 1024) + " KB"].filter(Boolean).join(", ");
  const figures = await Promise.all(variants.map(async (each) => {
    const image = element("img", { alt: altText || "", width: each.width, height: each.height, src: URL.createObjectURL(await (await ask("GET", each.url)).blob()) });
    return element("figure", {}, image, element("figcaption", { textContent: each.width + " × " + each.height + ", " + each.format }));
  }));
  const text = element("input", { value: altText || "", name: "altText" });
  const by = { human: "by hand", ai: "by a model" }[altTextSource] || "none yet";
  const save = element("button", { textContent: "Save text", onclick: () => attempt("Saving …", async () => {
    await ask("PUT", addressOf(key) + "/alt-text", JSON.stringify({ altText: text.value }));
    say("Saved.");
    await show();
  }) });
  const remove = element("button", { textContent: "Remove", onclick: () => attempt("Removing …", async () => {
    await ask("DELETE", addressOf(key));
    say("Removed.");
    await show();
  }) });
  return element("li", {}, element("h2", { textContent: key }), element("p", { textContent: issue || facts, className: issue ? "wrong" : "" }),
    element("div", { className: "variants" }, ...figures), element("label", { textContent: "Alt text, " + by }, text), save, " ", remove);
}
const follow = () => form.elements.token.value && !document.activeElement?.matches("#pictures input") ? show().catch((failed) => say(failed.message, true)) : undefined;
follow();
setInterval(follow, 2000);
`;
