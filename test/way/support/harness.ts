import { randomUUID } from "node:crypto";
import { play, type Playing } from "../../scripts/sandbox.ts";
import type { Switches } from "../worker/switches.ts";
import { Api, expectOk, makeTenant } from "./api.ts";
import { migrate } from "./migrate.ts";
import { derivedConfig, secrets } from "./config.ts";
import { wayScript } from "./one-bundle.ts";
import { Runtime } from "./runtime.ts";
import { until } from "./until.ts";

export interface Way {
  url: string;
  api: Api;
  sandbox: Playing;
  /** A tenant of its own, ready to mail. */
  tenant(name: string, limits?: unknown): Promise<Api>;
  /** Troubles the Worker's bindings until `calm`. */
  trouble(switches: Partial<Switches>): Promise<void>;
  calm(): Promise<void>;
  /** Calls that met a trouble since the last calm. */
  met(): Promise<number>;
  /** Lets time pass on the Worker's clock, and nothing else happen. */
  pass(milliseconds: number): Promise<void>;
  /** As `pass`, once the Worker consumes no batch: what is under way when the clock jumps loses its lease in the middle of a call. */
  passWhenIdle(milliseconds: number): Promise<void>;
  /** Fires the cron as if it were so many milliseconds from now on the Worker's clock, which goes there. */
  tick(later?: number): Promise<void>;
  /** Sets the clock forward to a time and fires the cron. */
  tickTo(time: number): Promise<void>;
  /** Fires the cron for a planned time, whatever the time is. */
  tickAt(time: number): Promise<void>;
  /** The Worker's clock. */
  now(): number;
  /** Rows of the ledger, past every switch. */
  rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]>;
  logs(): string[];
  close(): Promise<void>;
}

/** The whole Worker on local queues, beside a sandbox whose clock goes with the Worker's: one per file of stories. */
export async function startWay(): Promise<Way> {
  const config = derivedConfig();
  let ahead = 0;
  const sandbox = await play({ now: () => Date.now() + ahead });
  const lines: string[] = [];
  const { folder, path } = config;
  const script = await wayScript();
  const runtime = new Runtime({ config: path, script, port: 0, stateDir: folder, line: (text) => void lines.push(text) });
  const close = async () => {
    await runtime.stop();
    await sandbox.close();
    config.remove();
  };
  const bindings = { ...secrets, LOCAL: "yes", BOOT_ID: randomUUID(), PUBLIC_URL: "https://jobs.example.com", EMAIL_STUB: `${sandbox.url}/cloudflare/send` };
  const url = await runtime.start(bindings).catch(async (cause: unknown) => {
    await close();
    throw cause;
  });
  const api = new Api(() => url.origin);
  await migrate(api);
  const flip = (switches: Partial<Switches>) => expectOk(api.ask("POST", "/__test/switch", { body: switches }));
  const way: Way = {
    url: url.origin,
    api,
    sandbox,
    tenant: (name, limits) => makeTenant(api, name, sandbox.url, limits),
    trouble: async (switches) => void (await flip(switches)),
    calm: async () => void (await expectOk(api.ask("POST", "/__test/calm"))),
    met: async () => Number((await flip({})).body.met),
    async pass(milliseconds) {
      ahead += milliseconds;
      await flip({ ahead });
    },
    async passWhenIdle(milliseconds) {
      const idle = async () => (await expectOk(api.ask("POST", "/__test/pass", { body: ahead + milliseconds }))).body.passed === true;
      await until("the Worker consumes no batch", idle);
      ahead += milliseconds;
    },
    async tick(later = 0) {
      await way.pass(later);
      const time = way.now();
      let over = false;
      const fired = way.tickAt(time).finally(() => (over = true));
      // What the Worker does after its answer (counters, two seconds) need not be waited for.
      await Promise.race([fired, until("the tick is recorded", async () => over || recorded(way, time))]);
    },
    tickTo: (time) => way.tick(time - way.now()),
    tickAt: async (time) => void (await fetch(`${url.origin}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&time=${time}`)),
    now: () => Date.now() + ahead,
    // By a request like any other: Miniflare's own way to a binding holds this process up, and the sandbox with it.
    rows: async <Row>(sql: string, ...values: unknown[]) => (await expectOk(api.ask("POST", "/__test/rows", { body: { sql, values } }))).body as Row[],
    logs: () => lines,
    close,
  };
  return way;
}

async function recorded(way: Way, time: number): Promise<boolean> {
  return (await way.rows("SELECT 1 FROM ticks WHERE step = 'counters' AND at = ?", time)).length > 0;
}
