// npm start: the Worker with the sandbox on this machine, ready to use. Honours PORT, SANDBOX_PORT, STATE_DIR, ROOT_TOKEN; VERBOSE=1 shows every log line, WATCH=off does not restart when code changes.
import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { startSandbox, type Sandbox } from "./sandbox/server.ts";
import { watchCode } from "./start/code-changes.ts";
import { setUpDemo } from "./start/demo.ts";
import { secretsIn, type Secrets } from "./start/dev-vars.ts";
import { healthy, silent } from "./start/healthy.ts";
import { keepUp } from "./start/keep-up.ts";
import { migrate } from "./start/migrate.ts";
import { outputTo } from "./start/output.ts";
import { isFree } from "./start/ports.ts";
import { isRootToken, readSettings, rootTokenRule, type Settings } from "./start/settings.ts";
import { ownState } from "./start/state-owner.ts";
import { runWorker, type RunningWorker, type WorkerOrder } from "./start/worker-process.ts";

const root = resolve(import.meta.dirname, "..");
const ending = new AbortController();
const started: { sandbox?: Sandbox; worker?: RunningWorker } = {};

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(0));
process.on("disconnect", () => void end(0));

const settings = readSettings(process.env, root);
if ("wrong" in settings) await end(1, settings.wrong);
else await start(settings).catch((cause: unknown) => end(1, cause instanceof Error ? cause.message : String(cause)));

async function start(settings: Settings): Promise<void> {
  const busy = (await busyPort(settings)) ?? (await ownState(settings.stateDir, settings.port));
  if (busy) return end(1, busy);
  const { secrets, made } = secretsIn(join(root, ".dev.vars"));
  if (made.length > 0) console.log(`Made ${made.join(", ")} in .dev.vars.`);
  const rootToken = settings.rootToken ?? secrets.ROOT_TOKEN;
  if (!isRootToken(rootToken)) return end(1, `${rootTokenRule} The one in .dev.vars is not.`);
  await migrated(settings.stateDir);
  if (ending.signal.aborted) return;
  started.sandbox = await startSandbox({ port: settings.sandboxPort, stateDir: settings.stateDir });
  const url = await workerUp(settings, { ...secrets, ROOT_TOKEN: rootToken });
  const { token, troubles } = await setUpDemo({ url, sandboxUrl: started.sandbox.url, rootToken, stateDir: settings.stateDir });
  for (const trouble of troubles) console.error(`Not set up: ${trouble}`);
  console.log(welcome(url, started.sandbox, token, settings));
}

async function busyPort({ port, sandboxPort }: Settings): Promise<string | null> {
  const wanted = [
    ["PORT", port],
    ["SANDBOX_PORT", sandboxPort],
  ] as const;
  for (const [name, each] of wanted) {
    if (!(await isFree(each))) return `Port ${each} is in use. Set ${name} to a free one, or end what uses it.`;
  }
  return null;
}

async function migrated(stateDir: string): Promise<void> {
  const { missing, changed } = await migrate(root, stateDir);
  if (missing.length > 0) console.log(`Applied ${missing.length === 1 ? missing[0] : `${missing.length} migrations`} to the local database.`);
  if (changed.length > 0) console.error(`${changed.join(", ")} changed after it was applied. Delete ${stateDir} to start with an empty database.`);
}

async function workerUp({ port, sandboxPort, stateDir, verbose, watch }: Settings, secrets: Secrets): Promise<string> {
  console.log("Starting the Worker …");
  const url = `http://127.0.0.1:${port}`;
  const report = (line: string): void => console.error(line);
  const launch = (): RunningWorker => {
    const local = { LOCAL: "yes", PUBLIC_URL: url, EMAIL_STUB: `http://127.0.0.1:${sandboxPort}/cloudflare/send` };
    const bindings = { ...secrets, ...local, BOOT_ID: randomUUID() };
    const order: WorkerOrder = { config: join(root, "wrangler.toml"), port, stateDir, verbose, bindings };
    return (started.worker = runWorker(root, order, outputTo(report, verbose)));
  };
  const changed = watch ? watchCode(root, ending.signal) : undefined;
  const { up, down } = keepUp({
    url,
    launch,
    ...(changed ? { changed: () => changed().then(() => migrated(stateDir)) } : {}),
    healthy: (signal) => healthy(url, signal),
    silent: (signal) => silent(url, signal),
    report,
    signal: ending.signal,
  });
  void down.then((why) => end(1, `The Worker stopped: ${why}.`));
  await up;
  return url;
}

function welcome(url: string, { url: sandboxUrl, smtpPort }: Sandbox, token: string, { rootToken }: Settings): string {
  return `
Jobyard is up. Ctrl-C ends it; changed code takes effect at once.

  Dashboard    ${url}/
  Mailbox      ${sandboxUrl}/ (and a form that sets faults)
  Mail         Resend ${sandboxUrl}/mail, Postmark ${sandboxUrl}/postmark, SMTP 127.0.0.1:${smtpPort} without TLS
  Lead form    ${url}/demo/lead
  Pictures     ${url}/demo/pictures

Paste this into another terminal. The token acts for the tenant "demo" with every scope; the root token is ${rootToken ? "the ROOT_TOKEN you gave" : "in .dev.vars"}.

  export URL=${url} SANDBOX=${sandboxUrl}
  export TOKEN=${token}

  curl $URL/v1/jobs -H "Authorization: Bearer $TOKEN" \\
    --json '{"type": "email", "payload": {"to": "you@example.com", "templateId": "welcome", "variables": {"name": "you"}}}'
`;
}

/** Ends everything that was started, once, then this process. */
async function end(code: number, message?: string): Promise<void> {
  if (ending.signal.aborted) return;
  ending.abort();
  if (message) console.error(message);
  await Promise.allSettled([started.worker?.stop(), started.sandbox?.close()]);
  process.exit(code);
}
