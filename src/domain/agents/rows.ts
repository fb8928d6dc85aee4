import type { Placed, Proposal, AgentStep } from "./model";

/** A row of `agent_steps`. */
export interface StepRow extends Placed {
  kind: AgentStep["kind"];
  body: string | null;
  ref: string | null;
}

export const stepColumns = "revision, step, place, kind, body, ref, tokens, micros, at";

/** A row of `agent_proposals`. */
export interface ProposalRow extends Pick<Proposal, "revision" | "step" | "place" | "agent" | "tool" | "state" | "reason"> {
  body: string;
  edited: number;
  asked_at: number;
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
}

export const proposalColumns = "revision, step, place, agent, tool, body, state, edited, asked_at, expires_at, decided_at, decided_by, reason";

/** Storage of texts that are too large for a row. Throws when it cannot be reached. */
export interface Texts {
  put(tenant: string, job: string, text: string): Promise<string>;
  get(ref: string): Promise<string | null>;
  remove(refs: readonly string[]): Promise<void>;
  /** Removes all texts of a job. */
  removeAll(tenant: string, job: string): Promise<void>;
}

/** The step with its body, which is read from R2 where it is stored there. */
export async function stepFrom({ ref, body, ...row }: StepRow, texts: Pick<Texts, "get">): Promise<AgentStep> {
  const text = ref === null ? body : await texts.get(ref);
  if (text === null) throw new Error("a record of the run is gone from R2");
  return { ...row, body: JSON.parse(text) as never };
}

export function proposalFrom(row: ProposalRow): Proposal {
  const { revision, step, place, agent, tool, state, reason } = row;
  return {
    ...{ revision, step, place, agent, tool, state, reason },
    body: JSON.parse(row.body),
    edited: row.edited === 1,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
  };
}
