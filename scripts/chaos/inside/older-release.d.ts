/** What the config's alias names: present.ts, or the bundled Worker of an earlier commit (`scripts/chaos/older.ts`). */
declare module "older-release" {
  export const app: typeof import("../../../src/app").app;
  export const jobs: typeof import("../../../src/jobs").jobs;
  export const leavesPacks: boolean;
  const worker: typeof import("../../../src/index").default;
  export default worker;
}
