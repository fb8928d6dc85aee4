// A process of its own for the benchmarks: BullMQ adds and processes jobs that do nothing, or takes them behind a plain HTTP server.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Queue, Worker } from "bullmq6";

/** What the peer is asked for, and what it answers: milliseconds, a port, or nothing. */
export type Order =
  | { do: "at-once" | "processing"; count: number; concurrency: number }
  | { do: "serve"; port: number }
  /** One after the other, `count` of them; while `load` others are being worked off. Answers with the milliseconds from adding to starting. */
  | { do: "pick-up"; count: number; load: number };
export type Answer = { id: number; value: number | number[] } | { id: number; error: string };

const connection = { host: "127.0.0.1", port: Number(process.env["BULL_REDIS_PORT"]) };
const perAdd = 1000;

process.on("message", (order: Order & { id: number }) => {
  const { id } = order;
  follow(order).then(
    (value) => process.send?.({ id, value } satisfies Answer),
    (cause: unknown) => process.send?.({ id, error: String(cause) } satisfies Answer),
  );
});
process.once("disconnect", () => process.exit(0));

async function follow(order: Order): Promise<number | number[]> {
  if (order.do === "serve") return serve(order.port);
  if (order.do === "pick-up") return pickUps(order.count, order.load);
  const name = `bench-${randomUUID()}`;
  const queue = new Queue(name, { connection });
  const begun = order.do === "processing" ? await addThen(queue, order.count, () => performance.now()) : performance.now();
  const { worker, all } = consume(name, order.count, order.concurrency);
  if (order.do === "at-once") await addAll(queue, order.count);
  await all;
  const took = performance.now() - begun;
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  return took;
}

async function addThen<T>(queue: Queue, count: number, then: () => T): Promise<T> {
  await addAll(queue, count);
  return then();
}

async function addAll(queue: Queue, count: number): Promise<void> {
  for (let from = 0; from < count; from += perAdd) {
    const size = Math.min(perAdd, count - from);
    await queue.addBulk(Array.from({ length: size }, (_, n) => ({ name: "noop", data: { n: from + n }, opts: { removeOnComplete: true } })));
  }
}

function consume(name: string, count: number, concurrency: number): { worker: Worker; all: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  const worker = new Worker(name, async () => null, { connection, concurrency });
  worker.on("completed", () => --left === 0 && resolve());
  return { worker, all: promise };
}

async function pickUps(count: number, load: number): Promise<number[]> {
  const name = `bench-${randomUUID()}`;
  const queue = new Queue(name, { connection });
  const started = new Map<number, (at: number) => void>();
  const worker = new Worker(name, async ({ data }) => void started.get((data as { mark?: number }).mark ?? -1)?.(performance.now()), {
    connection,
    concurrency: 100,
  });
  await worker.waitUntilReady();
  const adding = load > 0 ? addAll(queue, load) : Promise.resolve();
  const times: number[] = [];
  for (let mark = 0; mark < count; mark++) {
    const { promise, resolve } = Promise.withResolvers<number>();
    started.set(mark, resolve);
    const begun = performance.now();
    await queue.add("noop", { mark }, { removeOnComplete: true });
    times.push((await promise) - begun);
  }
  await adding;
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  return times;
}

/** Adds the posted jobs and answers when Redis has them. No worker processes them. */
async function serve(port: number): Promise<number> {
  const queue = new Queue(`bench-${randomUUID()}`, { connection });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const data: unknown = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
      queue.add("noop", data).then(
        ({ id }) => response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ id })),
        (cause: unknown) => response.writeHead(500).end(String(cause)),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return port;
}
