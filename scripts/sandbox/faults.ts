import { pathFits } from "./journal.ts";

/** What goes wrong, and for which calls. Without `provider`, `path` and `method` it is every call. */
export interface FaultSpec {
  provider?: string;
  /** As in the journal: `/emails`, `/mail/emails`, `/mail/*`. */
  path?: string;
  method?: string;
  /** Answers this instead of acting; the body is the provider's own for that status unless `body` is given. */
  status?: number;
  /** Replaces the answer's body; a string goes out as it is. */
  body?: unknown;
  /** Added to the answer's headers. */
  headers?: Record<string, string>;
  /** The call takes this long; its idempotency key is taken meanwhile. */
  delayMs?: number;
  /** Resets the connection instead of acting. */
  reset?: boolean;
  /** Acts first: `status` and `reset` then lie about what happened. */
  afterAccept?: boolean;
  /** Acts, then never answers. */
  timeoutAfterAccept?: boolean;
  /** Acts, then answers with half of the JSON. */
  malformed?: boolean;
  /** Acts, then breaks the connection in the middle of the body. */
  cutBody?: boolean;
  /** Share of the fitting calls that are hit, 0 to 1; drawn from the sandbox's seed. */
  rate?: number;
  /** After so many hits the fault is over. */
  times?: number;
}

export interface Fault extends FaultSpec {
  id: string;
  hits: number;
}

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === "string" && value.length > 0 && value.length <= 1000;
const flag: Check = (value) => typeof value === "boolean";
const whole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;

const fields: Record<keyof FaultSpec, { fits: Check; rule: string }> = {
  provider: { fits: text, rule: "a provider's name" },
  path: { fits: text, rule: "a path, with * at its end for any rest" },
  method: { fits: text, rule: "an HTTP method" },
  status: { fits: whole(200, 599), rule: "a status from 200 to 599" },
  body: { fits: () => true, rule: "anything" },
  headers: { fits: areHeaders, rule: "an object of strings that may stand in a header" },
  delayMs: { fits: whole(0, 600_000), rule: "milliseconds, 0 to 600,000" },
  reset: { fits: flag, rule: "true or false" },
  afterAccept: { fits: flag, rule: "true or false" },
  timeoutAfterAccept: { fits: flag, rule: "true or false" },
  malformed: { fits: flag, rule: "true or false" },
  cutBody: { fits: flag, rule: "true or false" },
  rate: { fits: (value) => typeof value === "number" && value >= 0 && value <= 1, rule: "a number from 0 to 1" },
  times: { fits: whole(1, 1_000_000), rule: "a whole number from 1" },
};
const doing = ["status", "body", "headers", "delayMs", "reset", "timeoutAfterAccept", "malformed", "cutBody"];

/** A fault from a request's body, or what is wrong with it. `providers`: the names there are. */
export function readFault(input: unknown, providers: readonly string[]): { fault: FaultSpec } | { issues: string[] } {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return { issues: ["A fault must be a JSON object."] };
  const issues: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    const field = Object.hasOwn(fields, name) ? fields[name as keyof FaultSpec] : undefined;
    if (!field) issues.push(`There is no field "${name.slice(0, 100)}"; there are ${Object.keys(fields).join(", ")}.`);
    else if (!field.fits(value)) issues.push(`"${name}" must be ${field.rule}.`);
  }
  if ("provider" in input && text(input.provider) && !providers.includes(String(input.provider)))
    issues.push(`There is no provider "${String(input.provider).slice(0, 100)}"; there are ${providers.join(", ")}.`);
  if (!doing.some((name) => Object.hasOwn(input, name))) issues.push(`A fault must do something: ${doing.join(", ")}.`);
  return issues.length > 0 ? { issues } : { fault: input as FaultSpec };
}

/** The faults in force. The first that fits a call, and whose dice fall, hits it. */
export class Faults {
  readonly #random: () => number;
  #faults: Fault[] = [];
  #last = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  add(spec: FaultSpec): Fault {
    const fault = { ...spec, id: `f${++this.#last}`, hits: 0 };
    this.#faults.push(fault);
    return fault;
  }

  /** Draws for this call and counts the hit. */
  hit(provider: string, method: string, path: string): Fault | null {
    const fault = this.#faults.find(
      (each) => each.hits < (each.times ?? Infinity) && applies(each, provider, method, path) && this.#random() < (each.rate ?? 1),
    );
    if (!fault) return null;
    fault.hits++;
    return fault;
  }

  list(): readonly Fault[] {
    return this.#faults;
  }

  remove(id: string): boolean {
    const before = this.#faults.length;
    this.#faults = this.#faults.filter((fault) => fault.id !== id);
    return this.#faults.length < before;
  }

  clear(): void {
    this.#faults = [];
  }
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function applies(fault: Fault, provider: string, method: string, path: string): boolean {
  return (
    (!fault.provider || fault.provider === provider) &&
    (!fault.method || fault.method.toUpperCase() === method) &&
    (!fault.path || pathFits(fault.path, provider, path))
  );
}

function areHeaders(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, each]) => /^[a-z0-9-]{1,100}$/i.test(name) && typeof each === "string" && /^[\t\x20-\x7e]{0,1000}$/.test(each));
}
