import { iso } from "../../time/iso";
import * as v from "valibot";
import { withCommas } from "../../decimal";
import { Problem } from "../../errors";
import { campaignInput, campaignStates } from "../../domain/campaigns/model";
import { noCampaign } from "../../domain/campaigns/operate";
import { campaignOf, type CampaignReport, leftRecipients, listCampaigns, lossesOf, maxLeftExamined, reportOf } from "../../domain/campaigns/queries";
import type { ListFormat } from "../../domain/campaigns/read-list";
import { count, isoTime, outputList } from "../../bounded";
import { states } from "../../queue/state";
import { masked } from "../../masking/personal";
import { audit, isRevealed } from "../audit";
import { chunksOf, smallBody } from "../body";
import type { CampaignIntake, IntakeDeps } from "../deps";
import { cursorText, paging, revealQuery } from "../query";
import { listedRows } from "../refusals";
import { param, route } from "../route";

/** Bytes of a list: a million rows of 500. */
const maxListBytes = 512 * 1024 * 1024;
const formats: Readonly<Record<string, ListFormat>> = { "text/csv": "csv", "application/x-ndjson": "ndjson" };

const state = v.picklist(campaignStates);
const stateShape = v.object({ id: v.string(), state });
const window = v.object({ from: v.string(), to: v.string(), days: v.optional(outputList(v.string())) });
const acknowledgement = v.object({ failed: count, at: isoTime });
const acknowledged = v.strictObject({
  failed: v.optional(v.pipe(count, v.description("Failed recipients that the operator has seen. Default: all that have failed by now"))),
});
export const campaignShape = v.object({
  id: v.string(),
  name: v.string(),
  templateId: v.string(),
  templateVersion: v.pipe(v.nullable(count), v.description("Pinned when the campaign is started")),
  ratePerMinute: v.nullable(count),
  window: v.nullable(window),
  state,
  total: v.pipe(count, v.description("Rows of the list that were accepted")),
  queued: v.pipe(count, v.description("Not dealt with yet")),
  sent: count,
  failed: count,
  suppressed: count,
  duplicates: v.pipe(count, v.description("Rows whose mailbox is that of an earlier row")),
  cancelled: v.pipe(count, v.description("Rows that get nothing because the campaign was cancelled")),
  bounced: count,
  complained: count,
  unsubscribed: count,
  waitingFor: v.optional(v.pipe(v.string(), v.description("Why some of it waits"))),
  createdAt: isoTime,
  startedAt: v.nullable(isoTime),
  endedAt: v.nullable(isoTime),
  acknowledged: v.pipe(v.nullable(acknowledgement), v.description("Failed recipients that an operator has acknowledged; GET /v1/report has them no more")),
});

export const campaignDetailShape = v.object({
  ...campaignShape.entries,
  reasons: v.pipe(
    outputList(v.object({ state: v.picklist(["failed", "suppressed"]), reason: v.string(), count })),
    v.description(`Why recipients got no mail, most first, of the first ${withCommas(maxLeftExamined)} of them`),
  ),
  pages: v.pipe(
    outputList(v.object({ page: count, recipients: count, jobId: v.string(), state: v.nullable(v.picklist(states)), reason: v.nullable(v.string()) })),
    v.description("Pages that wait, are tried again or failed, at most 50; the state is null when the job is no longer kept"),
  ),
});

const leftShape = v.object({
  line: count,
  state: v.picklist(["failed", "suppressed"]),
  reason: v.string(),
  providerMessage: v.optional(v.pipe(v.string(), v.description("What the provider wrote; ••• unless an admin asks with reveal=1, since it may name persons"))),
});

export const leftListShape = v.object({ recipients: outputList(leftShape), cursor: v.nullable(v.string()) });

export const campaignRoutes = [
  route("POST /v1/campaigns", {
    name: "createCampaign",
    summary: "Create a campaign: a template for a list of recipients, which is uploaded next",
    scope: "enqueue",
    body: { schema: campaignInput, limit: smallBody },
    answers: { 201: v.object({ id: v.string() }) },
    handle: async ({ deps, tenant, body }) => {
      const id = await deps.campaigns.create(tenant, body);
      return { status: 201, body: { id }, headers: { location: `/v1/campaigns/${id}` } };
    },
  }),
  route("GET /v1/campaigns", {
    name: "listCampaigns",
    summary: "Campaigns with their counts, newest first",
    scope: "read",
    query: v.strictObject({ cursor: cursorText(/^[a-z0-9]{1,40}$/), ...paging }),
    answers: { 200: v.object({ campaigns: outputList(campaignShape), cursor: v.nullable(v.string()) }) },
    handle: async ({ deps, tenant, query }) => {
      const page = await listCampaigns({ db: deps.db, tenant }, query);
      return { status: 200, body: { campaigns: await Promise.all(page.campaigns.map((each) => campaignBody(deps, tenant, each))), cursor: page.cursor } };
    },
  }),
  route("GET /v1/campaigns/:id", {
    name: "getCampaign",
    summary: "A campaign with its counts, why recipients got no mail, and its pages that stand still or failed",
    scope: "read",
    answers: { 200: campaignDetailShape },
    handle: async ({ deps, tenant, params }) => {
      const scope = { db: deps.db, tenant, id: idIn(params) };
      const [report, losses] = await Promise.all([reportOf(scope), lossesOf(scope)]);
      if (!report) throw noCampaign();
      const pages = losses.pages.map(({ count: recipients, job: jobId, ...page }) => ({ ...page, recipients, jobId }));
      return { status: 200, body: { ...(await campaignBody(deps, tenant, report)), reasons: losses.reasons, pages } };
    },
  }),
  route("PUT /v1/campaigns/:id/recipients", {
    name: "putRecipients",
    summary: "Replace the recipients of a campaign that is not started: up to 1,000,000 rows, streamed; rejected rows are reported by their line",
    description: "The list is CSV or NDJSON.",
    scope: "enqueue",
    changesOnly: true,
    body: {
      schema: v.pipe(v.string(), v.description("CSV whose first line names the columns, or one JSON object a line")),
      limit: maxListBytes,
      readByHandler: true,
      media: Object.keys(formats),
    },
    answers: {
      200: v.object({
        accepted: count,
        rejected: outputList(v.object({ line: count, error: v.string() })),
        unlisted: v.optional(v.pipe(count, v.description("Rejected rows beyond what one answer lists"))),
      }),
    },
    problems: [409],
    handle: async ({ deps, tenant, params, request }) => {
      const format = formatOf(request);
      let length = 0;
      const counted = (async function* () {
        for await (const chunk of chunksOf(request, maxListBytes)) {
          length += chunk.byteLength;
          yield chunk;
        }
      })();
      const { accepted, rejected, rejectedCount } = await deps.campaigns.upload(tenant, idIn(params), counted, format);
      return { status: 200, body: { accepted, ...listedRows(rejected, rejectedCount, length) } };
    },
  }),
  route("GET /v1/campaigns/:id/recipients", {
    name: "listLeftRecipients",
    summary: "Recipients that got no mail, by their line of the list, and why",
    scope: "read",
    query: v.strictObject({ cursor: cursorText(/^\d{1,10}$/), ...paging, ...revealQuery.entries }),
    answers: {
      200: leftListShape,
    },
    handle: async ({ deps, tenant, caller, params, query }) => {
      const id = idIn(params);
      if (!(await campaignOf({ db: deps.db, tenant, id }))) throw noCampaign();
      const revealed = await isRevealed({ deps, tenant, caller, query }, id);
      const { cursor: after = "0", limit } = query;
      const left = await leftRecipients({ db: deps.db, tenant, id }, { after: Number(after), limit });
      const recipients = left.map(({ providerMessage: words, ...shown }) => ({
        ...shown,
        ...(words === null ? {} : { providerMessage: revealed ? words : masked }),
      }));
      return { status: 200, body: { recipients, cursor: recipients.length === limit ? String(left.at(-1)?.line) : null } };
    },
  }),
  act("start", "enqueue", "Send the campaign to its recipients, with the newest version of its template", (campaigns, tenant, id) =>
    campaigns.start(tenant, id),
  ),
  act("pause", "operate", "Pause a campaign: nothing more is sent until it is resumed", (campaigns, tenant, id) => campaigns.pause(tenant, id)),
  act("resume", "operate", "Continue a paused campaign", (campaigns, tenant, id) => campaigns.resume(tenant, id)),
  act("cancel", "operate", "Cancel a campaign: recipients without a mail get none", (campaigns, tenant, id) => campaigns.cancel(tenant, id)),
  route("POST /v1/campaigns/:id/acknowledge", {
    name: "acknowledgeCampaign",
    summary: "Acknowledge that recipients failed: the report leaves the campaign out until twice as many have failed, or their share becomes critical (10 %)",
    scope: "operate",
    body: { schema: acknowledged, limit: smallBody, optional: true },
    answers: { 200: v.object({ id: v.string(), acknowledged: acknowledgement }) },
    problems: [409],
    handle: async ({ deps, tenant, params, body, caller }) => {
      const id = idIn(params);
      const { failed, at } = await deps.campaigns.acknowledge(tenant, id, body?.failed);
      await audit({ deps, tenant, caller }, "acknowledge", `campaigns/${id}`);
      return { status: 200, body: { id, acknowledged: { failed, at: iso(at) } } };
    },
  }),
];

function act(
  verb: "start" | "pause" | "resume" | "cancel",
  scope: "enqueue" | "operate",
  summary: string,
  move: (campaigns: CampaignIntake, tenant: string, id: string) => ReturnType<CampaignIntake["start"]>,
) {
  return route(`POST /v1/campaigns/:id/${verb}`, {
    name: `${verb}Campaign`,
    summary,
    scope,
    answers: { 200: stateShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const id = idIn(params);
      return { status: 200, body: { id, state: await move(deps.campaigns, tenant, id) } };
    },
  });
}

function idIn(params: Readonly<Record<string, string>>): string {
  return param({ params }, "id");
}

function formatOf({ headers }: Request): ListFormat {
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (!["", "identity"].includes(encoding)) throw new Problem("unsupported-media-type", "Send the list as it is, without a Content-Encoding.");
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  const format = Object.hasOwn(formats, type.trim()) ? formats[type.trim()] : undefined;
  if (!format) throw new Problem("unsupported-media-type", `Send ${Object.keys(formats).join(" or ")}.`);
  const charset = parameters.map((each) => each.trim()).find((each) => each.startsWith("charset="));
  if (charset && !/^charset="?utf-?8"?$/.test(charset)) throw new Problem("unsupported-media-type", "Send the list as UTF-8.");
  return format;
}

async function campaignBody(deps: Pick<IntakeDeps, "campaigns">, tenant: string, report: CampaignReport) {
  const { id, name, templateId, templateVersion, ratePerMinute, window: times, state: now, total, sent, suppressed, duplicates, lost } = report;
  const events = report.events ?? (report.started === null ? {} : await deps.campaigns.events(tenant, id));
  const failed = report.failed + lost;
  const left = Math.max(0, total - sent - failed - suppressed - duplicates);
  return {
    ...{ id, name, templateId, templateVersion, ratePerMinute, window: times, state: now, total },
    queued: now === "cancelled" || now === "done" ? 0 : left,
    ...{ sent, failed, suppressed, duplicates, cancelled: now === "cancelled" ? left : 0 },
    ...{ bounced: events["bounced"] ?? 0, complained: events["complained"] ?? 0, unsubscribed: events["unsubscribed"] ?? 0 },
    ...(report.waitingFor === null ? {} : { waitingFor: report.waitingFor }),
    ...{
      createdAt: iso(report.created),
      startedAt: report.started === null ? null : iso(report.started),
      endedAt: report.ended === null ? null : iso(report.ended),
      acknowledged: report.acknowledged && { failed: report.acknowledged.failed, at: iso(report.acknowledged.at) },
    },
  };
}
