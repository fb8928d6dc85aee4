import { setTimeout as passing } from "node:timers/promises";
import { openDestination, type Destination } from "./destination.ts";
import { Failure } from "./failure.ts";
import type { JobMap } from "./map.ts";
import type { Options } from "./options.ts";
import { createProduct } from "./product.ts";
import type { Progress } from "./progress.ts";
import { countsOf, findQueues, openQueue, places, type Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";
import { type Importing, Taker } from "./take.ts";
import { Tally } from "./tally.ts";

export interface Surroundings {
  progress: Progress;
  /** Fires when the user interrupts: what is under way is ended in order. */
  signal: AbortSignal;
  now: () => number;
  /** Answers false when it was interrupted. */
  sleep: (milliseconds: number) => Promise<boolean>;
}

/** What one command works with. */
export interface Session extends Importing {
  options: Options;
  queues: Queue[];
  /** Queues of the map that are not there: no job was ever added. */
  missing: readonly string[];
  surroundings: Surroundings;
  /** undefined for a plan without a product. */
  target: Destination | undefined;
}

/** Looks at the product, then finds the queues. Throws a Failure when either is not as it must be. */
export async function openSession(options: Options, map: JobMap, connection: Connection, surroundings: Surroundings): Promise<Session> {
  const { now, sleep, progress, signal } = surroundings;
  const trouble = (sentence: string) => progress.print(sentence);
  const product = createProduct({ to: options.to ?? "", token: options.token ?? "", now, sleep, trouble });
  const target = options.to ? await openDestination(product, options.mode) : undefined;
  const names = await namesOf(options, map, connection);
  const found = await Promise.all(names.map((name) => openQueue(connection, options.prefix, name)));
  const missing = names.filter((_, index) => found[index] === null);
  if (missing.length > 0 && options.queues.length > 0) throw new Failure(2, `There is no queue ${missing.join(", ")} under the prefix ${options.prefix}.`);
  const show = (queue: Queue, { accepted, refused, total }: Tally) =>
    progress.show(queue.name, accepted + refused, total, refused > 0 ? `, ${refused} refused` : "");
  return {
    options,
    surroundings,
    map,
    connection,
    product,
    now,
    sleep,
    signal,
    trouble,
    target,
    destination: target ?? { product, judge: async (judged) => judged, attempts: new Map() },
    places: options.failed ? [...places, "failed"] : places,
    selection: { names: options.names, tenants: options.tenants },
    queues: found.filter((queue) => queue !== null),
    missing,
    progress: show,
  };
}

/** Those named, else those of the map; a plan looks for all there are, a rollback too. */
async function namesOf({ queues, mode, prefix }: Options, map: JobMap, connection: Connection): Promise<string[]> {
  if (queues.length > 0) return [...new Set(queues)];
  const mapped = [...new Set(map.entries.map(({ queue }) => queue))];
  const found = mode === "plan" || mode === "rollback" ? await findQueues(connection, prefix) : [];
  return mode === "rollback" ? found : [...new Set([...mapped, ...found])];
}

/** Of the queues that are there. Throws a Failure when none is: the prefix or the map is wrong. */
export async function takersOf(session: Session): Promise<Taker[]> {
  if (session.queues.length === 0) throw new Failure(2, `None of the map's queues is there under the prefix ${session.options.prefix}.`);
  return openTakers(session, session.queues);
}

export async function openTakers(session: Session, queues: readonly Queue[]): Promise<Taker[]> {
  return Promise.all(
    queues.map(async (queue) => {
      const counts = await countsOf(session.connection, queue);
      return Taker.open(session, queue, new Tally(session.places.reduce((sum, place) => sum + counts[place], 0)));
    }),
  );
}

/** For the process: waits that end with the signal. */
export function sleepUnless(signal: AbortSignal): Surroundings["sleep"] {
  return (milliseconds) => passing(milliseconds, true, { signal }).catch(() => false);
}
