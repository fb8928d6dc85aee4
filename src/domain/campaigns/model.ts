import { withCommas } from "../../decimal";
import * as v from "valibot";
import { templateId } from "../mail/model";
import { boundedText, jsonObject } from "../../bounded";
import { personal } from "../../masking/personal";
import { type SendWindow, windowSchema } from "./window";

/** One campaign of a tenant, in its database. */
export interface CampaignScope {
  db: D1Database;
  tenant: string;
  id: string;
}

export const campaignStates = ["draft", "running", "paused", "done", "cancelled"] as const;
export type CampaignState = (typeof campaignStates)[number];

/** Recipients of one list. */
export const maxListRecipients = 1_000_000;
/** Bytes of one row, as it is sent and as it is stored. */
export const maxRowBytes = 16_384;
/** Recipients of one page: as many as a provider accepts in one call. */
export const maxPageSize = 100;
/** Open pages of one campaign. */
const maxOpenPages = 200;
const maxVariablesLength = 65_536;

/** The body of `POST /v1/campaigns`. */
export const campaignInput = v.strictObject({
  name: boundedText(200, { min: 1, trim: true }),
  templateId,
  variables: v.optional(
    v.pipe(
      jsonObject(),
      v.check((value) => JSON.stringify(value).length <= maxVariablesLength, `must have at most ${withCommas(maxVariablesLength)} characters as JSON`),
      personal(),
    ),
  ),
  ratePerMinute: v.optional(
    v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(1_000_000, "must be at most 1,000,000")),
  ),
  window: v.optional(windowSchema),
});

export type CampaignInput = v.InferOutput<typeof campaignInput>;

/** A stored campaign. Times in milliseconds. */
export interface Campaign {
  id: string;
  name: string;
  templateId: string;
  variables: Record<string, unknown>;
  ratePerMinute: number | null;
  window: SendWindow | null;
  state: CampaignState;
  /** The R2 object with its recipients; null: not uploaded yet, or deleted. */
  list: string | null;
  /** Bytes of the list. */
  bytes: number;
  total: number;
  /** IANA zone of the window. */
  zone: string;
  /** The template is read as of this time. */
  pinned: number | null;
  templateVersion: number | null;
  job: string | null;
  /** Offset of the next page in the list (bytes), and its number. */
  next: { offset: number; page: number };
  created: number;
  /** When its state or list changed last. */
  updated: number;
  started: number | null;
  ended: number | null;
  /** An operator has seen that recipients failed. */
  acknowledged: Acknowledgement | null;
}

export interface Acknowledgement {
  /** Recipients that had failed by then. */
  failed: number;
  /** Milliseconds. */
  at: number;
}

/** Results for the recipients of ended pages. */
export interface PageCounts {
  sent: number;
  failed: number;
  suppressed: number;
  /** Recipients whose mailbox an earlier row has. */
  duplicates: number;
}

/** A recipient as the list has it. */
export interface Recipient {
  /** Line of the uploaded list, from 1. */
  line: number;
  /** `a@b.example` or `Name <a@b.example>`. */
  to: string;
  variables: Record<string, unknown>;
}

/** A recipient that this page sends to. */
export interface ClaimedRecipient extends Recipient {
  hash: string;
}

/** A recipient without a mail, and why. Contains no address. */
export interface LeftOut {
  hash: string;
  state: "failed" | "suppressed";
  reason: string;
  /** The provider's message, which may name a person. */
  providerMessage?: string;
}

/** With a rate, one page is sent about every 10 seconds. */
export function pageSizeOf(ratePerMinute: number | null): number {
  return ratePerMinute === null ? maxPageSize : Math.min(maxPageSize, Math.max(1, Math.floor(ratePerMinute / 6)));
}

/** Open pages; with a rate, those of half a minute: a page that waits longer leaves the queue, and the tick would release it late. */
export function openPagesOf(ratePerMinute: number | null): number {
  if (ratePerMinute === null) return maxOpenPages;
  return Math.min(maxOpenPages, Math.ceil(ratePerMinute / pageSizeOf(ratePerMinute) / 2) + 1);
}

/** The stored row: one line of JSON. */
export function rowFrom({ line, to, variables }: Recipient): string {
  return JSON.stringify([line, to, variables]);
}

/** Undefined: the row was erased. */
export function recipientOf(row: string): Recipient | undefined {
  if (row.trim() === "") return undefined;
  const [line, to, variables] = JSON.parse(row) as [number, string, Record<string, unknown>];
  return { line, to, variables };
}
