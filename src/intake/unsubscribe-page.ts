import { randomBase64 } from "../crypto";
import { escapeHtml } from "../escape";

interface Page {
  text: string;
  headers: Record<string, string>;
}

/** The page that asks for confirmation. */
export function unsubscribePage(address: string): Page {
  const form = `<form method="post"><button>Unsubscribe</button></form>`;
  return page("Unsubscribe", `<h1>Unsubscribe</h1><p>No more newsletters to <b>${escapeHtml(hinted(address))}</b>?</p>${form}`);
}

export function unsubscribedPage(address: string): Page {
  return page("Unsubscribed", `<h1>Unsubscribed</h1><p><b>${escapeHtml(hinted(address))}</b> gets no more newsletters from us.</p>`);
}

/** For a link that a mail program cut short. */
export function brokenLinkPage(): Page {
  return page("This link does not work", "<h1>This link does not work</h1><p>It is not complete. Open it from the mail again, or copy all of it.</p>");
}

/** A shortened address, which its owner recognises: another person may have the link. */
function hinted(address: string): string {
  const at = address.lastIndexOf("@");
  return `${address.slice(0, 1)}•••${address.slice(at)}`;
}

function page(title: string, body: string): Page {
  const nonce = randomBase64(18);
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
  return {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "referrer-policy": "no-referrer",
      "x-robots-tag": "noindex",
    },
    text: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style nonce="${nonce}">${style}</style></head>
<body><main>${body}</main></body>
</html>
`,
  };
}

const style =
  "body{font:1.1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}main{max-width:32rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1.2rem}";
