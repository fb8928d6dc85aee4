import type { Http } from "../../providers/http";
import type { InstallationStore } from "./store";

/** How the call of a heartbeat address went; null: none is set. `reason` holds nothing of the address. */
export type Beaten = { ok: true } | { ok: false; reason: string } | null;

/** Milliseconds. */
const timeLimit = 5000;
/** Bytes of an answer that is not read. */
const sizeLimit = 100_000;

/** Calls the heartbeat address, where there is one. Never throws. */
export async function callHeartbeat(settings: Pick<InstallationStore, "read">, http: Http): Promise<Beaten> {
  try {
    const heartbeat = await settings.read("heartbeat");
    if (!heartbeat) return null;
    const reply = await http({ url: heartbeat.value.url, signal: AbortSignal.timeout(timeLimit), timeLimit, sizeLimit });
    if (!reply.ok) return { ok: false, reason: reply.failure.reason };
    const { status } = reply.value;
    return status >= 200 && status < 300 ? { ok: true } : { ok: false, reason: `it answered ${status}` };
  } catch (thrown) {
    return { ok: false, reason: thrown instanceof Error ? thrown.message : "it cannot be read" };
  }
}
