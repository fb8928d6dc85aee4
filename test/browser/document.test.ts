import { expect, test } from "vitest";
import { dashboard } from "../../src/dashboard";
import { client } from "../../src/dashboard/client";

const ask = (path: string, method = "GET") => dashboard(new Request(`https://jobyard.example${path}`, { method }));

test("what is not the page is left to the others", () => {
  for (const path of ["/v1/jobs", "/healthz", "/index.html", "/favicon.svg/x"]) expect(ask(path)).toBeUndefined();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) expect(ask("/", method)).toBeUndefined();
});

test("only what carries this answer's nonce runs, and nothing comes from outside", async () => {
  const answer = ask("/")!;
  const html = await answer.text();
  const policy = answer.headers.get("content-security-policy") ?? "";
  const nonce = /script-src 'nonce-([\w+/=]+)'/.exec(policy)?.[1];
  expect(nonce).toHaveLength(24);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  expect([...html.matchAll(/<(?:script|style)\b[^>]*>/g)].map(([tag]) => tag.includes(`nonce="${nonce}"`))).toEqual([true, true]);
  expect(html).not.toMatch(/\b(?:src|href)="(?:https?:)?\/\//);
  expect(ask("/")!.headers.get("content-security-policy")).not.toBe(policy);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("x-frame-options")).toBe("DENY");
});

test("the script never parses data as markup, and fits into its element", () => {
  expect(client).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/);
  expect(client).not.toMatch(/<\/script|<!--/i);
});

test("the page is small, HEAD has no body, the icon is a picture", async () => {
  const bytes = new Blob([await ask("/")!.text()]).stream().pipeThrough(new CompressionStream("gzip"));
  expect((await new Response(bytes).arrayBuffer()).byteLength).toBeLessThan(16_000);
  expect(await ask("/", "HEAD")!.text()).toBe("");
  expect(ask("/favicon.ico")!.headers.get("content-type")).toBe("image/svg+xml");
});
