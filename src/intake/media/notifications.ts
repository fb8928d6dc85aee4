import { notifiedObject } from "../../domain/media/notification";
import type { ForeignReader, ForeignDisposition } from "../../queue/run/foreign";
import type { IntakeDeps } from "../deps";

/** Takes R2's notifications in. Each is about one original; several about the same original enqueue its jobs once. */
export function uploadReader(deps: Pick<IntakeDeps, "media" | "snapshots" | "now">): ForeignReader {
  return async (messages) => {
    const dispositions = new Map<string, Promise<ForeignDisposition>>();
    return Promise.all(
      messages.map(({ body }): Promise<ForeignDisposition> => {
        const object = notifiedObject(body);
        if (object.kind === "own") return Promise.resolve({ do: "ack" });
        if (object.kind === "refused") return Promise.resolve({ do: "bury", reason: object.reason });
        const name = `${object.tenant}/${object.key}`;
        const handled = dispositions.get(name) ?? noteUpload(deps, object.tenant, object.key);
        dispositions.set(name, handled);
        return handled;
      }),
    );
  };
}

async function noteUpload(
  { media, snapshots, now }: Pick<IntakeDeps, "media" | "snapshots" | "now">,
  tenant: string,
  key: string,
): Promise<ForeignDisposition> {
  const { state } = await snapshots.read(tenant, now());
  if (state === "unknown") return { do: "redeliver" };
  if (state === "absent") return { do: "bury", reason: `the object's key names no tenant: there is no "${tenant}"` };
  const refused = await media.reconcile(tenant, key);
  if (!refused) return { do: "ack" };
  if (refused.code === "unavailable" || refused.code === "too-many-requests") return { do: "redeliver", seconds: refused.retryAfter };
  return { do: "bury", reason: `no job can be made of it: ${refused.detail}` };
}
