import { isFree } from "../../../scripts/start/ports.ts";

/**
 * Below the ports that Linux gives to connections (from 32,768 on): between the look and the start of what listens there, no connection takes it. Each process has
 * twenty of its own, so none of them takes another's. Redis in cluster mode listens 10,000 ports higher as well, which must be below that too.
 */
const [lowest, perProcess, processes] = [12_000, 20, 500];
const first = lowest + (process.pid % processes) * perProcess;
let given = 0;

/** A port on 127.0.0.1 where nothing listens, for what is started next. */
export async function freePort(): Promise<number> {
  for (let looks = 0; looks < perProcess; looks++) {
    const port = first + (given++ % perProcess);
    if (await isFree(port)) return port;
  }
  throw new Error(`the ports from ${first} to ${first + perProcess - 1} are taken`);
}
