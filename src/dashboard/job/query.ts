import type { JobDetail } from "../answers";
import type { Visit } from "../page";

export interface JobModel {
  job: JobDetail;
  /** Its group, when it has failed for good. */
  group: string | null;
}

interface Letters {
  deadLetters: { id: string; group: string }[];
}

export async function queryJob({ api, params, url, may }: Visit): Promise<JobModel> {
  const id = params["id"] ?? "";
  const reveal = url.searchParams.get("reveal") === "1" && may("admin") ? "1" : undefined;
  const job = await api.get<JobDetail>(`/v1/jobs/${encodeURIComponent(id)}`, { reveal });
  const isDead = job.state === "dead" || job.state === "discarded";
  const letters = isDead && job.type !== null ? await api.get<Letters>("/v1/dead-letters", { type: job.type, state: job.state, limit: "200" }) : undefined;
  return { job, group: letters?.deadLetters.find((letter) => letter.id === id)?.group ?? null };
}
