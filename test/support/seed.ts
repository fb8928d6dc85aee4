const { env: settings } = import.meta as unknown as { env: { VITE_SEED?: string } };

/** What tests draw at random they draw by this seed, so that none fails by chance: each run plays what the run before has played. `VITE_SEED=N` plays something else. */
export const seed = Number(settings.VITE_SEED ?? 1);
