import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { type AccountQueue, ownerOf } from "./account.ts";
import { allPages, ApiRefusal, ifThere } from "./api.ts";
import { extraConsumers } from "./compare/queues.ts";
import { extraCrons } from "./compare/worker.ts";
import { makeBuckets, makeDatabase, makeNamespaces, makeQueues, type Making } from "./create.ts";
import { blockersIn, differs } from "./finding.ts";
import { hostsIn, withIds, write } from "./generate.ts";
import { stage } from "./migrations.ts";
import type { Options } from "./options.ts";
import { tryPayloads } from "./payloads.ts";
import { explained } from "./permissions.ts";
import { planFrom } from "./plan.ts";
import { loadProduct, type Product } from "./product.ts";
import type { Output, Report, Step } from "./report.ts";
import { look, Misused, nodeFinding, openSession, type Place, type Session, type View } from "./session.ts";
import { registryFindings } from "../doctor/registry.ts";
import { makeRule, makeSubscription, zoneOf } from "./wire.ts";
import { createWrangler } from "./wrangler.ts";

/**
 * Plan → D1 → migrations → KV, R2, queues → upload with secrets → R2 rule and mail subscription → doctor. Each step makes only what is
 * missing, so that a run which failed is simply repeated. `report` is filled as it goes. @returns Whether all agrees at the end.
 */
export async function deploy(place: Place, options: Options, report: Report, output: Output): Promise<boolean> {
  report.findings = nodeFinding(process.versions.node);
  if (differs(report.findings)) return false;
  const session = await openSession(place, options);
  const view = await look(session);
  const product = await loadProduct(place);
  report.findings = [...registryFindings(product, view.wanted), ...view.findings];
  await addTrial(session, view, product, report);
  if (options.plan) return planned(session, view, report, output);
  if (stopped(report, options)) return false;
  refuseIncomplete(session, view);
  const zoneId = await zoneFor(session);
  report.findings = [];
  const done = (step: Step) => (report.steps.push(step), output.step(step));
  const at = async <T>(step: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (thrown) {
      done({ name: step, state: "failed" });
      throw thrown;
    }
  };
  await carryOut({ session, view, report, output, zoneId, done, at });
  return at("doctor", () => checked(session, product, report, output));
}

function planned({ options, given }: Session, view: View, report: Report, output: Output): boolean {
  // What is given comes with the upload, which is a step.
  if (!view.account.worker) report.findings = report.findings.filter(({ id, subject }) => id !== "secret-missing" || given.secrets[subject] === undefined);
  report.steps = planFrom({ ...view, findings: report.findings, emailDomain: options.emailDomain });
  for (const step of report.steps) output.step(step);
  return !differs(report.findings) && report.steps.every(({ state }) => state === "same");
}

/** What a deploy cannot mend, or would break. */
function stopped(report: Report, { acceptBroken }: Options): boolean {
  const breaking = acceptBroken ? [] : report.findings.filter(({ id, severity }) => id === "payload-breaks" && severity === "error");
  const blockers = [...blockersIn(report.findings), ...breaking];
  if (blockers.length === 0) return false;
  report.findings = blockers;
  report.error = "Nothing was changed.";
  if (breaking.length > 0) report.notes.push("Give the contract an upgrade, or let the jobs end first; --accept-broken-payloads deploys all the same.");
  return true;
}

/** Whether stored payloads still fit. Only a Worker that runs can be asked, and only with its root token. */
async function addTrial({ options, given }: Session, { wanted, account }: View, product: Product, report: Report): Promise<void> {
  if (!account.worker) return;
  const [host] = hostsIn(wanted);
  const url = options.url ?? (host === undefined ? undefined : `https://${host}`);
  const rootToken = given.secrets["ROOT_TOKEN"];
  if (url === undefined || rootToken === undefined) {
    report.notes.push(
      `Stored payloads were not checked: ${url === undefined ? "give --host or --url, where the Worker runs" : "give ROOT_TOKEN in the environment or in --secrets-file"}.`,
    );
    return;
  }
  const trial = await tryPayloads({ url: url.replace(/(?<!\/)\/+$/, ""), rootToken }, product);
  report.findings = [...report.findings, ...trial.findings];
  report.notes.push(...trial.notes);
}

function refuseIncomplete({ given, options }: Session, { wanted, account }: View): void {
  if (hostsIn(wanted).length === 0) {
    throw new Misused(
      "The Worker's own host is missing: give --host jobs.example.com (its workers.dev name counts too). Tenants must not be able to point calls back at it.",
    );
  }
  const missing = wanted.secrets.filter((name) => given.secrets[name] === undefined && !account.worker?.secrets.includes(name));
  if (missing.length > 0) {
    throw new Misused(
      `Secrets are missing: ${missing.join(", ")}. Give them with --secrets-file FILE, or make a file with --make-secrets FILE${options.env === "production" ? "" : `; "${options.env}" needs its own`}.`,
    );
  }
}

/** Asked before anything is made, so that a missing permission or a wrong domain stops the run first. */
async function zoneFor({ api, options }: Session): Promise<string | undefined> {
  const { emailDomain, zoneId } = options;
  if (emailDomain === undefined || zoneId !== undefined) return zoneId;
  try {
    const found = await zoneOf(api, emailDomain);
    if (found === undefined) throw new Misused(`The token sees no zone of ${emailDomain}. Give --zone-id, or a domain of this account.`);
    return found;
  } catch (thrown) {
    if (thrown instanceof ApiRefusal && thrown.kind === "unauthorized") throw await explained(api, [thrown], 0);
    throw thrown;
  }
}

interface Run {
  session: Session;
  view: View;
  report: Report;
  output: Output;
  zoneId: string | undefined;
  done(step: Step): void;
  /** A step that fails is in the report as well. */
  at<T>(step: string, act: () => Promise<T>): Promise<T>;
}

async function carryOut({ session, view, report, output, zoneId, done, at }: Run): Promise<void> {
  const { root, folder, options, api, credentials, given } = session;
  const { wanted, account, release } = view;
  const making: Making = { api, wanted, account, done };
  const wrangler = (session.createWrangler ?? createWrangler)({
    root,
    folder,
    api,
    token: credentials.token,
    baseUrl: credentials.baseUrl,
    say: (text) => output.progress(text),
  });
  const extra = options.prune ? [] : extraCrons(wanted, account.worker?.crons ?? []);
  const configuration = () => write(folder, options.env, withIds(wanted, account, { extraCrons: extra, release, root, folder }));

  const { database, worker: name } = wanted;
  await at(`d1 ${database.name}`, () => makeDatabase(making));
  await at("migrations", () => migrate(view, session, () => wrangler.migrate(configuration(), database.binding), done));
  await at("kv", () => makeNamespaces(making));
  await at("r2", () => makeBuckets(making));
  await at("queues", () => makeQueues(making));
  await at(`worker ${name}`, async () => {
    await stopForeign(session, view);
    report.version_id = await wrangler.upload(configuration(), given.secrets);
    done({ name: `worker ${name}`, state: account.worker ? "change" : "create", ...(report.version_id === null ? {} : { detail: report.version_id }) });
  });
  if (options.prune) await at("prune", () => prune(making));
  await at("rule", () => makeRule(making));
  if (options.emailDomain !== undefined && zoneId !== undefined) await at("subscription", () => makeSubscription(making, options.emailDomain ?? "", zoneId));
}

async function migrate(
  { migrations, wanted: { worker } }: View,
  { root, folder }: Session,
  apply: () => Promise<void>,
  done: (step: Step) => void,
): Promise<void> {
  const { pending, held } = migrations;
  stage(root, join(folder, `migrations-${worker}`), held);
  if (pending.length > 0) await apply();
  done({ name: "migrations", state: pending.length > 0 ? "change" : "same", ...(pending.length > 0 ? { detail: `${pending.length} applied` } : {}) });
}

/** Wrangler uploads first and attaches consumers then: one that was taken by another Worker meanwhile must be seen before. */
async function stopForeign({ api }: Session, { wanted }: View): Promise<void> {
  const now = new Map((await allPages<AccountQueue>(api, "/queues", ({ queue_name }) => queue_name)).map((queue) => [queue.queue_name, queue]));
  for (const { queue } of wanted.consumers) {
    const foreign = now.get(queue)?.consumers?.find((each) => ownerOf(each) !== wanted.worker);
    if (foreign) throw new Error(`The queue "${queue}" is consumed by ${ownerOf(foreign) ?? foreign.type} since a moment ago. Nothing was uploaded.`);
  }
}

/** Only consumers of our own Worker; crons went with the upload. */
async function prune({ api, wanted, account, done }: Making): Promise<void> {
  for (const { queue, consumer } of extraConsumers(wanted, account)) {
    // One that is gone already, by a call whose answer was lost, is what was wanted.
    await ifThere(api.call("DELETE", `/queues/${queue.queue_id}/consumers/${consumer.consumer_id}`));
    done({ name: `consumer ${queue.queue_name}`, state: "change", detail: "detached" });
  }
  for (const cron of extraCrons(wanted, account.worker?.crons ?? [])) done({ name: `cron ${cron}`, state: "change", detail: "removed" });
}

/** What was just written may be listed a moment later, so a difference is looked at again. */
async function checked(session: Session, product: Product, report: Report, output: Output): Promise<boolean> {
  for (let pause = 500; ; pause *= 2) {
    const { findings, wanted } = await look(session);
    report.findings = [...registryFindings(product, wanted), ...findings];
    const agrees = !report.findings.some(({ severity }) => severity === "error");
    if (!agrees && pause <= 4000) {
      await passing(pause);
      continue;
    }
    output.line(agrees ? `${wanted.worker} is deployed, and the account agrees.` : `${wanted.worker} is deployed, and the account does not agree yet:`);
    return agrees;
  }
}
