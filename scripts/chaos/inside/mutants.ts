import type { Engine } from "../../../src/queue/engine";

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
};

const empty = { backlogCount: 0, backlogBytes: 0 };

export function plant(engine: Engine, name: string): void {
  const mutant = mutants[name];
  if (!mutant) throw new Error(`there is no mutant "${name}", only ${Object.keys(mutants).join(", ")}`);
  mutant(engine);
}
