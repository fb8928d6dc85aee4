import { env } from "cloudflare:workers";
import type { EngineBench } from "./engine";
import { jobsIn } from "./history/events";
import { isTerminal, type JobState } from "../../src/queue/state";
import type { Model } from "./model";
import { endOf, maxAttempts } from "./script";
import type { Step } from "./steps";

interface Row {
  tenant: string;
  id: string;
  type: string;
  state: JobState;
  seq: number;
  attempt: number;
  at: number;
  wake: number | null;
  gate: string | null;
  ended: number | null;
  fp: string | null;
}

const tables = ["jobs", "due", "parked", "parked_gates", "dead_letters", "history", "effects", "entities", "pauses", "heavy_tenants", "watermarks"];

export async function emptyLedger(): Promise<void> {
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  const { objects } = await env.PAYLOADS.list({ prefix: "_unwritten/" });
  await env.PAYLOADS.delete(objects.map(({ key }) => key));
}

/** The first open jobs, what holds them back, and the messages, for the reader of a failure that no other run repeats. */
export async function openWork(bench: EngineBench): Promise<string> {
  const columns = "id, queue, state, seq, attempt, runs, at, due, sent, wake, gate, reason";
  const [rows, holds] = await env.DB.batch([
    env.DB.prepare(`SELECT ${columns} FROM jobs WHERE ended IS NULL LIMIT 5`),
    env.DB.prepare("SELECT 'pause' AS is_a, tenant, name FROM pauses UNION ALL SELECT 'heavy', tenant, queue FROM heavy_tenants LIMIT 5"),
  ]);
  const held = bench.held.slice(0, 5).map(({ queue, at, attempts }) => ({ queue, at, attempts }));
  return JSON.stringify({ now: bench.now(), rows: rows?.results, holds: holds?.results, held, events: bench.events.slice(-5) });
}

/** What must hold after each step, as sentences; empty when all of it does. */
export async function broken(world: Model, last: Step | null): Promise<string[]> {
  const { rows, due, parked, gates, letters } = await look();
  const now = world.bench.now();
  const wrong = [...world.violations, ...world.wrong()];
  for (const row of rows) {
    const say = (what: string) => wrong.push(`${row.id} (${row.state}, seq ${row.seq}): ${what}`);
    const open = !isTerminal(row.state);
    if (row.attempt > maxAttempts) say(`attempt ${row.attempt} exceeds ${maxAttempts}`);
    if (row.state === "cancelled" && !world.cancelled.has(row.id)) say("cancelled without a request");
    if (open === (row.ended !== null)) say("state and ended disagree");
    if (open && row.gate === null && row.wake !== null && !due.has(`${row.wake}/${row.id}`)) say("its side row in due is missing");
    if (open && row.gate !== null && !parked.has(`${row.gate}/${row.wake}/${row.id}`)) say("its side row in parked is missing");
    if (open && row.gate !== null && !gates.has(row.gate)) say("its gate is not known");
    const ten = now - row.at > 600_000 + 1;
    if (open && row.wake === null && ten && last?.do === "tick" && last.dies === null && world.ledgerUp()) say("nothing looks after it");
    const expected = row.state === "dead" || row.state === "discarded" ? 1 : 0;
    if ((letters.get(row.id) ?? []).length !== expected) say(`it has ${(letters.get(row.id) ?? []).length} dead letters`);
    for (const { id, seq } of world.bench.held.flatMap(({ body }) => jobsIn(body))) {
      if (id === row.id && seq > row.seq) say(`a message carries seq ${seq}`);
    }
  }
  for (const [key, calls] of world.calls) {
    if (calls > 1 && world.clean) wrong.push(`${key} reached the provider ${calls} times`);
  }
  return wrong;
}

/** What must hold once everything has healed and come to rest. */
export async function unfinished(world: Model): Promise<string[]> {
  const { rows, due, parked } = await look();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const wrong: string[] = [];
  for (const { id, script, strict, fp } of world.accepted) {
    const row = byId.get(id);
    // What is lost or never ends is found in the history.
    if (!row || !isTerminal(row.state)) continue;
    if (fp !== undefined && row.fp !== fp && !rows.some((each) => each.fp === fp && each.state === "discarded"))
      wrong.push(`${id}: its second payload is lost`);
    else if (world.clean && !world.cancelled.has(id) && !world.revived.has(id) && fp === undefined && row.state !== endOf(script)) {
      wrong.push(`${id} should be ${endOf(script)} and is ${row.state}${strict ? " (strict)" : ""}`);
    }
  }
  for (const key of due) wrong.push(`side row ${key} in due points at nothing`);
  for (const key of parked) wrong.push(`side row ${key} in parked points at nothing`);
  return wrong;
}

async function look() {
  const [jobs, due, parked, gates, letters] = await env.DB.batch<Record<string, unknown>>([
    env.DB.prepare("SELECT tenant, id, type, state, seq, attempt, at, wake, gate, ended, fp FROM jobs"),
    env.DB.prepare("SELECT at || '/' || id AS key FROM due"),
    env.DB.prepare("SELECT gate || '/' || at || '/' || id AS key FROM parked"),
    env.DB.prepare("SELECT gate AS key FROM parked_gates"),
    env.DB.prepare("SELECT id, died FROM dead_letters"),
  ]);
  const keys = (result: D1Result<Record<string, unknown>> | undefined) => new Set((result?.results ?? []).map(({ key }) => String(key)));
  const rows = (jobs?.results ?? []) as unknown as Row[];
  return { rows, due: keys(due), parked: keys(parked), gates: keys(gates), letters: Map.groupBy(letters?.results ?? [], ({ id }) => String(id)) };
}
