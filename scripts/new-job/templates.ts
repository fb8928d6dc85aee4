import type { Names } from "./names.ts";

export function contractFile({ type, contract }: Names, queue: string): string {
  return `import * as v from "valibot";
import { boundedName } from "../../bounded";
import { defineJob } from "../../queue/job";

const payload = v.strictObject({ siteId: boundedName() });

export const ${contract} = defineJob({
  type: "${type}",
  payload,
  result: v.object({ siteId: v.string() }),
  queue: "${queue}",
  policy: { maxAttempts: 5, timeout: 30 },
});
`;
}

export function runFile({ contract, run }: Names): string {
  return `import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { ${contract} } from "./job";

export const ${run}: Run<typeof ${contract}> = async (payload) => {
  return done({ siteId: payload.siteId });
};
`;
}

export function testFile({ type, contract, run }: Names): string {
  return `import { describe, expect, it } from "vitest";
import { ${contract} } from "../../src/jobs/${type}/job";
import { ${run} } from "../../src/jobs/${type}/run";
import { workJob } from "../support/work-job";

describe("${type}", () => {
  it.each([[{}], [{ siteId: "No Such Name" }], [{ siteId: "shop", other: 1 }]])("refuses %j", (payload) => {
    expect(${contract}).toRefuse(payload);
  });

  it("is done with the site", async () => {
    const job = await workJob(${contract}, ${run}, { siteId: "shop" });
    expect(job).toBeDone({ siteId: "shop" });
  });
});
`;
}
