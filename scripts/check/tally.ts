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
  testResults?: { status?: string; assertionResults?: unknown[] }[];
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
