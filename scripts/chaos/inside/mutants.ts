import type { Engine } from "../../../src/queue/engine";
import type { ClaimedJob, FoundJob } from "../../../src/queue/ports/run-ledger";

/** Faults of an engine, each of which one kind of trouble brings out: `npm run chaos` must find them and shrink to that trouble. */
const mutants: Record<string, (engine: Engine) => void> = {
  /** Takes a refused send for a sent one, and writes no row on demand that would make up for it. */
  "swallows-refusals": (engine) => {
    engine.later = () => undefined;
    const { queue } = engine;
    engine.queue = (name) => {
      const producer = queue(name);
      return (
        producer && { ...producer, sendBatch: (messages, options) => producer.sendBatch(messages, options).catch(() => ({ metadata: { metrics: empty } })) }
      );
    };
  },
  /** Acknowledges before it records: outcomes are written half a second later, once. */
  "acknowledges-first": (engine) => {
    const { ledger } = engine;
    engine.ledger = {
      ...ledger,
      settle: async (transitions, token, now) => {
        engine.later(500, () => ledger.settle(transitions, token, now).catch(() => undefined));
        return transitions.map(({ tenant, id, state, seq, bump }) => ({ tenant, id, state, seq: seq + bump }));
      },
    };
  },
  /** Forgets what came of an effect, and that it was tried. */
  "forgets-effects": (engine) => {
    engine.ledger = { ...engine.ledger, recordEffect: async () => true };
  },
  /** Runs a job that another run holds, and lets both record their effects. */
  "runs-held-jobs": (engine) => {
    const { ledger } = engine;
    engine.ledger = {
      ...ledger,
      claim: async (refs, lease, options) => {
        const claim = await ledger.claim(refs, lease, options);
        const held = claim.found.filter(({ state }) => state === "running").map(asClaimed);
        return { ...claim, claimed: [...claim.claimed, ...held], found: claim.found.filter(({ state }) => state !== "running") };
      },
      recordEffect: (job, effect) => ledger.recordEffect(job, effect, null),
    };
  },
  /** Leaves the slots of its runs taken when they have ended. */
  "leaves-slots-taken": (engine) => {
    engine.gates = { ...engine.gates, leave: async () => undefined };
  },
};

function asClaimed({ tenant, id, seq, wake, gate }: FoundJob): ClaimedJob {
  const at = Date.now();
  return { ...{ tenant, id, seq, wake, gate, at, born: at }, ...{ attempt: 0, max: 100, runs: 1, pinned: null, revision: 0, reason: null, cursor: null } };
}

const empty = { backlogCount: 0, backlogBytes: 0 };

export function plant(engine: Engine, name: string): void {
  const mutant = mutants[name];
  if (!mutant) throw new Error(`there is no mutant "${name}", only ${Object.keys(mutants).join(", ")}`);
  mutant(engine);
}
