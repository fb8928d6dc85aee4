import { watch } from "node:fs";
import { join } from "node:path";

/** Editors and scaffolds write several files at once: a change is reported when nothing more came for so long. Milliseconds. */
const quietMs = 400;

/** What the Worker is built from. */
const places = ["src", "migrations", "wrangler.toml"];

/**
 * Watches the Worker's sources until the signal fires.
 * @returns A function whose promise resolves at the next change after its call.
 */
export function watchCode(root: string, signal: AbortSignal): () => Promise<void> {
  let next = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const onChange = (_: string, name: string | null) => {
    if (name !== null && !/\.(?:tsx?|js|css|sql|toml|json)$/.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      next.resolve();
      next = Promise.withResolvers<void>();
    }, quietMs);
  };
  for (const place of places) watch(join(root, place), { recursive: true, signal }, onChange).on("error", () => undefined);
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => next.promise;
}
