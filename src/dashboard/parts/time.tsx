import { utc } from "./format";

/** A time. The server writes it in UTC; in the browser it reads as how long ago, or in how long, with the exact one as its title. */
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

/** A sentence of the API. The times in it become times of the page; what only looks like one stays text, since a sentence quotes what people and systems wrote. */
export function Sentence({ text }: { text: string }) {
  const parts = text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)/);
  return <>{parts.map((part, index) => (index % 2 === 1 && Number.isFinite(Date.parse(part)) ? <Moment at={part} /> : part))}</>;
}

/** A time within a sentence: the clock, and how far off it is. */
function Moment({ at = "" }: { at?: string | undefined }) {
  return (
    <time dateTime={at} title={utc(at)} data-clock="">
      {utc(at)}
    </time>
  );
}
