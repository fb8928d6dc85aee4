import { iso } from "../../time/iso";
import * as v from "valibot";
import { maxLedgerBytes } from "../../domain/installation/ledger-size";
import { versionsIn } from "../../ledger/versions";
import { outputList } from "../../bounded";
import { route } from "../route";
import { count, isoTime, nullableText } from "../shapes";

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
    v.description("Size of the database and what one holds; the finding ledger-full begins at 80 %"),
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
      const [versions, steps, bytes] = await Promise.all([versionsIn(deps.db), deps.platform.tickSteps(), deps.platform.ledgerBytes()]);
      const body = {
        versions: versions.map(({ id, tag, firstAt }) => ({ version: id, tag, firstAt: iso(firstAt) })),
        steps: steps.map(({ step, outcome, at, ms, detail = null }) => ({ step, outcome, at: iso(at), ms: Math.round(ms), detail })),
        ledger: { bytes, maxBytes: maxLedgerBytes },
      };
      return { status: 200, body };
    },
  }),
];
