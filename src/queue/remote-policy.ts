/** How a job whose behaviour runs outside is handed to workers. All times in whole seconds. */
export interface RemotePolicy {
  /** A worker holds a job this long after it took it, and after each heartbeat. Default 60; 10 to 3,600. */
  lease: number;
  /** How often a worker shall send a heartbeat. Default a third of the lease. */
  heartbeat: number;
  /** A job that was handed out and is not started by then is offered again; no attempt is counted. Default 30; 5 to 300. */
  startWithin: number;
}

/** What a job's definition sets for workers outside. */
export interface RemoteDefinition {
  type: string;
  /** Runs outside, see docs/remote-workers.md; `policy.timeout` is then the longest time one worker may hold the job: 12 hours by default. */
  remote?: true;
  /** For remote jobs, see `RemotePolicy`. */
  lease?: number;
  heartbeat?: number;
  startWithin?: number;
  needs?: readonly string[];
  batch?: boolean;
}

/** Fills in the defaults. */
export function checkedRemote({
  type,
  lease = 60,
  heartbeat = Math.floor(lease / 3),
  startWithin = 30,
  needs = [],
  batch = false,
}: RemoteDefinition): RemotePolicy {
  checkRules(type, [
    [within(lease, 10, 3600), "lease must be 10 to 3,600 seconds"],
    [within(heartbeat, 1, lease - 1), "heartbeat must be shorter than the lease"],
    [within(startWithin, 5, 300), "startWithin must be 5 to 300 seconds"],
    [needs.length === 0 && !batch, "a remote job has no needs and no batch handler: its behaviour is not here"],
  ]);
  return { lease, heartbeat, startWithin };
}

/** Throws on the first rule that does not hold: a wrong policy stops the Worker at start. */
export function checkRules(type: string, rules: readonly [boolean, string][]): void {
  const broken = rules.find(([holds]) => !holds);
  if (broken) throw new Error(`Job "${type}": ${broken[1]}`);
}

export function within(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
