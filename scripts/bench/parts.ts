// Used by npm run bench: its parts, in the order in which they are measured.
import { accept } from "./parts/accept.ts";
import { billed } from "./parts/billed.ts";
import { footprint } from "./parts/footprint.ts";
import { growth } from "./parts/growth.ts";
import { load } from "./parts/load.ts";
import { neighbours } from "./parts/neighbours.ts";
import { outage } from "./parts/outage.ts";
import { pages } from "./parts/pages.ts";
import { pickUp } from "./parts/pick-up.ts";
import { profile } from "./parts/profile.ts";
import { throughput } from "./parts/throughput.ts";
import type { Section } from "./report.ts";
import type { Run } from "./run.ts";

export const parts = { throughput, accept, "pick-up": pickUp, billed, growth, pages, neighbours, outage, load, footprint, profile } satisfies Record<
  string,
  (run: Run) => Promise<Section>
>;
export const partNames = Object.keys(parts) as (keyof typeof parts)[];
