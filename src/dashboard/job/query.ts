import type { JobDetail } from "../answers";
import type { Visit } from "../page";

/** Personal fields are revealed to the form of the page alone: a look at them is recorded, and no link leads to one. */
export function queryJob({ api, params, isSent, may }: Visit): Promise<JobDetail> {
  const reveal = isSent && may("admin") ? "1" : undefined;
  return api.get<JobDetail>(`/v1/jobs/${encodeURIComponent(params["id"] ?? "")}`, { reveal });
}
