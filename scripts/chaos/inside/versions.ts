import type { Job } from "../../../src/queue/job";

/** The release after: each payload's version is one higher, and it upgrades what the release before has enqueued. */
export function newer({ contract, ...job }: Job): Job {
  const { version, upgrade } = contract;
  const raised = (payload: unknown, from: number) => (from < version && upgrade ? upgrade(payload, from) : payload);
  return { ...job, contract: { ...contract, version: version + 1, upgrade: raised } };
}
