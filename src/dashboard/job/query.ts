import type { JobDetail } from "../answers";
import type { Visit } from "../page";

/** Personal fields are revealed only to a form of this page, because each reveal is audited and a link must not cause one. */
export function queryJob({ api, params, isSent, may }: Visit): Promise<JobDetail> {
  const reveal = isSent && may("admin") ? "1" : undefined;
  return api.get<JobDetail>(`/v1/jobs/${encodeURIComponent(params["id"] ?? "")}`, { reveal });
}
