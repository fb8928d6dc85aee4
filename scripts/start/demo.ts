import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demoKey } from "../sandbox/shop/settings.ts";

export interface Demo {
  /** Of the Worker. */
  url: string;
  sandboxUrl: string;
  rootToken: string;
  stateDir: string;
}

export interface DemoReady {
  /** Acts for the tenant `demo` with every scope. */
  token: string;
  /** What could not be set up; the rest works. */
  troubles: string[];
}

const tenant = "demo";

/** Makes the tenant `demo`, pointed at the sandbox, through the public interface. Safe to repeat. */
export async function setUpDemo(demo: Demo): Promise<DemoReady> {
  await need(demo, "PUT", `/v1/tenants/${tenant}`, { name: "Demo", timezone: "Europe/Berlin" });
  const troubles: string[] = [];
  for (const [path, body] of settings(demo)) {
    const { status, text } = await call(demo, "PUT", path, body);
    if (status >= 300) troubles.push(`PUT ${path} answered ${status}: ${text.slice(0, 300)}`);
  }
  return { token: await tokenOf(demo), troubles };
}

function settings({ sandboxUrl }: Demo): [path: string, body: unknown][] {
  const html = "<p>Hello {{ name }},</p><p>welcome to the demo shop.</p>";
  return [
    ["/v1/connections/mail", { provider: "resend", baseUrl: `${sandboxUrl}/mail`, apiKey: "re_sandbox", from: "Demo Shop <shop@demo.example>" }],
    ["/v1/connections/make", { provider: "make", url: `${sandboxUrl}/make/leads` }],
    ["/v1/connections/slack", { provider: "slack", url: `${sandboxUrl}/slack/demo` }],
    ["/v1/connections/crm", { provider: "hubspot", baseUrl: `${sandboxUrl}/crm`, apiKey: "pat-sandbox" }],
    ["/v1/connections/models", { provider: "openai", baseUrl: `${sandboxUrl}/models/v1`, apiKey: "sk-sandbox", model: "sandbox-1" }],
    ["/v1/projects/demo", { name: "Demo", domains: ["localhost", "127.0.0.1"], country: "DE" }],
    ["/v1/templates/welcome", { subject: "Welcome, {{ name }}", html, text: "Hello {{ name }},\n\nwelcome to the demo shop." }],
    ["/v1/sites/demo-shop", { platform: "prestashop", url: `${sandboxUrl}/shop/demo`, key: demoKey }],
  ];
}

/** The token of the last start as long as it works, so that they do not pile up. */
async function tokenOf(demo: Demo): Promise<string> {
  const file = join(demo.stateDir, "demo-token");
  const kept = readIfThere(file);
  if (kept && (await works(demo, kept))) return kept;
  const text = await need(demo, "POST", `/v1/tenants/${tenant}/tokens`, { name: "development", scopes: ["admin"] });
  const { token } = JSON.parse(text) as { token: string };
  writeFileSync(file, token, { mode: 0o600 });
  return token;
}

async function works({ url }: Demo, token: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/jobs?limit=1`, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(10_000) });
  await answer.text();
  return answer.ok;
}

async function need(demo: Demo, method: string, path: string, body: unknown): Promise<string> {
  const { status, text } = await call(demo, method, path, body);
  if (status >= 300) throw new Error(`The tenant "${tenant}" could not be made: ${method} ${path} answered ${status}: ${text.slice(0, 300)}`);
  return text;
}

async function call(demo: Demo, method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(demo.url + path, {
    method,
    headers: { authorization: `Bearer ${demo.rootToken}`, "jobyard-tenant": tenant, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  return { status: answer.status, text: await answer.text() };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
}
