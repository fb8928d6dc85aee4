import * as v from "valibot";
import { readJson, smallBody } from "../body";
import { notFound, publicUnauthorized } from "../problem";
import { param, route } from "../route";
import { problemOf } from "../work/call";
import { signedQuery, stateRequest, workerPattern } from "../../domain/work/requests";
import { uploadedShape, workersShape, workerStateShape } from "../work/shapes";
import { loadPayload } from "../../domain/work/load-payload";
import { jobOfUpload, maxUploadedResult, uploadResult } from "../../domain/work/upload-result";

export const workerRoutes = [
  route("GET /v1/workers", {
    name: "listWorkers",
    summary: "Workers of remote types: their types, last call and jobs; the root token without a tenant sees those of all tenants",
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
    summary: "Tell a worker to continue, to take no new jobs, or to end after the jobs that it holds",
    scope: "operate",
    tenant: "any",
    params: { worker: workerPattern },
    body: { schema: stateRequest, limit: smallBody },
    answers: { 200: workerStateShape },
    handle: async ({ deps, tenant, params, body }) => {
      const worker = param({ params }, "worker");
      if (!(await deps.work.workers.wish(tenant ?? "*", worker, body.state))) throw notFound("worker");
      return { status: 200, body: { worker, state: body.state } };
    },
  }),
  route("GET /v1/work/:id/payload", {
    name: "loadPayload",
    summary: "The payload of a job that a worker holds, at the address that the pull answered; valid as long as the lease",
    description: "Only for payloads that are too large for the answer to a pull.",
    scope: "public",
    tenant: "none",
    query: signedQuery,
    answers: { 200: "application/json" },
    problems: [401, 503],
    handle: async ({ deps, params, query: { tenant, signature } }) => {
      const id = param({ params }, "id");
      const isOwn = tenant !== undefined && signature !== undefined && (await deps.ids.belongs(tenant, id));
      const text = isOwn ? await loadPayload(deps.work, { tenant, id }, signature) : null;
      if (text === null) throw publicUnauthorized();
      return { status: 200, text, headers: { "content-type": "application/json" } };
    },
  }),
  route("PUT /v1/work/:id/result", {
    name: "putResult",
    summary: "Upload the result of a job that a worker holds, to the address that it was given; valid as long as the lease",
    description: "JSON of up to 1 MB, for results that are too large for the settlement.",
    scope: "public",
    tenant: "none",
    query: signedQuery,
    body: { schema: v.unknown(), limit: maxUploadedResult, readByHandler: true },
    answers: { 200: uploadedShape },
    problems: [401, 409, 413, 422, 503],
    handle: async ({ deps, request, params, query: { tenant, signature } }) => {
      const id = param({ params }, "id");
      const isOwn = tenant !== undefined && signature !== undefined && (await deps.ids.belongs(tenant, id));
      const job = isOwn ? await jobOfUpload(deps.work, { tenant, id }, signature) : null;
      if (job === null) throw publicUnauthorized();
      const { body } = await readJson(request, { schema: v.unknown(), limit: maxUploadedResult });
      const uploaded = await uploadResult(deps.work, job, body);
      if (!uploaded.ok) throw problemOf(uploaded, id, deps.now());
      return { status: 200, body: { resultId: uploaded.resultId } };
    },
  }),
];
