import type { JobDetail } from "../answers";
import type { Visit } from "../page";

export function queryJob({ api, params, url, may }: Visit): Promise<JobDetail> {
  const reveal = url.searchParams.get("reveal") === "1" && may("admin") ? "1" : undefined;
  return api.get<JobDetail>(`/v1/jobs/${encodeURIComponent(params["id"] ?? "")}`, { reveal });
}
