/** The jobs of the night, and what the other answers about it share. */
export type Night = ReturnType<typeof nightJobs>;

/** The jobs of that night, and what some of them wait for. */
export function nightJobs(now: number) {
  const at = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const second = (iso: string) => iso.replace(/\.\d+/, "");
  const id = (index: number) => `01jyc3k${String(index).padStart(2, "0")}m51r1xygt${String(index * 37).padStart(3, "0")}f`;
  const circuit = `The circuit of mail is open until ${second(at(-2))} after 5 failures in a row (mail API: host not found); 213 jobs wait for it. One job will try then.`;
  const gateActions = [
    { method: "POST", path: "/v1/gates/mail/probe", label: "Probe now" },
    { method: "POST", path: "/v1/gates/mail/reset", label: "Close the circuit" },
  ];
  const circuitWhy = { code: "circuit-open", sentence: circuit, since: at(9), until: at(-2), tenant: "demo", actions: gateActions };
  const paused = `The queue analytics-events is paused since ${second(at(40))} by ana: provider migration.`;
  const job = (index: number, own: object) => ({
    ...{
      id: id(index),
      type: "email",
      state: "done",
      attempt: 1,
      maxAttempts: 8,
      progress: { done: 0, total: null, note: null },
      queue: "email-sending",
      siteId: null,
    },
    ...{ runs: 1, gate: null, dryRun: false, cancelling: false, at: at(index / 3), runAt: null, startedAt: at(index / 3), endedAt: null, why: null, ...own },
  });
  const held = (index: number) =>
    job(index, {
      state: "waiting",
      attempt: 0,
      gate: "mail",
      startedAt: null,
      runAt: at(-2),
      why: { code: "circuit-open", sentence: circuit, since: at(9), until: at(-2), actions: gateActions },
    });
  const sync = job(1, {
    ...{ type: "sync-orders", state: "running", siteId: "shop-north", queue: "prestashop-sync", startedAt: at(4), at: at(4.2) },
    progress: { done: 1925, total: 5999, note: "orders, up to id 1925" },
  });
  const retrying = job(5, {
    ...{ type: "webhook", state: "retrying", attempt: 3, queue: "deliveries", runAt: at(-4) },
    why: {
      code: "retrying",
      sentence: `Attempt 3 of 8 failed: HTTP 502. The next one is at ${second(at(-4))}.`,
      since: at(3),
      until: at(-4),
      actions: [{ method: "POST", path: `/v1/jobs/${id(5)}/run-now`, label: "Run now" }],
    },
  });
  const scheduled = job(6, {
    state: "queued",
    attempt: 0,
    startedAt: null,
    runAt: at(-130),
    why: { code: "scheduled", sentence: `It is scheduled for ${second(at(-130))}.`, since: at(2), until: at(-130), actions: [] },
  });
  const dead = job(7, {
    ...{ state: "discarded", endedAt: at(3) },
    why: {
      code: "discarded",
      sentence: "It failed for good: There is no template of the name report.",
      since: at(3),
      actions: [{ method: "POST", path: `/v1/jobs/${id(7)}/retry`, label: "Retry" }],
    },
  });
  const ended = (index: number, type: string, queue: string) => job(index, { type, queue, endedAt: at(index / 3) });
  const jobs = [
    sync,
    held(2),
    held(3),
    held(4),
    retrying,
    scheduled,
    dead,
    ...[8, 9, 10, 11, 12, 13].map((n) => ended(n, ["image", "lead", "email"][n % 3] ?? "email", "events")),
  ];
  return { now, at, id, circuit, circuitWhy, gateActions, paused, held, jobs };
}
