import type { VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import { pageHeaders } from "./headers";
import { sha256Hex } from "../crypto";
import { withVisibleControls } from "./visible-controls";

/** What the page's script requests: the part that changes, or the notice of an action. */
const fragmentType = "text/vnd.jobyard.fragment";

export function wantsFragment({ headers }: Request): boolean {
  return headers.get("accept") === fragmentType;
}

export function redirect(path: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ location: path, "cache-control": "no-store" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}

/** A complete document. */
export function htmlResponse(url: URL, document: VNode, { status = 200, cookies = [] }: { status?: number; cookies?: readonly string[] } = {}): Response {
  const headers = new Headers(pageHeaders(url.origin));
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(`<!doctype html>${withVisibleControls(renderToString(document))}`, { status, headers });
}

/** 304 when the browser has this version. */
export async function fragmentResponse(request: Request, main: VNode, title: string): Promise<Response> {
  const url = new URL(request.url);
  const body = withVisibleControls(renderToString(main));
  const etag = `"${await sha256Hex(title + body, 32)}"`;
  const headers = { ...pageHeaders(url.origin), etag, "x-title": encodeURIComponent(title.toWellFormed()) };
  if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  return new Response(body, { headers });
}

/** The fields of a form; undefined for a body over the limit. */
export async function readForm(request: Request): Promise<Record<string, string> | undefined> {
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!(length <= maxFormBytes)) return undefined;
  const sent = new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()));
  const ids = sent.getAll("ids");
  return { ...Object.fromEntries(sent), ...(ids.length === 0 ? {} : { ids: ids.join(",") }) };
}

const maxFormBytes = 65_536;
