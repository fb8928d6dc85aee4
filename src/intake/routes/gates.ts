import { iso, isoOrNull } from "../../time/iso";
import type { LastFailure } from "../../tenants/gate-state";
import * as v from "valibot";
import type { TenantGate } from "../../domain/report/gates";
import { gateWhy, openSince } from "../../domain/report/gate-why";
import { Problem } from "../../errors";
import { audit } from "../audit";
import { unavailableProblem } from "../problem";
import { paging } from "../query";
import { param, type PathPattern, route } from "../route";
import { whyEntries } from "../shapes";
import { whyView } from "../views";
import { boundedText, count, isoTime, outputList } from "../../bounded";

const dependency: PathPattern = { pattern: /^[a-z0-9][a-z0-9.:[\]_-]{0,279}$/, message: "must be the name of a gate, such as mail or shop:main" };

export const gateShape = v.object({
  tenant: v.string(),
  dependency: v.string(),
  circuit: v.pipe(v.picklist(["closed", "open", "half-open", "unknown"]), v.description("unknown: the gate did not answer")),
  openUntil: v.nullable(isoTime),
  openedAt: v.pipe(
    v.nullable(isoTime),
    v.description("When the circuit opened: failed probes do not change it; null while it is closed, or where it is not known"),
  ),
  failures: v.pipe(count, v.description("Transient failures in a row")),
  slots: v.object({ used: count, max: count }),
  rate: v.nullable(v.object({ perSecond: v.number(), available: v.number() })),
  held: v.pipe(count, v.description("Held-back jobs that are delivered again automatically")),
  parked: v.pipe(count, v.description("Jobs that wait in the ledger; counted up to 10,000")),
  lastFailure: v.nullable(v.object({ at: isoTime, reason: v.nullable(v.string()) })),
  refusal: v.pipe(
    v.nullable(v.object({ at: isoTime, reason: v.nullable(v.string()) })),
    v.description("Why the circuit was opened at once: a provider refused the connection for its settings"),
  ),
  why: v.pipe(
    v.nullable(v.object(whyEntries)),
    v.description("Why the gate admits no job, the sentence of each job that waits at it; null when it would admit one"),
  ),
});

export const gatesShape = v.object({ gates: outputList(gateShape), cursor: v.nullable(v.string()) });

const listQuery = v.strictObject({
  cursor: v.optional(boundedText(280, { pattern: dependency.pattern, rule: "must be a cursor from an earlier answer" })),
  ...paging,
});

export const gateRoutes = [
  route("GET /v1/gates", {
    name: "listGates",
    summary: "Gates: the circuit, slots and rate of each dependency, and how many jobs wait at it",
    description:
      "The root token without a tenant sees, on one page, the circuits that are not closed: those at which jobs of any tenant wait, and all of the tenants with the most retrying jobs.",
    scope: "read",
    tenant: "any",
    query: listQuery,
    answers: { 200: gatesShape },
    handle: async ({ deps, tenant, query }) => {
      if (tenant === null) return { status: 200, body: { gates: (await deps.reports.openGates()).slice(0, query.limit).map(gateBody), cursor: null } };
      const { gates, cursor } = await deps.gates.list(tenant, query);
      return { status: 200, body: { gates: gates.map((gate) => gateBody({ tenant, ...gate })), cursor } };
    },
  }),
  ...(["probe", "reset"] as const).map((verb) =>
    route(`POST /v1/gates/:dependency/${verb}`, {
      name: `${verb}Gate`,
      summary: verb === "probe" ? "Let one job try now although the circuit is open" : "Close the circuit; jobs that wait at it go on",
      scope: "operate",
      params: { dependency },
      answers: { 200: gateShape },
      handle: async ({ deps, tenant, params, caller }) => {
        const name = param({ params }, "dependency");
        const gate = await deps.gates[verb](tenant, name);
        if (gate === "unknown") throw new Problem("not-found", "There is no such gate; GET /v1/gates lists them.");
        if (gate === "unreachable") throw unavailableProblem("The gate cannot be reached right now.");
        await audit({ deps, tenant, caller }, verb, `gates/${name}`);
        return { status: 200, body: gateBody({ tenant, ...gate }) };
      },
    }),
  ),
];

function gateBody(view: TenantGate) {
  const { openUntil, openedAt, lastFailure, refusal, ...gate } = view;
  const why = gateWhy(view);
  const failureBody = (failure: LastFailure | null) => failure && { at: iso(failure.at), reason: failure.reason };
  return {
    ...gate,
    openUntil: isoOrNull(openUntil),
    openedAt: isoOrNull(openedAt ?? null),
    lastFailure: failureBody(lastFailure),
    refusal: failureBody(refusal ?? null),
    why: whyView(why && { ...why, since: openSince(view) }),
  };
}
