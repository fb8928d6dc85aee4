import { withIso } from "../../time/iso";
import * as v from "valibot";
import { severities } from "../../domain/report/model";
import { count, isoTime, outputList } from "../../bounded";
import { route } from "../route";
import { actionShape } from "../shapes";

export const reportShape = v.object({
  ok: v.pipe(v.boolean(), v.description("False when a finding is worse than info")),
  findings: outputList(
    v.object({
      code: v.string(),
      severity: v.picklist(severities),
      sentence: v.string(),
      since: v.nullable(isoTime),
      count,
      subject: v.string(),
      type: v.optional(v.pipe(v.string(), v.description("Of the jobs of a failure group"))),
      tenant: v.pipe(v.string(), v.description("`*`: the installation, or all tenants")),
      actions: outputList(actionShape),
    }),
  ),
});

export const reportRoutes = [
  route("GET /v1/report", {
    name: "report",
    summary: "What needs a person: cause, since when, how many jobs, what to do; the root token without a tenant sees all",
    scope: "read",
    tenant: "any",
    answers: { 200: reportShape },
    handle: async ({ deps, tenant }) => {
      const findings = await deps.reports.findings(tenant);
      const ok = findings.every(({ severity }) => severity === "info");
      return { status: 200, body: { ok, findings: findings.map((finding) => withIso(finding, "since")) } };
    },
  }),
];
