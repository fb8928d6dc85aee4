import { createHash } from "node:crypto";
import { cronFromEvery, cronFromPattern } from "./cron.ts";
import { parse, readJobs } from "./job.ts";
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
  const flat = await connection.client.zrange(`${queue.base}repeat`, 0, -1, "WITHSCORES");
  const members = flat.flatMap((member, index) => (index % 2 === 0 ? [{ member, at: flat[index + 1] ?? "" }] : []));
  return Promise.all(members.map(({ member, at }) => readSchedule(connection, { queue, map, judge, now }, member, at)));
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

async function readSchedule(connection: Connection, known: Known, member: string, at: string): Promise<BullSchedule> {
  const { queue } = known;
  const hash = await connection.client.hgetall(`${queue.base}repeat:${member}`).catch(() => ({}));
  const raw = Object.keys(hash).length > 0 ? fromHash(hash, member) : fromMember(member);
  const inner = raw.id === "" ? "" : `${raw.id}:`;
  const md5s = [`${raw.name}${inner === "" ? ":" : inner}`, `${raw.name}${raw.id}`].map((start) => `repeat:${md5(start + md5(member))}:`);
  const idPrefixes = [`repeat:${member}:`, ...md5s];
  const [pending] = await readJobs(
    connection,
    queue,
    "delayed",
    idPrefixes.map((prefix) => ({ id: prefix + at, score: "" })),
  ).then((jobs) => jobs.filter(({ data }) => data !== ""));
  const label = `${raw.name}${raw.id && raw.id !== raw.name ? ` (${raw.id})` : ""}, ${raw.pattern ? `"${raw.pattern}" ${raw.zone}`.trim() : `every ${raw.every} ms`}`;
  return { member, idPrefixes, label, ours: await oursFrom(raw, raw.data ?? pending?.data ?? "{}", known, member) };
}

function fromHash(hash: Record<string, string>, member: string): Raw {
  const bounds = ["endDate", "limit", "startDate"].filter((field) => hash[field] && !(field === "startDate" && Number(hash[field]) < Date.now()));
  return {
    name: hash["name"] ?? "__default__",
    id: member,
    ...(hash["pattern"] ? { pattern: hash["pattern"] } : {}),
    ...(hash["every"] ? { every: Number(hash["every"]) } : {}),
    zone: hash["tz"] ?? "",
    bounded: bounds.join(" and "),
    ...(hash["data"] ? { data: hash["data"] } : {}),
  };
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

async function oursFrom(raw: Raw, data: string, { queue, map, judge, now }: Known, member: string): Promise<OurSchedule | { fault: string }> {
  if (raw.bounded !== "") return { fault: `it has ${raw.bounded}, which a schedule of the product does not know` };
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
  } as const;
  const judged = await judge(requestFrom(job, queue, map, { names: [], tenants: [] }, now));
  if ("reason" in judged) return { fault: reasons[judged.reason] + (judged.detail ? `: ${judged.detail}` : "") };
  const { entry, request } = judged;
  if (typeof request.job.payload !== "object" || request.job.payload === null || parse(data) === undefined) return { fault: "its payload is no object" };
  const notes = [timing.note, raw.pattern && raw.zone === "" ? "it named no time zone, so its workers' own counted: UTC is assumed" : undefined].filter(
    (note) => note !== undefined,
  );
  const name = entry.schedules?.[raw.id] ?? entry.schedules?.[raw.name] ?? slugOf(`${queue.name}-${raw.id || raw.name}`, member);
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
