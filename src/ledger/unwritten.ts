import type { UnwrittenJob, UnwrittenJobs } from "../queue/engine";

/** Not a valid tenant name, so no tenant's keys begin with it. */
const prefix = "_unwritten/";
const maxAtOnce = 50;

/** Keeps jobs in R2, one object for each request, ordered by time. */
export function createUnwritten(bucket: R2Bucket, now: () => number): UnwrittenJobs {
  return {
    async keep(jobs) {
      await bucket.put(`${prefix}${String(now()).padStart(15, "0")}-${crypto.randomUUID()}`, JSON.stringify(jobs));
    },
    async oldest() {
      const { objects } = await bucket.list({ prefix, limit: maxAtOnce });
      const read = async (name: string) => {
        const object = await bucket.get(name);
        return object === null ? [] : [{ name, jobs: await object.json<UnwrittenJob[]>() }];
      };
      return (await Promise.all(objects.map(({ key }) => read(key)))).flat();
    },
    remove: (names) => bucket.delete([...names]),
  };
}
