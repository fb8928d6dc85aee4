import { createMeter } from "./meter";
import { renderMail } from "./render";
import type { MailSource, RenderOptions, Rendered } from "./render";

/** Units that a Worker renders in a millisecond at the least. */
const unitsPerMs = 6000;
/** A mail that costs less than this asks for no pause: about 30 ms. */
const pauseAboveUnits = 200_000;
const maxPauses = 50;

let freeAt = 0;

/**
 * Renders one mail. While it computes, the isolate answers nothing else; after a dear one the next waits about as long as that one
 * took, so that requests and quick mails come in between, whatever a batch holds. Times are of the isolate's own clock.
 */
export async function renderPaced(source: MailSource, options: RenderOptions): Promise<Rendered> {
  for (let pause = 0; pause < maxPauses && Date.now() < freeAt; pause++) await scheduler.wait(Math.min(1000, freeAt - Date.now()));
  const meter = createMeter();
  const rendered = renderMail(source, options, meter);
  // The clock may stand still while it computes: the time it took is added to the pause.
  if (meter.spent > pauseAboveUnits) freeAt = Date.now() + (2 * meter.spent) / unitsPerMs;
  return rendered;
}
