import { parseArgs } from "node:util";
import { Failure } from "./failure.ts";

export const modes = ["plan", "take", "follow", "rollback", "finish"] as const;
export type Mode = (typeof modes)[number];

export interface Options {
  mode: Mode;
  url: string;
  prefix: string;
  map: string | undefined;
  /** None: those of the map; a plan looks for all. */
  queues: readonly string[];
  names: readonly string[];
  tenants: readonly string[];
  to: string | undefined;
  token: string | undefined;
  report: string | undefined;
  /** Takes failed jobs too, as dead letters. */
  failed: boolean;
  /** Finish: removes what is left of the taken jobs from Redis. */
  drop: boolean;
  /** Takes jobs whose fate is unknown for not accepted (rollback) or for accepted (finish). */
  uncertain: boolean;
  /** Seconds without a lock after which an active job counts as abandoned. */
  lockSeconds: number;
  /** Seconds that finish waits for empty queues. */
  waitSeconds: number;
}

export const usage = `npm run import-bull -- --url REDIS --map map.json [--to URL --token TOKEN] [--plan | --take | --follow | --rollback | --finish]
  --url REDIS       redis:// or rediss:// with user, password and database (or REDIS_URL)
  --prefix PREFIX   of the keys, "bull" by default
  --map FILE        which job becomes which type of which tenant: see docs/leaving-bull.md
  --to URL          the product (or JOBYARD_URL)
  --token TOKEN     the root token or a tenant's (or JOBYARD_TOKEN)
  --queue, --name, --tenant   only these; each may be repeated
  --plan            only reads and reports; the default
  --take            takes what is there
  --follow          goes on taking what comes, until interrupted or finished
  --rollback        puts back what has not run
  --finish          waits until the queues are empty, and takes the schedules over; --drop also removes the taken jobs' hashes
  --report FILE     writes the report there too
  --failed          with --plan or --take: failed jobs too; they become dead letters, which run when they are replayed
  --uncertain       with --rollback: puts back jobs of which it is unknown whether the product has them; with --finish: counts them as taken
  --lock-seconds N  30: an active job without a lock for so long belongs to a dead worker
  --wait-seconds N  600: how long --finish waits`;

/** Reads the command line. Throws a Failure with a sentence; undefined when help was asked for. */
export function readOptions(args: readonly string[], environment: Record<string, string | undefined>): Options | undefined {
  const values = parsed(args);
  if (values.help) return undefined;
  const chosen = modes.filter((mode) => values[mode]);
  if (chosen.length > 1) throw new Failure(2, `Choose one of ${chosen.map((mode) => `--${mode}`).join(", ")}.`);
  const mode = chosen[0] ?? "plan";
  const url = values.url ?? values.redis ?? environment["REDIS_URL"];
  if (!url) throw new Failure(2, "Name the Redis with --url or REDIS_URL.");
  const to = productOf(values.to ?? environment["JOBYARD_URL"]);
  const token = values.token ?? environment["JOBYARD_TOKEN"];
  if (mode !== "plan" && !(to && token)) throw new Failure(2, `--${mode} needs the product: --to and --token (or JOBYARD_URL and JOBYARD_TOKEN).`);
  if (values.failed && !["plan", "take"].includes(mode)) throw new Failure(2, "--failed goes with --plan or --take.");
  if (mode === "plan" && to && !token) throw new Failure(2, "--to needs --token (or JOBYARD_TOKEN).");
  if (["take", "follow", "finish"].includes(mode) && !values.map)
    throw new Failure(2, `--${mode} needs --map; --plan without one prints the entries to fill in.`);
  return {
    mode,
    url,
    to,
    token,
    prefix: values.prefix ?? "bull",
    map: values.map,
    queues: values.queue ?? [],
    names: values.name ?? [],
    tenants: values.tenant ?? [],
    report: values.report,
    failed: values.failed ?? false,
    drop: values.drop ?? false,
    uncertain: values.uncertain ?? false,
    lockSeconds: seconds("lock-seconds", values["lock-seconds"], 30),
    waitSeconds: seconds("wait-seconds", values["wait-seconds"], 600),
  };
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const list = { type: "string", multiple: true } as const;
  const verbs = { plan: flag, take: flag, follow: flag, rollback: flag, finish: flag };
  const places = { url: text, redis: text, prefix: text, map: text, to: text, token: text, report: text };
  const rest = { queue: list, name: list, tenant: list, drop: flag, failed: flag, uncertain: flag, help: flag, "lock-seconds": text, "wait-seconds": text };
  try {
    return parseArgs({ args: [...args], options: { ...verbs, ...places, ...rest }, strict: true }).values;
  } catch (cause) {
    throw new Failure(2, cause instanceof Error ? cause.message : String(cause));
  }
}

/** The token travels with each request: over plain HTTP only within this machine. */
function productOf(to: string | undefined): string | undefined {
  if (to === undefined) return undefined;
  const url = URL.canParse(to) ? new URL(to) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) throw new Failure(2, "--to must be the address of the product, like https://jobs.example.com.");
  if (url.pathname !== "/" || url.search !== "") throw new Failure(2, "--to must be the address of the product without a path.");
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !isLocal) throw new Failure(2, "--to must be an https address: the token would travel in the clear.");
  return url.origin;
}

function seconds(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (number < 1) throw new Failure(2, `--${name} must be whole seconds from 1 to 999999.`);
  return number;
}
