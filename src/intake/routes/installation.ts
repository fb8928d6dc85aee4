import { iso } from "../../time/iso";
import * as v from "valibot";
import { versionsIn } from "../../ledger/versions";
import { count, isoTime, outputList } from "../../bounded";
import { route } from "../route";
import { nullableText } from "../shapes";

export const installationShape = v.object({
  versions: v.pipe(
    outputList(v.object({ version: v.string(), tag: v.string(), firstAt: isoTime })),
    v.description("Versions of the Worker with the time when the tick first saw each; newest first, at most 20"),
  ),
  steps: v.pipe(
    outputList(v.object({ step: v.string(), outcome: v.string(), at: isoTime, ms: count, detail: nullableText })),
    v.description("The last result of each step of the tick"),
  ),
  ledger: v.pipe(
    v.object({ bytes: v.nullable(count), maxBytes: count }),
    v.description(
      "Size of the database and what it may have: the variable MAX_LEDGER_BYTES; else 10 GB, or 500 MB once D1 has refused by the daily limit of its free plan. The finding ledger-full begins at 80 %",
    ),
  ),
});

export const installationRoutes = [
  route("GET /v1/installation", {
    name: "installation",
    summary: "Versions of the Worker that were seen, how each step of the tick last ended, and the size of the ledger",
    scope: "root",
    tenant: "none",
    answers: { 200: installationShape },
    handle: async ({ deps }) => {
      const [versions, steps, ledger] = await Promise.all([versionsIn(deps.db), deps.platform.tickSteps(), deps.platform.ledgerSize()]);
      const body = {
        versions: versions.map(({ id, tag, firstAt }) => ({ version: id, tag, firstAt: iso(firstAt) })),
        steps: steps.map(({ step, outcome, at, ms, detail = null }) => ({ step, outcome, at: iso(at), ms: Math.round(ms), detail })),
        ledger,
      };
      return { status: 200, body };
    },
  }),
];
