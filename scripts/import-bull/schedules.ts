import { createHash } from "node:crypto";
import { cronFromEvery, cronFromPattern } from "./cron.ts";
import { type BullJob, optionsOf, parse, readJobs } from "./job.ts";
import type { JobMap } from "./map.ts";
import type { Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";
import { type Judged, reasons, requestFrom } from "./request.ts";

/** A repeatable job (Bull 4, BullMQ 5) or job scheduler (BullMQ 5 and 6), and what it is in the product. */
export interface BullSchedule {
  /** Its member of the set of schedules. */
  member: string;
  /** What the ids of its runs begin with. */
  idPrefixes: string[];
  label: string;
  ours: OurSchedule | { fault: string };
}

export interface OurSchedule {
  tenant: string;
  name: string;
  /** For `PUT /v1/schedules/{name}`. */
  body: { type: string; payload: unknown; cron: string; zone: string; misfire: "once"; overlap: "allow" };
  notes: string[];
}

/** Reads all schedules of a queue. */
export async function readSchedules(connection: Connection, queue: Queue, map: JobMap, judge: Judge, now: number): Promise<BullSchedule[]> {
  const members = await connection.client.zrange(`${queue.base}repeat`, 0, -1);
  const read = await Promise.all(members.map((member) => readSchedule(connection, { queue, map, judge, now }, member)));
  return read.flat();
}

/** Asks the product what it would make of a request. */
type Judge = (judged: Judged) => Promise<Judged>;

interface Known {
  queue: Queue;
  map: JobMap;
  judge: Judge;
  now: number;
}

interface Raw {
  name: string;
  id: string;
  pattern?: string;
  every?: number;
  zone: string;
  /** What makes it end or begin, which a schedule of the product cannot. */
  bounded: string;
  data?: string;
}

/** How often a schedule is read that fires in that moment: its next run is there a moment later. */
const maxLooks = 5;

async function readSchedule(connection: Connection, known: Known, member: string): Promise<BullSchedule[]> {
  const { base } = known.queue;
  for (let looks = 1; ; looks++) {
    const at = await connection.client.zscore(`${base}repeat`, member);
    if (at === null) return [];
    const hash = await connection.client.hgetall(`${base}repeat:${member}`);
    const raw = Object.keys(hash).length > 0 ? fromHash(hash, member) : fromMember(member);
    const idPrefixes = [`repeat:${member}:`, ...[`${raw.id}:`, raw.id].map((id) => `repeat:${md5(raw.name + id + md5(member))}:`)];
    const runs = await readJobs(
      connection,
      known.queue,
      "delayed",
      idPrefixes.map((prefix) => ({ id: prefix + at, score: "" })),
    );
    const next = runs.find(({ data }) => data !== "");
    if (next || looks === maxLooks) return [{ member, idPrefixes, label: labelOf(raw), ours: await oursFrom(raw, next, known, member) }];
  }
}

function labelOf({ name, id, pattern, zone, every }: Raw): string {
  return `${name}${id !== "" && id !== name && !isDigest(id) ? ` (${id})` : ""}, ${pattern ? `"${pattern}" ${zone}`.trim() : `every ${every} ms`}`;
}

/** BullMQ 5 calls repeatable jobs without a key by a digest of their options. */
function isDigest(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}

function fromHash(hash: Record<string, string>, member: string): Raw {
  return {
    name: hash["name"] ?? "__default__",
    id: member,
    ...(hash["pattern"] ? { pattern: hash["pattern"] } : {}),
    ...(hash["every"] ? { every: Number(hash["every"]) } : {}),
    zone: hash["tz"] ?? "",
    bounded: boundsOf(hash),
    ...(hash["data"] ? { data: hash["data"] } : {}),
  };
}

/** A beginning in the past bounds nothing any more. */
function boundsOf(repeat: unknown): string {
  const bounds = (typeof repeat === "object" && repeat !== null ? repeat : {}) as Record<string, unknown>;
  const found = ["endDate", "limit"].filter((name) => bounds[name] !== undefined);
  const begins = Number(bounds["startDate"]) || Date.parse(String(bounds["startDate"]));
  return [...found, ...(begins > Date.now() ? ["startDate"] : [])].join(" and ");
}

/** `name:id:endDate:zone:cron` or `name:id:endDate:every`; the name may hold colons. */
function fromMember(member: string): Raw {
  const parts = member.split(":");
  const last = parts.pop() ?? "";
  const isEvery = /^\d+$/.test(last);
  const zone = isEvery ? "" : (parts.pop() ?? "");
  const endDate = parts.pop() ?? "";
  const id = parts.pop() ?? "";
  return { name: parts.join(":"), id, zone, bounded: endDate === "" ? "" : "endDate", ...(isEvery ? { every: Number(last) } : { pattern: last }) };
}

async function oursFrom(raw: Raw, next: BullJob | undefined, { queue, map, judge, now }: Known, member: string): Promise<OurSchedule | { fault: string }> {
  if (!next) return { fault: "its next run is not there" };
  const bounded = raw.bounded || boundsOf(optionsOf(next)["repeat"]);
  if (bounded !== "") return { fault: `it has ${bounded}, which a schedule of the product does not know` };
  const data = raw.data ?? next.data;
  const timing = raw.pattern ? cronFromPattern(raw.pattern) : cronFromEvery(raw.every ?? 0);
  if ("fault" in timing) return timing;
  const job = {
    id: member,
    score: "",
    place: "wait",
    why: "",
    name: raw.name,
    data,
    opts: "{}",
    timestamp: "0",
    attempts: 0,
    dedup: "",
    sha: "",
    started: "",
    failedReason: "",
  } as const;
  const judged = await judge(requestFrom(job, queue, map, { names: [], tenants: [] }, now));
  if ("reason" in judged) return { fault: reasons[judged.reason] + (judged.detail ? `: ${judged.detail}` : "") };
  const { entry, request } = judged;
  if (typeof request.job.payload !== "object" || request.job.payload === null || parse(data) === undefined) return { fault: "its payload is no object" };
  const notes = [timing.note, raw.pattern && raw.zone === "" ? "it named no time zone, so its workers' own counted: UTC is assumed" : undefined].filter(
    (note) => note !== undefined,
  );
  const name = entry.schedules?.[raw.id] ?? entry.schedules?.[raw.name] ?? slugOf(`${queue.name}-${isDigest(raw.id) ? raw.name : raw.id || raw.name}`, member);
  const body = {
    type: entry.type,
    payload: request.job.payload,
    cron: timing.cron,
    zone: raw.pattern ? raw.zone || "UTC" : "UTC",
    misfire: "once",
    overlap: "allow",
  } as const;
  return { tenant: request.tenant, name, body, notes };
}

/** Readable, and another one for another schedule. */
function slugOf(text: string, member: string): string {
  const slug = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return `${slug.slice(0, 54)}-${md5(member).slice(0, 8)}`;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
