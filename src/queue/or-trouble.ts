import { redactedReason } from "../masking/redact";
import type { Engine } from "./engine";

/** What `ask` answers; undefined when it throws, which is emitted as trouble at `where`. Never throws. */
export async function orTrouble<T>(
  engine: Engine,
  where: string,
  ask: () => Promise<T>,
  about: { tenant?: string; id?: string; queue?: string } = {},
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    engine.emit({ event: "trouble", where, reason: redactedReason(thrown), ...about });
    return undefined;
  }
}
