import { resolve } from "node:path";

/** The settings of a start, from its environment. */
export interface Settings {
  port: number;
  sandboxPort: number;
  /** Absolute. */
  stateDir: string;
  /** Undefined: the one in `.dev.vars`. */
  rootToken: string | undefined;
  /** Shows everything that wrangler and the Worker print. */
  verbose: boolean;
  /** Starts the Worker again when its code changes. */
  watch: boolean;
}

/** Reads PORT, SANDBOX_PORT, STATE_DIR, ROOT_TOKEN, VERBOSE and WATCH; a wrong one is a sentence that names it. */
export function readSettings(environment: Record<string, string | undefined>, root: string): Settings | { wrong: string } {
  const port = portOf(environment["PORT"], 8787);
  const sandboxPort = portOf(environment["SANDBOX_PORT"], 8788);
  if (port === undefined) return { wrong: `PORT must be a number from 1 to 65535, not "${environment["PORT"]}".` };
  if (sandboxPort === undefined) return { wrong: `SANDBOX_PORT must be a number from 1 to 65535, not "${environment["SANDBOX_PORT"]}".` };
  if (port === sandboxPort) return { wrong: `PORT and SANDBOX_PORT are both ${port}; the Worker and the sandbox need one each.` };
  const rootToken = environment["ROOT_TOKEN"] || undefined;
  if (rootToken !== undefined && !isRootToken(rootToken)) return { wrong: rootTokenRule };
  return {
    port,
    sandboxPort,
    stateDir: resolve(root, environment["STATE_DIR"] || ".wrangler/state"),
    rootToken,
    verbose: ["1", "true", "yes"].includes(environment["VERBOSE"] ?? ""),
    watch: !["0", "false", "no", "off"].includes(environment["WATCH"] ?? ""),
  };
}

export const rootTokenRule = "ROOT_TOKEN must be 16 to 512 visible ASCII characters without spaces.";

/** Whether the Worker would start with it. */
export function isRootToken(text: string): boolean {
  return /^[\x21-\x7e]{16,512}$/.test(text);
}

function portOf(text: string | undefined, usual: number): number | undefined {
  if (!text) return usual;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}
