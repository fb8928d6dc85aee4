import { createIntake } from "../../src/intake/router";
import { destinationRoutes } from "../../src/intake/routes/destinations";
import { eventRoutes } from "../../src/intake/routes/events";
import type { EnqueueRequest } from "../../src/queue/request";
import { describedRoutes } from "../support/described-routes";
import { createIntakeBench } from "./bench";
import { answered, type CallOptions, requestOf } from "./calls";

/** What events at the signed door of the tenant `shop` are signed with. */
export const doorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** The routes about events, with an `enqueue` that may refuse and a door that may be unknown. */
export function createEventApiBench() {
  const bench = createIntakeBench();
  const taken: EnqueueRequest[] = [];
  const keys = new Map<string, string>();
  const state: { refuse: "unavailable" | undefined; door: "known" | "unknown" } = { refuse: undefined, door: "known" };
  const described = describedRoutes([...eventRoutes, ...destinationRoutes]);
  const intake = createIntake(
    {
      ...bench.deps,
      enqueue: async (requests) =>
        requests.map((request) => {
          if (state.refuse) return { ok: false, code: state.refuse, detail: "Down.", errors: [], retryAfter: 5 };
          const key = `${request.tenant} ${JSON.stringify(request.own)}`;
          const text = request.fingerprintOf ?? "";
          const known = keys.get(key);
          if (known !== undefined && known !== text)
            return { ok: false, code: "idempotency-mismatch", detail: "x", errors: [{ path: "idempotencyKey", message: "x" }] };
          keys.set(key, text);
          taken.push(request);
          return { ok: true, id: `job-${taken.length}`, type: request.type, state: "queued", replayed: known !== undefined };
        }),
      inboundSecrets: { ...bench.deps.inboundSecrets, open: async (tenant) => (tenant === "shop" ? [doorSecret] : []) },
      snapshots: {
        read: async (tenant, at) => {
          if (state.door === "unknown") return { state: "unknown" };
          const known = await bench.deps.snapshots.read(tenant, at);
          if (known.state !== "known") return known;
          const events = { door: "sealed", jobs: false };
          return { ...known, snapshot: { ...known.snapshot, sections: { ...known.snapshot.sections, events } } };
        },
      },
    },
    described.table,
  );
  const call = async (method: string, path: string, options: CallOptions = {}) => {
    const answer = await answered(await intake(requestOf(method, path, options)));
    described.check();
    return answer;
  };
  return { bench, taken, state, call };
}
