// Used by scripts/bench/leads.ts: a burst of form posts, and what became of each of them.
import { setTimeout as passing } from "node:timers/promises";
import { type Post, type Posted, postAll } from "./posts.ts";
import type { Tenant } from "./tenant.ts";

export interface Project {
  tenant: Tenant;
  /** Of the Worker. */
  url: string;
  apiKey: string;
}

export interface Burst {
  posted: Posted[];
  /** Seconds from the first post; null: not within the time. */
  answeredAfter: number;
  storedAfter: number | null;
  forwardedAfter: number | null;
  /** Answered with 200, and not stored, or not forwarded. */
  lost: string[];
  /** Stored or forwarded more than once. */
  doubled: string[];
}

/** Posts that long without anything new being forwarded are not waited for. Milliseconds. */
const maxStillMs = 120_000;

/** A project whose leads go to the sandbox's Make.com. */
export async function makeProject(url: string, tenant: Tenant, sandboxUrl: string | null): Promise<Project> {
  if (sandboxUrl !== null) await tenant.ask("PUT", "/v1/connections/make", { provider: "make", url: `${sandboxUrl}/make/leads` });
  const settings = { domains: ["bench.example"], country: "DE", forward: sandboxUrl !== null };
  const { apiKey } = (await tenant.ask("PUT", "/v1/projects/burst", settings)) as { apiKey: string };
  return { tenant, url, apiKey };
}

/** The nth form; `more` are further fields. */
export function leadPost({ tenant, url, apiKey }: Project, n: number, more: Record<string, string> = {}): Post {
  const fields = {
    FIRSTNAME: `Visitor ${n}`,
    EMAIL: `visitor-${n}@bench.example`,
    PHONE: `+49 30 ${10_000_000 + n}`,
    USER_MESSAGE: "Please call me.",
    ...more,
  };
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json", "x-api-key": apiKey };
  return { url: `${url}/v1/leads/${tenant.name}/burst`, headers, body: new URLSearchParams(fields).toString() };
}

export async function burst(project: Project, sandboxUrl: string, count: number, connections: number): Promise<Burst> {
  const begun = Date.now();
  const posted = await postAll(
    Array.from({ length: count }, (_, n) => leadPost(project, n)),
    connections,
  );
  const answeredAfter = (Date.now() - begun) / 1000;
  const ids = posted.flatMap(({ status, body }) => (status === 200 ? [(JSON.parse(body) as { id: string }).id] : []));
  const forwardedAt = await allForwarded(sandboxUrl, ids);
  const storedAt = await lastStored(project.tenant, ids.length);
  const [stored, forwarded] = [await submissionsOf(project.tenant), await forwards(sandboxUrl)];
  const since = (at: number | null) => (at === null ? null : (at - begun) / 1000);
  return {
    posted,
    answeredAfter,
    storedAfter: since(storedAt),
    forwardedAfter: since(forwardedAt),
    lost: ids.filter((id) => !stored.has(id) || !forwarded.has(id)),
    doubled: [...stored, ...forwarded].filter(([, times]) => times > 1).map(([id]) => id),
  };
}

/** When the last of them was; null when nothing moves any more. */
async function allForwarded(sandboxUrl: string, ids: readonly string[]): Promise<number | null> {
  let [most, moved] = [0, Date.now()];
  while (Date.now() - moved < maxStillMs) {
    const forwarded = await forwards(sandboxUrl);
    if (forwarded.size > most) [most, moved] = [forwarded.size, Date.now()];
    if (ids.every((id) => forwarded.has(id))) return moved;
    await passing(500);
  }
  return null;
}

/** How often the sandbox's Make.com accepted each submission, by its id. */
async function forwards(sandboxUrl: string): Promise<Map<string, number>> {
  const answer = await fetch(`${sandboxUrl}/__effects?provider=make`);
  const { keys } = (await answer.json()) as { keys: Record<string, number> };
  return new Map(Object.entries(keys));
}

/** When the last of the jobs that store was done; null when some are not. */
async function lastStored({ ask }: Tenant, count: number): Promise<number | null> {
  let [cursor, done, last]: [string | null, number, number] = [null, 0, 0];
  do {
    const page = (await ask("GET", `/v1/jobs?type=lead&state=done&limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`)) as JobPage;
    done += page.jobs.length;
    last = Math.max(last, ...page.jobs.map(({ endedAt }) => Date.parse(endedAt)));
    cursor = page.cursor;
  } while (cursor);
  return done === count ? last : null;
}

interface JobPage {
  jobs: { endedAt: string }[];
  cursor: string | null;
}

/** Submissions of each lead; every form is another person's, so the lead's id is its only submission's. */
async function submissionsOf({ ask }: Tenant): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  let cursor: string | null = null;
  do {
    const page = (await ask("GET", `/v1/leads?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`)) as LeadPage;
    for (const { id, submissions } of page.leads) found.set(id, (found.get(id) ?? 0) + submissions);
    cursor = page.cursor;
  } while (cursor);
  return found;
}

interface LeadPage {
  leads: { id: string; submissions: number }[];
  cursor: string | null;
}
