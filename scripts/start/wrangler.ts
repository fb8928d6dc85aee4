import { join } from "node:path";

/** Wrangler's command line, to be run with this Node. */
export function wranglerCli(root: string): string {
  return join(root, "node_modules", "wrangler", "bin", "wrangler.js");
}

/**
 * An environment in which wrangler asks nothing, reports nothing and keeps its files in `stateDir`. The registry is where local
 * Workers find each other: with one of its own, two starts do not take each other's queue messages.
 */
export function quietWrangler(stateDir: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    WRANGLER_LOG_PATH: join(stateDir, "logs"),
    WRANGLER_REGISTRY_PATH: join(stateDir, "registry"),
    X_LOCAL_OBSERVABILITY: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    FORCE_COLOR: "0",
    NO_COLOR: "1",
  };
}
