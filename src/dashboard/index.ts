import { icon, page } from "./page";

/**
 * The operator's page: one document without outside resources. It holds no data; it reads the public API with the token
 * the operator gives it, so it may do no more than that token. Undefined for whatever is not one of its paths.
 */
export function dashboard(request: Request): Response | undefined {
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const { pathname } = new URL(request.url);
  if (pathname === "/") return html(request.method);
  if (pathname === "/favicon.svg" || pathname === "/favicon.ico") {
    return new Response(request.method === "HEAD" ? null : icon, {
      headers: { ...hardening, "content-type": "image/svg+xml", "cache-control": "public, max-age=86400", "content-security-policy": "default-src 'none'" },
    });
  }
  return undefined;
}

const hardening = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

function html(method: string): Response {
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));
  return new Response(method === "HEAD" ? null : page(nonce), {
    headers: {
      ...hardening,
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": policy(nonce),
    },
  });
}

/** Only this page's own script and style run, and nothing but our own API is called: text that slips into markup can do no harm. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}
