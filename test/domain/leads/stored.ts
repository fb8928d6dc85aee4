import { env } from "cloudflare:workers";
import * as v from "valibot";
import { type Stored, storeSubmission } from "../../../src/domain/leads/store";
import { submissionSchema, type SubmissionInput } from "../../../src/domain/leads/model";

export const noon = Date.UTC(2026, 10, 21, 12);
export const hour = 3_600_000;
let serial = 0;

interface Given {
  tenant: string;
  id?: string;
  at?: number;
  project?: string;
  kind?: SubmissionInput["kind"];
  contact: SubmissionInput["contact"];
  more?: Partial<SubmissionInput>;
  reengageHours?: number;
}

export function store({
  tenant,
  id = `s${++serial}`,
  at = noon,
  project = "homes",
  kind = "lead",
  contact,
  more = {},
  reengageHours = 24,
}: Given): Promise<Stored> {
  const submission = v.parse(submissionSchema, { project, kind, contact, ...more });
  return storeSubmission(env.DB, { tenant, id, at, submission, reengageHours });
}
