import { client } from "./client";
import { style } from "./style";

/** The whole document; `nonce` marks its style and script as ours. */
export function page(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Jobyard</title>
<link rel="icon" href="/favicon.svg">
<style nonce="${nonce}">${style}</style>
</head>
<body>
<a class="jump" href="#main">Skip to content</a>
<header id="top" hidden>
  <a class="brand" href="#/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 9h24v5H4zM4 18h15v5H4z"/><circle cx="25" cy="20.500" r="3.500"/></svg>Jobyard</a>
  <nav id="nav" aria-label="Main"></nav>
  <div class="who"><span id="who"></span><button id="leave" type="button" class="quiet">Sign out</button></div>
</header>
<main id="main" tabindex="-1"></main>
<div id="toasts" role="status" aria-live="polite"></div>
<noscript><p class="empty">This page needs JavaScript. The same data is at <code>/v1</code>; see <a href="/openapi.json">/openapi.json</a>.</p></noscript>
<script type="module" nonce="${nonce}">${client}</script>
</body>
</html>
`;
}

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5fbf"/><g fill="#fff"><path d="M7 10h18v4H7zM7 18h11v4H7z"/><circle cx="22.500" cy="20" r="2.800"/></g></svg>`;
