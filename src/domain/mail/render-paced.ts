import { createMailMeter } from "./meter";
import { renderMail } from "./render";
import type { MailSource, RenderOptions, RenderedMail } from "./render";

/** Units that a Worker renders in a millisecond at least. */
const unitsPerMs = 6000;
/** A mail below this cost (about 30 ms) is followed by no pause. */
const pauseAboveUnits = 200_000;
const maxPauses = 50;

let freeAt = 0;

/**
 * Renders one mail. Meanwhile the isolate answers nothing else: after a costly mail the next waits about as long as that one
 * took, so that requests and quick mails run in between. Times are of the isolate's clock.
 */
export async function renderPaced(source: MailSource, options: RenderOptions): Promise<RenderedMail> {
  for (let pause = 0; pause < maxPauses && Date.now() < freeAt; pause++) await scheduler.wait(Math.min(1000, freeAt - Date.now()));
  const meter = createMailMeter();
  const rendered = renderMail(source, options, meter);
  // The clock may stand still while it computes, so the time that rendering took is added to the pause.
  if (meter.spent > pauseAboveUnits) freeAt = Date.now() + (2 * meter.spent) / unitsPerMs;
  return rendered;
}
