import { utc } from "./format";

/** A time. The server writes it in UTC; the script makes it relative to now, with the exact time as title. */
export function Time({ at, none = "–" }: { at: string | null | undefined; none?: string }) {
  return at ? (
    <time dateTime={at} title={utc(at)}>
      {utc(at)}
    </time>
  ) : (
    <span class="dim">{none}</span>
  );
}

/** The time of day, with the date when it is not today's. */
export function Clock({ at }: { at: string }) {
  return (
    <time dateTime={at} title={utc(at)} data-clock="short">
      {utc(at)}
    </time>
  );
}

/** A sentence of the API. Its times become `Time` elements. A text that only looks like a time stays text, because sentences quote people and systems. */
export function Sentence({ text }: { text: string }) {
  const parts = text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)/);
  return <>{parts.map((part, index) => (index % 2 === 1 && Number.isFinite(Date.parse(part)) ? <Moment at={part} /> : part))}</>;
}

/** A time within a sentence: time of day, and distance from now. */
function Moment({ at = "" }: { at?: string | undefined }) {
  return (
    <time dateTime={at} title={utc(at)} data-clock="">
      {utc(at)}
    </time>
  );
}
