import type { PayloadSample } from "../../ledger/samples";
import { reservedTenant } from "../../tenants/names";
import type { IntakeDeps } from "../deps";
import { actorOf, param, route } from "../route";
import { found } from "../problem";
import { sampleShape } from "../shapes";

/** Characters of all payloads in one answer, and of one payload in R2. */
const maxCharacters = 4_000_000;
const maxStored = 10;

/** Stored payloads, which a deploy validates by its new contracts. They are unmasked: only the root token gets them, and the call is audited. */
export const sampleRoutes = [
  route("GET /v1/types/:type/sample", {
    name: "samplePayloads",
    summary: "Payloads of a type's open and dead jobs as they are stored, up to 20 of each version; audited",
    description: "A deploy tries them against its contracts.",
    scope: "root",
    tenant: "any",
    answers: { 200: sampleShape },
    handle: async ({ deps, tenant, params, caller }) => {
      const { contract } = found(deps.registry.find(param({ params }, "type")), "type");
      const samples = await deps.samples([contract.type, ...contract.aliases], tenant);
      await deps.audit({ tenant: tenant ?? reservedTenant, actor: actorOf(caller), action: "sample", target: contract.type, at: deps.now() });
      return {
        status: 200,
        body: { type: contract.type, version: contract.version, samples: await loaded(deps, samples) },
        headers: { "cache-control": "no-store" },
      };
    },
  }),
];

interface Loaded extends Pick<PayloadSample, "id" | "tenant" | "version" | "state"> {
  payload: unknown;
}

/** Leaves out payloads that cannot be read or exceed the answer's bound. */
async function loaded(deps: Pick<IntakeDeps, "loadPayload">, found: readonly PayloadSample[]): Promise<Loaded[]> {
  const samples: Loaded[] = [];
  let [room, stored] = [maxCharacters, maxStored];
  for (const { id, tenant, version, state, payload, ref } of found) {
    if (payload === null && stored-- <= 0) continue;
    const text = payload ?? (ref === null ? null : await deps.loadPayload(ref));
    if (text === null || text.length > room) continue;
    room -= text.length;
    samples.push({ id, tenant, version, state, payload: JSON.parse(text) });
  }
  return samples;
}
