import { Problem, problemOfRefusal } from "../../errors";
import type { Receipt } from "../../queue/request";
import { withLayout } from "../mail/content";
import type { Templates } from "../mail/model";
import type { CampaignDeps } from "./capability";
import type { Acknowledgement, CampaignInput, CampaignState } from "./model";
import { campaignOf, pagesUnderWay, reportOf, strandedCampaigns } from "./queries";
import type { ListFormat } from "./read-list";
import { acknowledgeFailures, createCampaign, endCampaign, forgetSlots, moveCampaign, setJob, setList, startCampaign } from "./store";
import { failureSeverity } from "./trouble";
import { type UploadedList, uploadList } from "./upload";
import { hourMs } from "../../time/day";

export type CampaignOperations = ReturnType<typeof createCampaignOperations>;

interface CampaignOperationsDeps extends Pick<CampaignDeps, "db" | "objects" | "resume" | "now"> {
  templates: Templates;
  zoneOf(tenant: string): Promise<string>;
  /** Enqueues the job that enqueues the pages; a repeat enqueues no second one. */
  enqueueRun(tenant: string, campaign: string): Promise<Receipt>;
}

export function createCampaignOperations(deps: CampaignOperationsDeps) {
  const { db, now } = deps;
  return {
    async create(tenant: string, input: CampaignInput): Promise<string> {
      const id = newId(now());
      await createCampaign({ db, tenant, id }, input, now());
      return id;
    },
    /** Replaces the recipients of a draft. Throws `not-found`, `conflict`, or the problem of the list. */
    upload: (tenant: string, id: string, chunks: AsyncIterable<Uint8Array>, format: ListFormat): Promise<UploadedList> =>
      upload(deps, tenant, id, chunks, format),
    /** Safe to repeat, as the next three. Throws `not-found` and `conflict`. */
    start: (tenant: string, id: string): Promise<CampaignState> => start(deps, tenant, id),
    pause: (tenant: string, id: string): Promise<CampaignState> => move(deps, tenant, id, { from: ["running"], to: "paused" }),
    async resume(tenant: string, id: string): Promise<CampaignState> {
      const state = await move(deps, tenant, id, { from: ["paused"], to: "running" }, () => forgetSlots({ db, tenant, id }, now()));
      await run(deps, tenant, id);
      await wakeAll(deps, tenant, id);
      return state;
    },
    async cancel(tenant: string, id: string): Promise<CampaignState> {
      const state = await move(deps, tenant, id, { from: ["draft", "running", "paused"], to: "cancelled" });
      await wakeAll(deps, tenant, id);
      return state;
    },
    /**
     * The report leaves its failed recipients out until twice as many as were seen have failed, or their share becomes critical. Without `seen` as many
     * are acknowledged as have failed by now. Throws
     * `not-found`, and `conflict` when none has.
     */
    acknowledge: (tenant: string, id: string, seen?: number): Promise<Acknowledgement> => acknowledge(deps, tenant, id, seen),
    /** For the tick, for all tenants: enqueues the job again of running campaigns whose job was cancelled, failed or never enqueued. Returns how many. */
    revive: (): Promise<number> => revive(deps),
  };
}

async function acknowledge({ db, now }: CampaignOperationsDeps, tenant: string, id: string, seen = Infinity): Promise<Acknowledgement> {
  const report = await reportOf({ db, tenant, id });
  if (!report) throw noCampaign();
  const acknowledged = { failed: Math.min(seen, report.failed + report.lost), at: now() };
  if (acknowledged.failed === 0) throw new Problem("conflict", "No recipient of the campaign has failed: there is nothing to acknowledge.");
  await acknowledgeFailures({ db, tenant, id }, acknowledged, failureSeverity(acknowledged.failed, report.sent));
  return acknowledged;
}

/** A failed job is tried again after this time. */
const failureRestMs = hourMs;
/** Campaigns of one tick. */
const maxRevived = 20;

async function revive(deps: CampaignOperationsDeps): Promise<number> {
  const { db, now } = deps;
  let revived = 0;
  for (const { tenant, id, state } of await strandedCampaigns(db, now() - failureRestMs, maxRevived)) {
    // The campaign's job ends when nothing is left to send.
    if (state === "done") await endCampaign({ db, tenant, id }, now()).run();
    else if (!(await enqueueCampaign(deps, tenant, id)).ok) continue;
    revived++;
  }
  return revived;
}

/** Ids are ordered by time, so the list needs no index. */
function newId(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  return `${now.toString(36).padStart(9, "0")}${Array.from(random, (byte) => (byte % 36).toString(36)).join("")}`;
}

async function upload(deps: CampaignOperationsDeps, tenant: string, id: string, chunks: AsyncIterable<Uint8Array>, format: ListFormat): Promise<UploadedList> {
  const { db, objects, now } = deps;
  await refuseUnlessDraft(deps, tenant, id);
  const name = objects.listName(tenant, id);
  const uploaded = await uploadList(objects.bucket, name, chunks, format);
  const set = await setList({ db, tenant, id }, { list: name, bytes: uploaded.bytes, total: uploaded.accepted }, now());
  const old = set === false ? name : set.former;
  if (old !== null) await objects.removeList(old);
  if (set === false) await refuseUnlessDraft(deps, tenant, id);
  return uploaded;
}

async function refuseUnlessDraft(deps: CampaignOperationsDeps, tenant: string, id: string): Promise<void> {
  const state = await stateOf(deps, tenant, id);
  if (state !== "draft") throw new Problem("conflict", `The campaign is ${state}: recipients can be set only for a draft.`);
}

async function stateOf({ db }: CampaignOperationsDeps, tenant: string, id: string): Promise<CampaignState> {
  const campaign = await campaignOf({ db, tenant, id });
  if (!campaign) throw noCampaign();
  return campaign.state;
}

export function noCampaign(): Problem {
  return new Problem("not-found", "There is no such campaign.");
}

/** Pins the newest version of the template for all mails of the campaign. */
async function start(deps: CampaignOperationsDeps, tenant: string, id: string): Promise<CampaignState> {
  const { db, templates, zoneOf, now } = deps;
  const campaign = await campaignOf({ db, tenant, id });
  if (!campaign) throw noCampaign();
  if (campaign.state === "draft") {
    if (campaign.total === 0) throw new Problem("conflict", `The campaign has no recipients: PUT /v1/campaigns/${id}/recipients comes first.`);
    const at = now();
    const template = await templates.at(tenant, campaign.templateId, at);
    if (!template) throw new Problem("conflict", `There is no template "${campaign.templateId}": PUT /v1/templates/${campaign.templateId} makes it.`);
    const whole = await withLayout(templates, tenant, template, at);
    if (!whole.ok) throw new Problem("conflict", `The template cannot be sent: ${whole.reason}.`);
    await startCampaign({ db, tenant, id }, { zone: await zoneOf(tenant), templateVersion: template.version }, at);
  }
  const state = await stateOf(deps, tenant, id);
  if (state !== "running") throw new Problem("conflict", `The campaign is ${state}: only a draft can be started.`);
  await run(deps, tenant, id);
  return state;
}

/** When the enqueue is refused, the campaign runs without a job until the tick, a repeated start or a resume enqueues it. */
async function run(deps: CampaignOperationsDeps, tenant: string, id: string): Promise<void> {
  const receipt = await enqueueCampaign(deps, tenant, id);
  if (!receipt.ok) throw problemOfRefusal({ ...receipt, errors: [] });
}

async function enqueueCampaign({ db, enqueueRun }: CampaignOperationsDeps, tenant: string, id: string): Promise<Receipt> {
  const receipt = await enqueueRun(tenant, id);
  if (receipt.ok) await setJob({ db, tenant, id }, receipt.id);
  return receipt;
}

/** A campaign in the target state already is left as it is: the caller may have lost the first answer. */
async function move(
  deps: CampaignOperationsDeps,
  tenant: string,
  id: string,
  { from, to }: { from: readonly CampaignState[]; to: CampaignState },
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<CampaignState> {
  const state = await stateOf(deps, tenant, id);
  if (state === to) return to;
  if (from.includes(state)) await before();
  if (await moveCampaign({ db: deps.db, tenant, id }, from, to, deps.now())) return to;
  const now = await stateOf(deps, tenant, id);
  if (now === to) return to;
  throw new Problem("conflict", `The campaign is ${now}: this needs a campaign that is ${from.join(" or ")}.`);
}

async function wakeAll({ db, resume }: CampaignOperationsDeps, tenant: string, id: string): Promise<void> {
  const [campaign, { jobs }] = await Promise.all([campaignOf({ db, tenant, id }), pagesUnderWay({ db, tenant, id })]);
  const all = [...(campaign?.job ? [campaign.job] : []), ...jobs];
  if (all.length > 0) await resume(tenant, all);
}
