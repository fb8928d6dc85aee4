export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Report {
  numPassedTests?: number;
  numFailedTests?: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults?: { name?: string; status?: string; message?: string; assertionResults?: Assertion[] }[];
}

interface Assertion {
  fullName?: string;
  status?: string;
  failureMessages?: string[];
}

/** One test that failed, or a file that could not be loaded. */
export interface FailedTest {
  /** Absolute path of the file. */
  file: string;
  /** The test's full name; empty when the file could not be loaded. */
  name: string;
  /** First line of its error. */
  error: string;
}

/** What failed in a JSON report of vitest. */
export function failedTests(reportText: string | null): FailedTest[] {
  return (parsed(reportText).testResults ?? []).flatMap(({ name: file = "", status, message = "", assertionResults = [] }) => {
    const failed = assertionResults.filter((each) => each.status === "failed");
    if (failed.length === 0 && status === "failed") return [{ file, name: "", error: firstLine(message) }];
    return failed.map((each) => ({ file, name: each.fullName ?? "", error: firstLine(each.failureMessages?.[0] ?? "") }));
  });
}

/** Absolute paths of the files of a JSON report of vitest. */
export function testedFiles(reportText: string | null): string[] {
  return (parsed(reportText).testResults ?? []).flatMap(({ name }) => name ?? []);
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}

/** Counts a JSON report of vitest. A file that could not even be loaded is one failure, and so is a run that failed without saying where. */
export function tally(reportText: string | null, exitedWell: boolean): Tally {
  const report = parsed(reportText);
  const unloaded = (report.testResults ?? []).filter((file) => file.status === "failed" && !file.assertionResults?.length).length;
  const failed = (report.numFailedTests ?? 0) + unloaded;
  return {
    passed: report.numPassedTests ?? 0,
    failed: failed === 0 && !exitedWell ? 1 : failed,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
}

export function sum(tallies: readonly Tally[]): Tally {
  const of = (count: keyof Tally) => tallies.reduce((total, each) => total + each[count], 0);
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped") };
}

export function asLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function parsed(text: string | null): Report {
  if (text === null) return {};
  try {
    return JSON.parse(text) as Report;
  } catch {
    return {};
  }
}
