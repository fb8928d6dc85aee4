import { isUncertain, readRefused, type Taken } from "./claimed.ts";
import type { Destination } from "./destination.ts";
import { Failure } from "./failure.ts";
import { type BullJob, readJobs, type Standing } from "./job.ts";
import type { JobMap } from "./map.ts";
import { claimedKey, type Place, type Queue } from "./queue.ts";
import { type Reason, type Request, requestFrom, type Selection } from "./request.ts";
import { maxBatch, sendClaimed, type Sending } from "./send.ts";
import type { Tally } from "./tally.ts";
import { walk } from "./walk.ts";

export interface Importing extends Sending {
  destination: Destination;
  map: JobMap;
  selection: Selection;
  places: readonly Place[];
  /** Fires when the user interrupts: nothing more is taken. */
  signal: AbortSignal;
  /** Shows how far it is. */
  progress: (queue: Queue, tally: Tally) => void;
}

/** How often a take walks through a queue that workers and producers change meanwhile. */
const maxWalks = 5;
/** Steps through a list that one script may take, so that it does not hold up Redis. */
const maxSteps = 2_000_000;
const maxBytes = 4 * 1024 * 1024;
/** How long a job that was left where it is, is not looked at again. Milliseconds. */
const forgetAfter = 30_000;

/** Takes the jobs of one queue; made once per queue and command. */
export class Taker {
  readonly queue: Queue;
  readonly tally: Tally;
  readonly #importing: Importing;
  /** Counts the rollbacks of the queue: after one, this command takes nothing more. */
  readonly #generation: string;
  readonly #left = new Map<string, { reason: Reason; detail?: string }>();
  #leftSince = 0;
  /** Jobs that were looked at and then were gone or had other data: another walk finds them. */
  #missed = 0;

  private constructor(importing: Importing, queue: Queue, tally: Tally, generation: string) {
    this.#importing = importing;
    this.queue = queue;
    this.tally = tally;
    this.#generation = generation;
  }

  static async open(importing: Importing, queue: Queue, tally: Tally): Promise<Taker> {
    return new Taker(importing, queue, tally, (await importing.connection.client.get(`${queue.base}jobyard:generation`)) ?? "0");
  }

  /** Goes on with what an earlier command had claimed, and tries again what the product refused. */
  async resume(): Promise<void> {
    await this.#send();
    await this.#reclaim();
    await this.#send();
  }

  /** Takes all that may be taken. @returns How many. */
  async take(): Promise<number> {
    let taken = 0;
    for (let walks = 0; walks < maxWalks; walks++) {
      const before = taken;
      this.#missed = 0;
      this.tally.forgetLeft();
      if (this.#importing.now() - this.#leftSince > forgetAfter) {
        this.#left.clear();
        this.#leftSince = this.#importing.now();
      }
      for (const place of this.#importing.places) {
        await walk(this.#importing.connection, this.queue, place, async (standing, offset) => {
          const count = this.#importing.signal.aborted ? 0 : await this.#visit(place, standing, offset);
          taken += count;
          return count;
        });
      }
      if ((taken === before && this.#missed === 0) || this.#importing.signal.aborted) break;
    }
    return taken;
  }

  /** Takes these jobs of dead workers. */
  async takeActive(ids: readonly string[]): Promise<number> {
    return this.#visit(
      "active",
      ids.map((id) => ({ id, score: "" })),
      0,
    );
  }

  async #visit(place: Place, standing: readonly Standing[], offset: number): Promise<number> {
    const { connection } = this.#importing;
    const known = standing.filter(({ id }) => this.#left.has(id));
    for (const { id } of known) this.#leave(id, this.#left.get(id)!);
    const jobs = await readJobs(connection, this.queue, place, known.length === 0 ? standing : standing.filter(({ id }) => !this.#left.has(id)));
    const chosen: { job: BullJob; request: Request }[] = [];
    for (const job of jobs) {
      const judged = await this.#judge(job);
      if ("request" in judged) chosen.push({ job, request: judged.request });
      else this.#leave(job.id, judged);
    }
    let taken = 0;
    for (const batch of batchesOf(chosen, Math.max(1, Math.floor(maxSteps / (offset + standing.length))))) {
      if (this.#importing.signal.aborted) break;
      taken += await this.#claim(place, batch);
    }
    return taken;
  }

  #judge(job: BullJob) {
    const { map, selection, now, destination } = this.#importing;
    return destination.judge(requestFrom(job, this.queue, map, selection, now()));
  }

  #leave(id: string, left: { reason: Reason; detail?: string }): void {
    if (left.reason !== "locked") this.#left.set(id, left);
    this.tally.leave(left.reason, id, left.detail);
  }

  async #claim(place: Place, batch: readonly { job: BullJob; request: Request }[]): Promise<number> {
    const { connection, now } = this.#importing;
    const values = batch.flatMap(({ job, request }) => [job.id, job.sha, JSON.stringify({ tenant: request.tenant, name: job.name }), JSON.stringify(request)]);
    const claimed = Number(await connection.run("claim", claimedKey(this.queue), this.queue.base, place, now(), this.#generation, ...values));
    if (claimed < 0)
      throw new Failure(
        1,
        `A rollback of the queue ${this.queue.name} is under way or was made. Nothing more was taken; start the command again when that is what you want.`,
      );
    this.#missed += batch.length - claimed;
    if (place === "active") this.tally.abandoned += claimed;
    await this.#send();
    return claimed;
  }

  async #send(): Promise<void> {
    const { accepted, refused } = await sendClaimed(this.#importing, this.queue);
    this.tally.accepted += accepted;
    this.tally.refused += refused;
    this.#importing.progress(this.queue, this.tally);
  }

  async #reclaim(): Promise<void> {
    const { connection, now } = this.#importing;
    const refused = [...(await readRefused(connection, this.queue))].filter(([, refusal]) => !isUncertain(refusal)).map(([id]) => id);
    for (let from = 0; from < refused.length; from += maxBatch) {
      const ids = refused.slice(from, from + maxBatch);
      const records = await connection.client.hmget(`${this.queue.base}jobyard:from`, ...ids);
      for (const [index, id] of ids.entries()) {
        const { place, score } = JSON.parse(records[index] ?? "{}") as Taken & { score?: string };
        const [job] = await readJobs(connection, this.queue, place as Place, [{ id, score: score ?? "" }]);
        const judged = job ? await this.#judge(job) : undefined;
        if (judged && "request" in judged) await connection.run("reclaim", claimedKey(this.queue), this.queue.base, now(), id, JSON.stringify(judged.request));
      }
    }
  }
}

function* batchesOf(chosen: readonly { job: BullJob; request: Request }[], most: number) {
  let batch: { job: BullJob; request: Request }[] = [];
  let bytes = 0;
  for (const each of chosen) {
    if (batch.length >= Math.min(maxBatch, most) || (batch.length > 0 && bytes + each.job.data.length > maxBytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(each);
    bytes += each.job.data.length;
  }
  if (batch.length > 0) yield batch;
}
