import { Problem } from "../../errors";
import { smallBody } from "../body";
import { refusedAtDoor } from "../problem";
import { param, route } from "../route";
import { payloadQuery, stateRequest, workerPattern } from "../work/requests";
import { workersShape, workerStateShape } from "../work/shapes";
import { loadPayload } from "../../domain/work/load-payload";

export const workerRoutes = [
  route("GET /v1/workers", {
    name: "listWorkers",
    summary: "Who asks for jobs of remote types: types, last signs of life, jobs in hand; the root token without a tenant sees those of all",
    description: "See docs/remote-workers.md.",
    scope: "read",
    tenant: "any",
    answers: { 200: workersShape },
    handle: async ({ deps, tenant }) => {
      const workers = await deps.work.workers.list(tenant, deps.now());
      return { status: 200, body: workers.map(({ polled, beaten, ...worker }) => ({ ...worker, lastPoll: polled, lastBeat: beaten })) };
    },
  }),
  route("POST /v1/workers/:worker/state", {
    name: "setWorkerState",
    summary: "Ask a worker to go on, to take nothing new, or to end when what it has is done",
    scope: "operate",
    tenant: "any",
    params: { worker: workerPattern },
    body: { schema: stateRequest, limit: smallBody },
    answers: { 200: workerStateShape },
    handle: async ({ deps, tenant, params, body }) => {
      const worker = param({ params }, "worker");
      if (!(await deps.work.workers.wish(tenant ?? "*", worker, body.state))) throw new Problem("not-found", "There is no such worker.");
      return { status: 200, body: { worker, state: body.state } };
    },
  }),
  route("GET /v1/work/:id/payload", {
    name: "loadPayload",
    summary: "The payload of a job in a worker's hands, by the address it was given; valid as long as the lease",
    description: "Only for payloads that are too large for the answer to a pull.",
    scope: "public",
    tenant: "none",
    query: payloadQuery,
    answers: { 200: "application/json" },
    problems: [401, 503],
    handle: async ({ deps, params, query: { tenant, signature } }) => {
      const id = param({ params }, "id");
      const isOwn = tenant !== undefined && signature !== undefined && (await deps.belongs(tenant, id));
      const text = isOwn ? await loadPayload(deps.work, { tenant, id }, signature) : null;
      if (text === null) throw refusedAtDoor();
      return { status: 200, text, headers: { "content-type": "application/json" } };
    },
  }),
];
