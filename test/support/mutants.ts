import { env } from "cloudflare:workers";
import type { Envelope } from "../../src/queue/envelope";
import { overflow } from "../../src/queue/ports/heavy-ledger";
import type { MessageRef } from "../../src/queue/ports/run-ledger";
import { jobsIn } from "./history/events";
import { shareLease, changeSettled, asSettled, leasesOf, storedRows } from "./mutant-ledgers";
import { job, deliver, first, slowly, slowlyAfter, overtake, goOn, heavy, later, type Mutant } from "./mutant";

export const mutants: readonly Mutant[] = [
  {
    name: "skip the fence: a run settles by whichever lease is in force",
    caughtBy: /settled by a run that no longer held it/,
    steps: [{ ...job, script: ["retry", "done"] }, slowlyAfter, overtake, goOn],
    ledger: (ledger) => ({
      ...ledger,
      settle: async (transitions, token, now) => {
        const groups = Map.groupBy(await leasesOf(transitions), ({ lease }) => lease ?? token);
        const settled = await Promise.all(
          [...groups].map(([lease, each]) =>
            ledger.settle(
              each.map(({ transition }) => transition),
              lease,
              now,
            ),
          ),
        );
        return settled.flat();
      },
    }),
  },
  acknowledgeFirst(),
  {
    name: "ack a pack half answered: one of its jobs is held by another run",
    caughtBy: /acknowledged before its outcome was recorded \(running/,
    steps: [{ ...job, script: [], beside: 1 }, { do: "duplicate", which: 0 }, slowly, deliver],
    retry: () => "ack",
  },
  {
    name: "forget seq: a stale message claims as the newest would",
    caughtBy: /a stale message of generation 0 was run/,
    steps: [{ ...job, script: ["retry", "done"] }, { do: "duplicate", which: 0 }, first, later, first],
    ledger: (ledger) => ({
      ...ledger,
      claim: async (refs, lease, { fresh = [], queue } = {}) => {
        const rows = await storedRows([...refs, ...fresh]);
        const newest = <Ref extends MessageRef>(ref: Ref) => ({ ...ref, seq: Math.max(ref.seq, rows.get(ref.id)?.seq ?? 0) });
        return ledger.claim(refs.map(newest), lease, { fresh: fresh.map(newest), queue });
      },
    }),
  },
  {
    name: "a late row is written over what is there",
    caughtBy: /it was done and is queued/,
    steps: [{ ...job, script: [], late: true }, deliver, { do: "late-rows" }],
    ledger: (ledger) => ({
      ...ledger,
      missing: async (refs) => [...refs],
      insert: async (rows) => {
        await env.DB.prepare("DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))")
          .bind(JSON.stringify(rows.map(({ id }) => id)))
          .run();
        await ledger.insert(rows);
      },
    }),
  },
  {
    name: "ignore a cancel that came before the row",
    caughtBy: /it was claimed after its end \(cancelled\)/,
    steps: [{ ...job, script: [], late: true }, { do: "cancel", which: 0 }, deliver],
    ledger: (ledger) => ({
      ...ledger,
      claim: async (refs, lease, options) => {
        await env.DB.prepare("UPDATE jobs SET state = 'queued', cancel = 0, ended = NULL WHERE queue = ''").run();
        return ledger.claim(refs, lease, options);
      },
    }),
  },
  {
    name: "run without a row: what the ledger does not know is taken for claimed",
    caughtBy: /run without holding its lease/,
    steps: [{ ...job, script: [], late: true }, deliver],
    ledger: (ledger) => ({
      ...ledger,
      claim: async (refs, lease, { fresh = [], queue } = {}) => {
        const claim = await ledger.claim(refs, lease, { queue });
        const made = fresh.map(({ tenant, id, seq, at, maxAttempts }) => ({ tenant, id, seq, at, max: maxAttempts, born: lease.now, ...asClaimed }));
        return { ...claim, claimed: [...claim.claimed, ...made] };
      },
    }),
  },
  {
    name: "settle twice: the same outcome is recorded once more",
    caughtBy: /its outcome was recorded twice/,
    steps: [{ ...job, script: ["retry", "done"] }, deliver],
    ledger: (ledger) => ({
      ...ledger,
      settle: async (transitions, token, now) => {
        const settled = await ledger.settle(transitions, token, now);
        await env.DB.prepare("UPDATE jobs SET state = 'running' WHERE lease = ? AND ended IS NULL").bind(token).run();
        await ledger.settle(transitions, token, now);
        return settled;
      },
    }),
  },
  {
    name: "drop a copy: what goes on gets no message",
    caughtBy: /the copy that its row speaks of \(generation 1\) was never sent/,
    steps: [{ ...job, script: ["again", "done"] }, deliver],
    send: (messages) => messages.filter(({ body }) => jobsIn(body).every(({ seq }) => seq === 0)),
  },
  {
    name: "send twice: each copy goes out two times",
    caughtBy: /its generation 1 was sent twice/,
    steps: [{ ...job, script: ["again", "done"] }, deliver],
    send: (messages) => messages.flatMap((each) => [each, { ...each }]),
  },
  {
    name: "share a lease: every batch claims by the same token",
    caughtBy: /two batches share a lease|run without holding its lease/,
    steps: [{ ...job, script: [] }, { ...job, script: [] }, first, deliver],
    ledger: shareLease,
  },
  {
    name: "announce a lost run: an end without a record is published all the same",
    caughtBy: /announced as .*, and its run recorded nothing/,
    steps: [{ ...job, script: ["done"] }, slowlyAfter, overtake, goOn],
    ledger: (ledger) => ({
      ...ledger,
      settle: async (transitions, token, now) => {
        const settled = await ledger.settle(transitions, token, now);
        const known = new Set(settled.map(({ id }) => id));
        return [...settled, ...transitions.filter(({ id }) => !known.has(id)).map(asSettled)];
      },
    }),
  },
  {
    name: "forget a job: neither queue nor ledger has what was accepted",
    caughtBy: /accepted and lost/,
    steps: [{ ...job, script: [] }],
    ledger: (ledger) => ({ ...ledger, insert: () => Promise.resolve() }),
    send: () => [],
  },
  {
    name: "never look again: a lost message stays lost",
    caughtBy: /never ends, it is queued/,
    steps: [
      { ...job, script: [] },
      { do: "lose", which: 0 },
    ],
    ledger: (ledger) => ({ ...ledger, dueTenants: () => Promise.resolve([]), walk: () => Promise.resolve({ found: 0, more: false }) }),
  },
  {
    name: "a new key for each try",
    caughtBy: /reached the provider under two keys/,
    steps: [{ ...job, script: ["retry", "done"] }, { ...deliver, dies: 2 }, { do: "advance", ms: 700_000 }, deliver],
    key: (key, runs) => `${key}:${runs}`,
  },
  {
    name: "forget effects: nothing of what reached a provider is kept",
    caughtBy: /reached twice a provider that does not know its key/,
    steps: [{ ...job, script: ["retry", "done"], strict: true }, deliver, later, deliver],
    ledger: (ledger) => ({ ...ledger, effects: () => Promise.resolve([]), recordEffect: () => Promise.resolve(true) }),
  },
  {
    name: "ignore the gate: all are let in at once",
    caughtBy: /2 runs are past gate narrow, whose limit is 1/,
    steps: [{ ...job, script: [], gated: true }, { ...job, script: [], gated: true }, slowly, slowly],
    gates: (gates) => ({ ...gates, enter: (_tenant, _gate, ids) => Promise.resolve(ids.map((id) => ({ granted: true as const, lease: id }))) }),
  },
  {
    name: "burn an attempt by waiting",
    caughtBy: /its attempt is 1, not 0/,
    steps: [{ ...job, script: ["wait", "done"] }, deliver],
    ledger: (ledger) => changeSettled(ledger, (each) => (each.state === "waiting" ? { ...each, attempt: each.attempt + 1 } : each)),
  },
  {
    name: "do not count a run",
    caughtBy: /0 runs are counted and 1 were started/,
    steps: [{ ...job, script: ["discard"] }, deliver],
    ledger: (ledger) => changeSettled(ledger, (each) => ({ ...each, counted: false })),
  },
  {
    name: "forward nothing: what is to go to the other queue is dropped",
    caughtBy: /acknowledged before its outcome was recorded \(queued/,
    steps: [{ ...job, script: [] }, heavy, deliver],
    send: (messages, queue) => (queue === overflow ? [] : [...messages]),
  },
  {
    name: "forward under a new generation: what goes on to the other queue has a raised seq",
    caughtBy: /its generation 1 was sent before it was recorded/,
    steps: [{ ...job, script: [] }, heavy, deliver],
    send: (messages, queue) => (queue === overflow ? messages.map((each) => ({ ...each, body: { ...(each.body as Envelope), seq: 1 } })) : [...messages]),
  },
  {
    name: "forward and claim: what goes on to the other queue is run here as well",
    caughtBy: /run by the batch that sent it on/,
    steps: [{ ...job, script: ["retry", "done"] }, heavy, deliver],
    ledger: (ledger) => ({
      ...ledger,
      claim: async (refs, lease, { fresh, queue } = {}) => {
        const marks = await ledger.heavyMarks(lease.now);
        return { ...(await ledger.claim(refs, lease, { fresh })), heavy: marks.filter((mark) => mark.queue === queue).map((mark) => mark.tenant) };
      },
    }),
  },
  {
    name: "mix up tenants: a message goes out under another one's name",
    caughtBy: /a job of tenant neighbour was (recorded|accepted) for tenant model/,
    steps: [{ ...job, script: [] }],
    send: (messages) => messages.map((each) => ({ ...each, body: { ...(each.body as object), tenant: "neighbour" } })),
  },
];

const asClaimed = { attempt: 0, runs: 1, pinned: null, revision: 0, reason: null, cursor: null, wake: null, gate: null };

/** Reports that everything is recorded, and records it when the messages have been acknowledged. */
function acknowledgeFirst(): Mutant {
  const waiting: (() => Promise<unknown>)[] = [];
  return {
    name: "ack before record",
    caughtBy: /acknowledged before its outcome was recorded/,
    steps: [{ ...job, script: [] }, deliver],
    ledger: (ledger) => ({
      ...ledger,
      settle: (transitions, token, now) => {
        waiting.push(() => ledger.settle(transitions, token, now));
        return Promise.resolve(transitions.map(asSettled));
      },
    }),
    afterBatch: async () => {
      for (const each of waiting.splice(0)) await each();
    },
  };
}
