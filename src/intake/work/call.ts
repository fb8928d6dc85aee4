import { dayMs, minRetentionDays } from "../../time/day";
import type * as v from "valibot";
import type { WorkDeps } from "../../domain/work/deps";
import { oldestProtocol, protocol, type WorkRefusal, type WorkScope } from "../../domain/work/model";
import { Problem } from "../../errors";
import type { JobRef } from "../../queue/ports/job-row";
import { timeOf } from "../../queue/id";
import { readJson } from "../body";
import type { IntakeDeps } from "../deps";
import { actorOf, type AnyRoute, type RouteCall, type Method, param, route, type TenantMode } from "../route";

const protocolHeader = "Jobyard-Protocol";

interface WorkRoute<Mode extends TenantMode, Body> {
  name: string;
  summary: string;
  tenant?: Mode;
  schema: v.GenericSchema<any, Body>; // eslint-disable-line -- variance: any input
  /** Bytes. */
  limit: number;
  answers: AnyRoute["answers"];
  problems?: readonly number[];
  params?: AnyRoute["params"];
  handle(call: RouteCall<Mode, Body>, work: { scope: WorkScope; deps: WorkDeps }): Promise<{ status: number; body: unknown }>;
}

/** A worker's call. The protocol's version is checked before the body, whose shape it decides. Every answer has it. */
export function workRoute<Mode extends TenantMode = "own", Body = undefined>(
  line: `${Method} /${string}`,
  { schema, limit, problems = [], handle, ...rest }: WorkRoute<Mode, Body>,
): AnyRoute {
  return route<Mode, Body>(line, {
    ...rest,
    scope: "work",
    headers: { [protocolHeader]: `The version of the protocol that the worker speaks; without it the newest, ${protocol}` },
    body: { schema, limit, readByHandler: true },
    problems: [...problems, 426],
    handle: async (call) => {
      checkProtocol(call.request.headers);
      const { body } = await readJson(call.request, { schema, limit });
      const scope = scopeOf(call);
      const answer = await handle({ ...call, body }, { scope, deps: bound(call.deps.work, scope) });
      return { ...answer, headers: { [protocolHeader]: String(protocol) } };
    },
  });
}

function checkProtocol(headers: Headers): void {
  const named = headers.get(protocolHeader)?.trim();
  if (named === undefined) return;
  if (!/^\d{1,6}$/.test(named)) throw wrongProtocol("must be a whole number");
  if (Number(named) < oldestProtocol) {
    throw new Problem("protocol-too-old", `This server supports version ${oldestProtocol} of the protocol and newer: update the worker.`);
  }
  if (Number(named) > protocol) throw wrongProtocol(`must be at most ${protocol}, the newest version of this server`);
}

function wrongProtocol(message: string): Problem {
  return new Problem("invalid", "This server does not support that version of the protocol.", { errors: [{ path: protocolHeader, message }] });
}

function scopeOf({ caller, tenant }: RouteCall<TenantMode>): WorkScope {
  const types = caller.kind === "token" && !caller.scopes.includes("admin") ? caller.types : undefined;
  return { tenant, caller: `${actorOf(caller)}/${tenant ?? "*"}`, types };
}

/** For a token that is bound to types, jobs of other types are not found. */
function bound(work: WorkDeps, { types }: WorkScope): WorkDeps {
  if (!types) return work;
  const { ledger, engine } = work;
  const isBound = (type: string) => types.includes(engine.registry.find(type)?.contract.type ?? type);
  return { ...work, ledger: { ...ledger, held: async (refs) => (await ledger.held(refs)).filter(({ type }) => isBound(type)) } };
}

/** The job in the path. A forged id and another tenant's get the same 404, before the ledger is read. */
export async function ownJob({ deps, tenant, params }: RouteCall<"own">): Promise<JobRef> {
  const id = param({ params }, "id");
  if (await deps.ids.belongs(tenant, id)) return { tenant, id };
  throw new Problem("not-found", "There is no such job.");
}

/** The items of a bulk call whose ids are the caller's; null in place of the others. */
export function ownRefs(
  deps: Pick<IntakeDeps, "ids">,
  scope: WorkScope,
  items: readonly { id: string; tenant?: string | undefined }[],
): Promise<(JobRef | null)[]> {
  return Promise.all(
    items.map(async ({ id, tenant: named }) => {
      const tenant = scope.tenant ?? named;
      const isOwn = tenant !== undefined && (named === undefined || named === tenant) && (await deps.ids.belongs(tenant, id));
      return isOwn ? { tenant, id } : null;
    }),
  );
}

/** The Problem of a refusal; `gone` for a missing job that is older than the minimum retention. */
export function problemOf(refusal: WorkRefusal, id: string, now: number): Problem {
  const made = timeOf(id);
  const isGone = refusal.code === "not-found" && made !== undefined && now - made > minRetentionDays * dayMs;
  const members = { ...(refusal.state === null ? {} : { state: refusal.state }), ...(refusal.since === undefined ? {} : { since: refusal.since }) };
  return new Problem(isGone ? "gone" : refusal.code, isGone ? "The job is no longer kept." : refusal.detail, { members, errors: refusal.errors ?? [] });
}
