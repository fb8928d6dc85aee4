import type { UnwrittenJob, UnwrittenJobs } from "../queue/engine";

/** No tenant has such a name. */
const prefix = "_unwritten/";
const maxAtOnce = 50;

/** In R2, an object for each request, in the order of time. */
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
