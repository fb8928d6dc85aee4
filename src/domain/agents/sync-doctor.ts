import * as v from "valibot";
import { boundedList, boundedName, boundedText } from "../../bounded";
import { ok } from "../../queue/effect";
import { defineAgent, defineTool } from "./define";
import { daySeconds } from "../../time/day";

/** Jobs that one run may retry. */
const maxJobs = 50;

const jobId = boundedText(64, { pattern: /^[0-9a-z]{1,64}$/, rule: "must be a job's id" });
const key = (id: string) => `job:${id}`;
const keys = ({ jobIds }: { jobIds: readonly string[] }) => jobIds.map(key);

const retrySyncs = defineTool({
  name: "retry_jobs",
  description: "Runs failed jobs again, once a person has agreed.",
  input: v.strictObject({ jobIds: boundedList(jobId, maxJobs, { min: 1 }) }),
  reads: "trusted",
  writes: "outside",
  approval: true,
  idempotentFor: 7 * daySeconds,
  ids: keys,
  act: async ({ jobIds }, { world }) => {
    const retried = await world.retrySyncs(jobIds);
    return retried.ok ? ok({ output: { retried: retried.value } }) : retried;
  },
});

/** Explains why syncs fail and proposes a remedy, which runs once a person approves it. */
export const syncDoctor = defineAgent({
  type: "sync-doctor",
  description: "Explains why syncs of a shop fail and proposes which jobs to run again; a person approves it.",
  instructions:
    "You help the operator of an online shop's synchronisation. You get sites that are paused or failed, jobs of synchronisation that ended or are held back, " +
    "and how often each reason occurs. Say in one sentence what the cause is, in two or three sentences how you know and what a person has to do, and propose an action: " +
    "`retry` with the ids of jobs whose state is dead or discarded, when the cause is over or was a passing one; `none` when running them again would fail again, " +
    "for instance because a key or a permission has to be set first.",
  isPersonal: false,
  input: v.strictObject({ siteId: v.optional(boundedName("must be a site")) }),
  async prepare({ siteId }, { world }) {
    const troubles = await world.syncTroubles(siteId);
    const isEmpty = troubles.jobs.length === 0 && troubles.sites.length === 0;
    return ok({ data: troubles, ids: troubles.jobs.map(({ id }) => key(id)), reads: "untrusted", isEmpty });
  },
  output: v.strictObject({
    cause: boundedText(300, { min: 1 }),
    explanation: boundedText(1500, { min: 1 }),
    action: v.picklist(["retry", "none"], "must be retry or none"),
    jobIds: boundedList(jobId, maxJobs),
  }),
  conclusion: { tool: retrySyncs, inputFrom: ({ action, jobIds }) => (action === "retry" && jobIds.length > 0 ? { jobIds } : undefined) },
  limits: { maxSteps: 3 },
});
