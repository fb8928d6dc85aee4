// A worker as a tenant runs one, with the client package. Handlers do what the payload lists; each effect is one request to the story's own server.
const { createWorker, retry } = await import(process.env.CLIENT);
const outside = process.env.OUTSIDE;

const act = async (id, key) => {
  const response = await fetch(`${outside}/effects/${id}`, { method: "POST", headers: { "idempotency-key": key } });
  if (!response.ok) throw new Error(`outside answered ${response.status}`);
  return { answered: response.status };
};

const worker = createWorker({
  url: process.env.JOBYARD_URL,
  token: process.env.JOBYARD_TOKEN,
  worker: process.env.WORKER,
  leaseSeconds: process.env.LEASE === undefined ? undefined : Number(process.env.LEASE),
  concurrency: Number(process.env.CONCURRENCY ?? 10),
  waitSeconds: 5,
  graceSeconds: Number(process.env.GRACE ?? 20),
  onError: (error) => console.error(`error: ${error?.message ?? error}`),
  handlers: {
    "remote-demo": async (payload, job) => {
      console.log(`began ${job.id} ${job.attempt}`);
      if (payload.fail >= job.attempt) return retry("as asked", { afterSeconds: 1 });
      if (payload.ms) await new Promise((resolve) => setTimeout(resolve, payload.ms));
      if (payload.hold) await fetch(`${outside}/hold`, { signal: job.signal });
      const sent = await job.effect("send", (key) => act(job.id, key), { idempotentForSeconds: payload.idempotentForSeconds ?? 86400 });
      if (payload.children) await job.enqueue([{ type: "remote-demo", payload: { child: true }, idempotencyKey: "child" }]);
      console.log(`did ${job.id}`);
      return { sent, by: worker.name, ...(payload.size ? { text: "x".repeat(payload.size) } : {}) };
    },
  },
});
console.log("up");
await worker.run();
console.log("down");
