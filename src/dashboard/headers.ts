import { daySeconds } from "../time/day";

const hardening = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/**
 * Only this Worker's script and style run, and only its host is called, so that text that reaches the markup unescaped can do no harm.
 * Scripts come only from `/assets/`, because other paths of this host answer with files that tenants uploaded.
 */
function policyOf(origin: string): string {
  return [
    "default-src 'none'",
    `script-src ${origin}/assets/`,
    `style-src ${origin}/assets/`,
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types jobyard",
  ].join("; ");
}

export function pageHeaders(origin: string): Record<string, string> {
  return {
    ...hardening,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    vary: "accept, cookie",
    "content-security-policy": policyOf(origin),
  };
}

export function fileHeaders(type: string, seconds: number): Record<string, string> {
  return {
    ...hardening,
    "content-type": type,
    "cache-control": `public, max-age=${seconds}${seconds > daySeconds ? ", immutable" : ""}`,
    "content-security-policy": "default-src 'none'",
  };
}
