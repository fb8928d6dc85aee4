import type { Stats } from "../answers";
import type { Visit } from "../page";
import { duration, number, utc } from "../parts/format";
import { Clock } from "../parts/time";

const [width, height, bars] = [960, 100, 60];
const failures = ["dead", "discarded"];

/** The legend names this many of the newest versions. */
const maxNamed = 3;

/** Chart of successful and failed jobs, in 60 steps over the chosen time, with a mark where a version of the Worker was first seen. */
export function Chart({ visit, stats }: { visit: Visit; stats: Stats }) {
  const [from, to] = [Date.parse(stats.from), Date.parse(stats.to)];
  const slots = Array.from({ length: bars }, () => ({ well: 0, broken: 0 }));
  for (const { minute, event, count } of stats.minutes) {
    const slot = slots[Math.min(bars - 1, Math.max(0, Math.floor(((Date.parse(minute) - from) / (to - from)) * bars)))];
    if (slot && event === "done") slot.well += count;
    if (slot && failures.includes(event)) slot.broken += count;
  }
  const [well, broken] = [sum(slots.map((slot) => slot.well)), sum(slots.map((slot) => slot.broken))];
  const highest = Math.max(1, ...slots.map((slot) => slot.well + slot.broken));
  const tall = (count: number) => (count === 0 ? 0 : Math.max(2, (count / highest) * (height - 4)));
  return (
    <>
      <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${number(well)} ended well, ${number(broken)} ended badly`}>
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
        {slots.map((slot, index) => (
          <Bar key={index} x={(index * width) / bars + 1} well={tall(slot.well)} broken={tall(slot.broken)} />
        ))}
        {stats.deploys.map(({ version, tag, at }) => (
          <Mark key={version} x={((Date.parse(at) - from) / (to - from)) * width} title={`version ${nameOf({ version, tag })} first seen ${utc(at)}`} />
        ))}
      </svg>
      <p class="legend">
        <span class="well">
          <i />
          {number(well)} ended well
        </span>
        <span class="broken">
          <i />
          {number(broken)} ended badly
        </span>
        <span>
          at most {number(highest)} in {duration((to - from) / bars)}
        </span>
        {stats.deploys.length === 0 ? null : (
          <span class="deploy">
            <i />
            first seen:{" "}
            {stats.deploys.slice(-maxNamed).map((deploy, index) => [index === 0 ? "" : ", ", <Version key={deploy.version} visit={visit} {...deploy} />])}
          </span>
        )}
      </p>
    </>
  );
}

/** The versions are a page of the root token. */
function Version({ visit, version, tag, at }: { visit: Visit } & Stats["deploys"][number]) {
  const name = `version ${nameOf({ version, tag })}`;
  return (
    <>
      {visit.isRoot ? <a href={`/t/*/system#version-${encodeURIComponent(version)}`}>{name}</a> : name} <Clock at={at} />
    </>
  );
}

function Bar({ x, well, broken }: { x: number; well: number; broken: number }) {
  const wide = width / bars - 2;
  return (
    <>
      {well > 0 ? <rect class="well" x={x} y={height - well} width={wide} height={well} /> : null}
      {broken > 0 ? <rect class="broken" x={x} y={height - well - broken} width={wide} height={broken} /> : null}
    </>
  );
}

function Mark({ x, title }: { x: number; title: string }) {
  return (
    <line class="deploy" x1={x} x2={x} y1="0" y2={height}>
      <title>{title}</title>
    </line>
  );
}

function nameOf({ version, tag }: { version: string; tag: string }): string {
  return tag || version.slice(0, 8);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
