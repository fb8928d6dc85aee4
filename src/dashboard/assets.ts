import { script, style } from "./bundle";
import { fileHeaders } from "./headers";
import { daySeconds } from "../time/day";

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5fbf"/><g fill="#fff"><path d="M7 10h18v4H7zM7 18h11v4H7z"/><circle cx="22.5" cy="20" r="2.8"/></g></svg>`;

/** Names contain the hash of the content, so browsers may cache them forever. */
const files: Readonly<Record<string, { type: string; text: string; seconds: number }>> = {
  [script.path]: { ...script, seconds: 365 * daySeconds },
  [style.path]: { ...style, seconds: 365 * daySeconds },
  "/favicon.svg": { type: "image/svg+xml", text: icon, seconds: daySeconds },
  "/favicon.ico": { type: "image/svg+xml", text: icon, seconds: daySeconds },
};

/** Answers with the pages' script, style or icon; undefined for another address. */
export function assetResponse({ method }: Request, pathname: string): Response | undefined {
  const file = Object.hasOwn(files, pathname) && (method === "GET" || method === "HEAD") ? files[pathname] : undefined;
  return file && new Response(method === "HEAD" ? null : file.text, { headers: fileHeaders(file.type, file.seconds) });
}
