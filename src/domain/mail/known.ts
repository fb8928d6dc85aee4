import type { Issue } from "../../errors";
import type { EnqueueRequest, Receipt } from "../../queue/request";
import { invalid } from "../../queue/accept/receipts";

/** Cached ids of existing templates; a template is never removed. */
const maxRemembered = 10_000;
/** The longest wait for an answer of D1. */
const maxAnswerMs = 1000;

interface Known {
  /** The ids that have a template. */
  known(tenant: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
}

type Enqueue = (requests: readonly EnqueueRequest[]) => Promise<readonly Receipt[]>;

/** Refuses mails (jobs of `type`) whose template does not exist. While D1 does not answer, all are accepted. */
export function withKnownTemplates(type: string, enqueue: Enqueue, templates: Known): (requests: readonly EnqueueRequest[]) => Promise<Receipt[]> {
  const remembered = new Set<string>();
  return async (requests) => {
    const unknown = await unknownAmong(
      requests.filter((request) => request.type === type),
      templates,
      remembered,
    );
    if (unknown.size === 0) return [...(await enqueue(requests))];
    const known = requests.filter((request) => !unknown.has(request));
    const receipts = known.length > 0 ? [...(await enqueue(known))] : [];
    return requests.map((request) => {
      const id = unknown.get(request);
      if (id !== undefined) return invalid([issueOf(id)]);
      const receipt = receipts.shift();
      if (!receipt) throw new Error("enqueue gives one receipt for each request");
      return receipt;
    });
  };
}

/** The issue of a payload whose template does not exist; undefined when it exists, or none is named. Throws when D1 does not answer. */
export async function unknownTemplate(tenant: string, payload: unknown, templates: Known): Promise<Issue | undefined> {
  const id = templateIdOf(payload);
  return id === undefined || (await templates.known(tenant, [id])).has(id) ? undefined : issueOf(id);
}

function issueOf(id: string): Issue {
  return { path: "payload.templateId", message: `names no template: make it with PUT /v1/templates/${id}, or use one of GET /v1/templates` };
}

async function unknownAmong(requests: readonly EnqueueRequest[], templates: Known, remembered: Set<string>): Promise<ReadonlyMap<EnqueueRequest, string>> {
  const templateIds = requests.flatMap((request) => {
    const id = templateIdOf(request.payload);
    return id === undefined || remembered.has(`${request.tenant}/${id}`) ? [] : [{ request, id }];
  });
  const unknown = new Map<EnqueueRequest, string>();
  for (const [tenant, own] of Map.groupBy(templateIds, ({ request }) => request.tenant)) {
    const existing = await inTime(templates.known(tenant, [...new Set(own.map(({ id }) => id))]));
    if (!existing) continue;
    if (remembered.size > maxRemembered) remembered.clear();
    for (const { request, id } of own) {
      if (existing.has(id)) remembered.add(`${tenant}/${id}`);
      else unknown.set(request, id);
    }
  }
  return unknown;
}

function templateIdOf(payload: unknown): string | undefined {
  if (typeof payload !== "object" || payload === null || !("templateId" in payload)) return undefined;
  const { templateId } = payload;
  // The payload's schema refuses an invalid id.
  return typeof templateId === "string" && /^[a-z0-9-]{1,63}$/.test(templateId.slice(0, 64)) ? templateId : undefined;
}

async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), maxAnswerMs)));
  try {
    return await Promise.race([answer, late]);
  } catch {
    // D1 does not answer: a job without its template ends as a dead letter with that reason.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
