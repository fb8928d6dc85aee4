import Bull from "bull";
import * as bullmq5 from "bullmq5";
import * as bullmq6 from "bullmq6";

/** What a test does with a queue, the same for each of the three libraries. */
export interface BullQueue {
  add(data: unknown, options?: AddOptions): Promise<string>;
  pause(): Promise<unknown>;
  resume(): Promise<unknown>;
  /** `pattern` or `every`. */
  schedule(id: string, repeat: { pattern?: string; every?: number; tz?: string }, data: unknown): Promise<unknown>;
  /** A worker, in this process. */
  work(run: (job: { id: string; name: string; data: unknown }) => Promise<void>, concurrency?: number): Promise<void>;
  close(): Promise<void>;
}

export interface AddOptions {
  name?: string;
  delay?: number;
  priority?: number;
  jobId?: string;
  attempts?: number;
  dedup?: string;
}

export interface Library {
  title: string;
  hasFlows: boolean;
  open(port: number, name: string, prefix?: string): BullQueue;
}

const quickly = 1000;
/** A process that the machine holds up for seconds must not lose its locks: its jobs would run a second time. Milliseconds. */
const lockDuration = 120_000;

const bull4: Library = {
  title: "Bull 4",
  hasFlows: false,
  open(port, name, prefix = "bull") {
    const queue = new Bull(name, {
      redis: { port, host: "127.0.0.1" },
      prefix,
      settings: { guardInterval: quickly, stalledInterval: quickly, lockDuration },
    });
    queue.on("error", () => undefined);
    return {
      async add(data, { name: jobName = "welcome", ...options } = {}) {
        return String((await queue.add(jobName, data, options)).id);
      },
      pause: () => queue.pause(),
      resume: () => queue.resume(),
      schedule: (id, { pattern, ...repeat }, data) =>
        queue.add("report", data, { jobId: id, repeat: pattern ? { cron: pattern, ...(repeat.tz ? { tz: repeat.tz } : {}) } : { every: repeat.every! } }),
      async work(run, concurrency = 20) {
        void queue.process("*", concurrency, async (job) => run({ id: String(job.id), name: job.name, data: job.data as unknown }));
        await queue.isReady();
      },
      close: () => queue.close(true),
    };
  },
};

/** Both majors are driven alike; the types of 5 stand for both. */
function bullmq(title: string, library: typeof bullmq5): Library {
  return {
    title,
    hasFlows: true,
    open(port, name, prefix = "bull") {
      const options = { connection: { port, host: "127.0.0.1" }, prefix };
      const queue = new library.Queue(name, options);
      queue.on("error", () => undefined);
      const workers: bullmq5.Worker[] = [];
      return {
        async add(data, { name: jobName = "welcome", dedup, ...rest } = {}) {
          return String((await queue.add(jobName, data, { ...rest, ...(dedup ? { deduplication: { id: dedup } } : {}) })).id);
        },
        pause: () => queue.pause(),
        resume: () => queue.resume(),
        schedule: (id, repeat, data) => queue.upsertJobScheduler(id, repeat as bullmq5.RepeatOptions, { name: "report", data }),
        async work(run, concurrency = 20) {
          const worker = new library.Worker(name, async (job) => run({ id: String(job.id), name: job.name, data: job.data as unknown }), {
            ...options,
            concurrency,
            lockDuration,
            stalledInterval: quickly,
          });
          worker.on("error", () => undefined);
          workers.push(worker);
          await worker.waitUntilReady();
        },
        async close() {
          await Promise.all(workers.map((worker) => worker.close(true)));
          await queue.close();
        },
      };
    },
  };
}

export const libraries: readonly Library[] = [bull4, bullmq("BullMQ 5", bullmq5), bullmq("BullMQ 6", bullmq6 as unknown as typeof bullmq5)];

/** A flow of a parent and two children, in BullMQ. */
export async function addFlow(library: Library, port: number, queueName: string): Promise<void> {
  const { FlowProducer } = library.title === "BullMQ 5" ? bullmq5 : (bullmq6 as unknown as typeof bullmq5);
  const flows = new FlowProducer({ connection: { port, host: "127.0.0.1" } });
  const child = (name: string) => ({ name, queueName, data: { orgId: "acme", to: `${name}@example.com` } });
  await flows.add({ name: "parent", queueName, data: { orgId: "acme", to: "parent@example.com" }, children: [child("child-1"), child("child-2")] });
  await flows.close();
}
