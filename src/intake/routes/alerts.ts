import * as v from "valibot";
import { type Alert, installation } from "../../domain/alerts/model";
import { listAlerts } from "../../domain/alerts/queries";
import { outputList } from "../../queue/bounded";
import { paging } from "../query";
import { route } from "../route";
import { count, isoTime, listShape } from "../shapes";
import { iso, isoOrNull } from "../views";

const alertShape = v.object({
  cause: v.pipe(v.string(), v.description("dead-letters/{group}, tick/{step}, no-worker/{type} or offers-void/{worker}")),
  state: v.picklist(["open", "recovered"]),
  subject: v.pipe(v.string(), v.description("The type of job, or the step")),
  reason: v.pipe(v.string(), v.description("Of the newest failure")),
  count: v.pipe(count, v.description("Failures since it opened")),
  since: isoTime,
  lastAt: isoTime,
  toldAt: v.pipe(v.nullable(isoTime), v.description("When it was last sent")),
  via: v.pipe(outputList(v.string()), v.description("Channels that took it: slack, email, webhook; none where none is set up")),
  recoveredAt: v.nullable(isoTime),
});

export const alertRoutes = [
  route("GET /v1/alerts", {
    name: "listAlerts",
    summary: "What went wrong and was sent to Slack, mail or a webhook, the newest failure first; the root token without a tenant sees the installation's",
    description: "New groups of dead letters, and failing steps of the tick.",
    scope: "read",
    tenant: "any",
    query: v.strictObject(paging),
    answers: { 200: listShape("alerts", alertShape) },
    handle: async ({ deps, tenant, query }) => {
      const alerts = await listAlerts(deps.db, tenant ?? installation, query.limit);
      return { status: 200, body: { alerts: alerts.map(shown) } };
    },
  }),
];

function shown(alert: Alert) {
  const { cause, state, subject, reason, count, since, lastAt, toldAt, via, recoveredAt } = alert;
  const times = { since: iso(since), lastAt: iso(lastAt), toldAt: isoOrNull(toldAt), recoveredAt: isoOrNull(recoveredAt) };
  return { cause, state, subject, reason, count, via, ...times };
}
