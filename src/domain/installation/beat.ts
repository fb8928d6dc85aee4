import type { Http } from "../../providers/http";
import type { InstallationStore } from "./store";

/** The result of a heartbeat call; null: no address is set. `reason` contains no part of the address. */
export type Beaten = { ok: true } | { ok: false; reason: string } | null;

const maxCallMs = 5000;
/** Bytes of the answer, which is not used. */
const maxAnswerBytes = 100_000;

/** Calls the heartbeat address, where one is set. Never throws. */
export async function callHeartbeat(settings: Pick<InstallationStore, "read">, http: Http): Promise<Beaten> {
  try {
    const heartbeat = await settings.read("heartbeat");
    if (!heartbeat) return null;
    const reply = await http({ url: heartbeat.value.url, signal: AbortSignal.timeout(maxCallMs), timeLimit: maxCallMs, sizeLimit: maxAnswerBytes });
    if (!reply.ok) return { ok: false, reason: reply.failure.reason };
    const { status } = reply.value;
    return status >= 200 && status < 300 ? { ok: true } : { ok: false, reason: `it answered ${status}` };
  } catch (thrown) {
    return { ok: false, reason: thrown instanceof Error ? thrown.message : "it cannot be read" };
  }
}
