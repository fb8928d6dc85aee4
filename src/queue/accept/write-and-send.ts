import type { Engine } from "../engine";
import { orTrouble } from "../or-trouble";
import { copyPastBacklog } from "../send/past-backlog";
import type { Prepared } from "./prepared";
import { send, type Sendable } from "../send/send";

/** Whether the rows are in the ledger; a failure is an event, not a throw. */
export async function writeRows(engine: Engine, all: readonly Prepared[]): Promise<boolean> {
  if (all.length === 0) return true;
  const insert = async () => {
    await engine.ledger.insert(all.map((each) => each.row));
    return true;
  };
  return (await orTrouble(engine, "ledger", insert)) ?? false;
}

/** Sends the messages of jobs, copies past a long backlog included. Returns the jobs that no queue took; never throws. */
export async function sendAll(engine: Engine, all: readonly Prepared[], how: typeof send = send): Promise<Set<Prepared>> {
  const byEnvelope = new Map(all.map((each) => [each.envelope, each]));
  const items: Sendable[] = all.map(({ envelope, delaySeconds }) => ({ envelope, delaySeconds }));
  const refused = new Set(await how(engine, items));
  copyPastBacklog(
    engine,
    items.filter((each) => !refused.has(each)),
  );
  return new Set([...refused].map(({ envelope }) => byEnvelope.get(envelope)).filter((each) => each !== undefined));
}
