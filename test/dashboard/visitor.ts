import { createDashboard } from "../../src/dashboard";
import { createFakeApi, type FakeApi, type Person, plainVault } from "./desk";

export const now = Date.UTC(2026, 10, 21, 12);
export const origin = "https://jobs.example.com";

/** A browser of this person. */
export async function visitor(person: Person, api: FakeApi = createFakeApi(now)) {
  const dashboard = createDashboard({ answer: api.answer, vault: plainVault, now: () => now });
  const ask = async (path: string, init: RequestInit = {}) => (await dashboard(new Request(origin + path, { redirect: "manual", ...init })))!;
  const signedIn = await ask("/session", { method: "POST", ...form({ token: person.token }) });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const get = (path: string, headers: Record<string, string> = {}) => ask(path, { headers: { cookie, ...headers } });
  const post = (path: string, fields: FormFields, headers: Record<string, string> = {}) => {
    const sent = form(fields);
    return ask(path, { method: "POST", ...sent, headers: { ...sent.headers, cookie, ...headers } });
  };
  return { api, ask, get, post, cookie, signedIn };
}

/** The fields of a form; as pairs where a name is repeated. */
export type FormFields = Record<string, string> | [name: string, value: string][];

export function form(fields: FormFields) {
  const body = new URLSearchParams(fields).toString();
  return {
    body,
    headers: { origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) },
  };
}
