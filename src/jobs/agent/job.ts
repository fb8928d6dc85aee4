import * as v from "valibot";
import { agentGate } from "../../domain/agents/capability";
import type { Agent } from "../../domain/agents/define";
import { agents } from "../../domain/agents/list";
import { entitiesField } from "../../domain/events/entity";
import { defineJob } from "../../queue/job";
import { daySeconds } from "../../time/day";

export interface AgentPayload {
  agentType: string;
  /** The model runs; acts that change something are recorded and not performed. */
  dryRun: boolean;
  input: unknown;
  about?: string[] | undefined;
}

type AgentInput = Partial<AgentPayload> & { agentType: string };

/** The contract of the job that runs these agents. */
export function agentJob(all: readonly Agent[]) {
  const payloads = all.map(({ type, input }) =>
    v.strictObject({
      agentType: v.literal(type),
      dryRun: v.optional(v.boolean("must be true or false"), false),
      input: v.optional(input, {}),
      about: entitiesField,
    }),
  );
  const results = all.map(({ type, output }) =>
    v.object({
      agentType: v.literal(type),
      dryRun: v.boolean(),
      output: v.nullable(output),
      note: v.optional(v.string()),
      usd: v.number(),
    }),
  );
  return defineJob({
    type: "agent",
    payload: v.variant("agentType", payloads, `must be ${all.map(({ type }) => type).join(", ")}`) as unknown as v.GenericSchema<AgentInput, AgentPayload>,
    result: v.union(results),
    queue: "ai-agent-tasks",
    needs: ["models", "agents"],
    gates: ({ agentType }) => [agentGate(agentType), "models"],
    entities: ({ about: keys }) => keys ?? [],
    // A step may take as long as its model. Proposals wait for days.
    policy: { maxAttempts: 6, backoff: { base: 10, cap: 1800 }, timeout: 700, maxAge: 60 * daySeconds, concurrency: 1 },
  });
}

export const agent = agentJob(agents);
