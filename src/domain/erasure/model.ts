import * as v from "valibot";
import { count, outputList } from "../../bounded";
import type { Person } from "./person";

/** The person to erase, and how far to follow linked addresses and numbers. */
export interface ErasureRequest extends Person {
  /** Follow further addresses and numbers that the tenant's servers linked to this one. */
  together?: boolean | undefined;
  /** The cursor of the previous answer. */
  cursor?: string | undefined;
}

const personKey = v.object({
  kind: v.picklist(["email", "phone"]),
  // The address, or the last significant digits of the number.
  value: v.string(),
});

/** An address or number of a person. */
export type PersonKey = v.InferOutput<typeof personKey>;

/** What an erasure would delete. */
export const erasurePlanShape = v.object({
  plan: v.literal(true),
  // `jobs`: those of the submissions, and their children. Others that name the person are found during the erasure.
  counts: v.object({ leads: count, submissions: count, jobs: count }),
  // `whole`: the lead is deleted; else only these submissions.
  leads: outputList(v.object({ id: v.string(), whole: v.boolean(), submissions: count, tiedBy: outputList(personKey) })),
  // Whether there are more leads than listed.
  more: v.boolean(),
  // Addresses and numbers that the erasure uses.
  keys: outputList(personKey),
  // Further addresses and numbers of the same leads, which are not followed: erase them as well if they are the person's.
  notFollowed: outputList(personKey),
});

export type ErasurePlan = v.InferOutput<typeof erasurePlanShape>;

/** What one call deleted. */
export const erasedShape = v.object({
  leads: count,
  submissions: count,
  // Facts that events recorded.
  facts: count,
  jobs: count,
  // Objects removed from the payload store.
  payloads: count,
  // Pictures about the person's leads and offers, or whose key names the person.
  media: count,
  // Alt texts that named the person.
  altTexts: count,
  // Deleted mail events, and suppressions that now keep only the hash.
  mail: count,
  // Jobs that were running and may still write. When it is not 0, repeat the call after a minute.
  running: count,
  // False: something is left. Repeat the call, with the cursor when there is one.
  complete: v.boolean(),
  cursor: v.nullable(v.string()),
});

export type Erased = v.InferOutput<typeof erasedShape>;
