import type { Act, EffectOptions, Failure, Reply } from "../../src/queue/effect";
import { failed, ok } from "../../src/queue/effect";
import type { RunContext } from "../../src/queue/job";

export interface FakeEffect {
  key: string;
  idempotencyKey: string;
  options: EffectOptions<unknown>;
  reply: Reply<unknown> | "would do";
}

export interface FakeContext extends RunContext {
  /** Every call of `effect` that did not find a remembered value. */
  readonly effects: FakeEffect[];
  readonly progressed: [number, number | undefined, string | undefined][];
  readonly checkpoints: unknown[];
  readonly children: { type: string; payload: unknown; key: string; delaySeconds?: number | undefined }[];
  readonly cancelled: string[];
}

export interface FakeOptions {
  tenant?: string;
  id?: string;
  type?: string;
  attempt?: number;
  at?: number;
  pinnedAt?: number;
  now?: number;
  signal?: AbortSignal;
  dryRun?: boolean;
  cursor?: unknown;
  /** Values remembered from an earlier run, by effect key. */
  remembered?: Record<string, unknown>;
  /** Effects that fail before they act, by key. */
  fails?: Readonly<Record<string, Failure>>;
  /** What `shouldYield` says, call by call; false after that. */
  yields?: boolean[];
}

/** A RunContext by hand: remembers effects as the engine does and records all else. */
export function fakeContext(options: FakeOptions = {}): FakeContext {
  const at = options.at ?? 1_700_000_000_000;
  const id = options.id ?? "job-1";
  const remembered = new Map(Object.entries(options.remembered ?? {}));
  const yields = [...(options.yields ?? [])];
  const effects: FakeEffect[] = [];
  const progressed: FakeContext["progressed"] = [];
  const checkpoints: unknown[] = [];
  const children: FakeContext["children"] = [];
  const cancelled: string[] = [];
  return {
    tenant: options.tenant ?? "acme",
    id,
    type: options.type ?? "test",
    attempt: options.attempt ?? 1,
    at,
    pinnedAt: options.pinnedAt ?? at,
    revision: 0,
    signal: options.signal ?? new AbortController().signal,
    dryRun: options.dryRun ?? false,
    cursor: options.cursor,
    effects,
    progressed,
    checkpoints,
    children,
    cancelled,
    now: () => options.now ?? at + 1000,
    shouldYield: () => yields.shift() ?? false,
    effect: async <T>(key: string, act: Act<T>, effectOptions: EffectOptions<T> = {}) => {
      if (remembered.has(key)) return ok(remembered.get(key) as T);
      const failure = options.fails?.[key];
      if (failure) return failed(failure);
      const idempotencyKey = `${id}:${key}:0`;
      if (options.dryRun) {
        effects.push({ key, idempotencyKey, options: effectOptions, reply: "would do" });
        return ok(effectOptions.wouldDo as T);
      }
      const reply = await act(idempotencyKey);
      effects.push({ key, idempotencyKey, options: effectOptions, reply });
      if (reply.ok) remembered.set(key, reply.value);
      return reply;
    },
    recorded: (key) => (remembered.has(key) ? { value: remembered.get(key) } : undefined),
    progress: async (done, total, note) => void progressed.push([done, total, note]),
    checkpoint: async (cursor) => void checkpoints.push(cursor),
    enqueue: async (contract, payload, { key, delaySeconds }) => {
      children.push({ type: contract.type, payload, key, delaySeconds });
      return `${id}/${key}`;
    },
    cancel: async (_contract, key) => void cancelled.push(key),
  };
}
