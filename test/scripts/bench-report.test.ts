import { expect, it } from "vitest";
import { busyMs } from "../../scripts/bench/parts/footprint.ts";
import { ownTimes } from "../../scripts/bench/parts/profile.ts";
import { asJson, asMarkdown, asText, atLeast, atMost, median, notMeasured, ratios, type Report } from "../../scripts/bench/report.ts";

const report: Report = {
  at: "2026-11-26T07:00:00.000Z",
  commit: "abc1234",
  command: "npm run bench",
  machine: { cores: 2, processor: "Test", memoryGb: 8, system: "Linux 6", load: 0.1, programs: { node: "v24", redis: "not installed" } },
  sections: [
    {
      key: "throughput",
      title: "Throughput",
      how: "Three rounds.",
      figures: [
        { what: "a | b", unit: "jobs/s", rounds: [5000, 4000, 9000], goal: atLeast(4500, "≥ 4,500") },
        { what: "slow", unit: "ms", rounds: [7], goal: atMost(6, "≤ 6") },
        notMeasured("BullMQ", "redis-server is not installed"),
      ],
    },
  ],
};

it.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[], NaN],
])("of %j the median is %d", (values, expected) => {
  expect(median(values)).toBe(expected);
});

it("compares round by round, as far as both have rounds", () => {
  expect(ratios([10, 30, 5], [5, 10])).toEqual([2, 3]);
});

it("shows median, spread and goal, and what was not measured", () => {
  const text = asText(report.sections[0]!);
  expect(text).toMatch(/a \| b +5,000 jobs\/s +4,000 to 9,000 +≥ 4,500: yes/);
  expect(text).toMatch(/slow +7 ms +≤ 6: NO/);
  expect(text).toContain("not measured: redis-server is not installed");
  const page = asMarkdown(report);
  expect(page).toContain("| a \\| b | 5,000 jobs/s | 4,000 to 9,000 | ≥ 4,500: yes |  |");
  expect(page).toContain("2 cores (Test), 8 GB, Linux 6; load 0.1 when the run began. node v24, redis not installed.");
});

it("says that a busy machine's figures are not to be trusted", () => {
  expect(asMarkdown({ ...report, machine: { ...report.machine, load: 9 } })).toContain("not to be trusted");
});

it("writes for programs whether each goal holds", () => {
  const { sections } = JSON.parse(asJson(report)) as { sections: { figures: { median?: number; holds?: boolean }[] }[] };
  expect(sections[0]?.figures.map(({ median: middle, holds }) => [middle, holds])).toEqual([
    [5000, true],
    [7, false],
    [undefined, undefined],
  ]);
});

it("adds up a profile by function, and leaves out what is idle of a start-up", () => {
  const frame = (functionName: string) => ({ functionName, scriptId: "7", lineNumber: 9 });
  const nodes = [
    { id: 1, callFrame: frame("claim"), children: [3] },
    { id: 2, callFrame: frame("(idle)") },
    { id: 3, callFrame: { functionName: "", scriptId: "0", lineNumber: -1 } },
  ];
  const profile = { nodes, samples: [1, 2, 1, 3], timeDeltas: [1000, 6000, 2000, 1000] };
  const fileOf = (scriptId: string, line: number) => `${scriptId}.ts:${line + 1}`;
  expect(ownTimes(profile, 10, fileOf)).toEqual([
    { what: "(idle) 7.ts:10", unit: "µs/job", rounds: [600], note: "60.0 %" },
    { what: "claim 7.ts:10", unit: "µs/job", rounds: [300], note: "30.0 %" },
    { what: "(anonymous) in claim 7.ts:10", unit: "µs/job", rounds: [100], note: "10.0 %" },
  ]);
  expect(busyMs(JSON.stringify(profile))).toBe(3);
});
