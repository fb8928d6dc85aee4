// Used by npm run bench: what each of its parts is handed.
import type { Bull } from "./bull.ts";
import type { Workbench } from "./worker.ts";

export interface Run {
  bench: Workbench;
  /** A sentence where there is none. */
  bull: Bull | string;
  /** A small sample: shows that it works, and orders of magnitude. */
  quick: boolean;
  say(line: string): void;
}
