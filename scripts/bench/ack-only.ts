// Used by npm run bench, as a Worker: takes messages and acknowledges them. What the queue itself costs.
interface Env {
  QUEUE: { sendBatch(messages: { body: unknown }[]): Promise<unknown> };
}

const perSend = 100;
let taken = 0;
let held = false;

export default {
  async fetch(request: Request, { QUEUE }: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/hold") held = true;
    if (pathname === "/go") held = false;
    const count = pathname === "/send" ? Number(searchParams.get("count")) : 0;
    for (let from = 0; from < count; from += perSend) {
      await QUEUE.sendBatch(Array.from({ length: Math.min(perSend, count - from) }, (_, n) => ({ body: { ...envelope, n: from + n } })));
    }
    return Response.json({ taken });
  },
  async queue({ messages }: { messages: readonly unknown[] }): Promise<void> {
    // oxlint-disable-next-line no-unmodified-loop-condition
    while (held) await new Promise((resolve) => setTimeout(resolve, 10));
    taken += messages.length;
  },
};

/** As long as a job's message. */
const envelope = {
  ...{ v: 1, id: "0".repeat(34), seq: 0, type: "noop", version: 1, tenant: "bench", queue: "events", at: 1_790_000_000_000 },
  payload: '{"n":12345}',
};
