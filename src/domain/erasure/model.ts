import type { Person } from "./person";

/** The person to erase, and how far to follow linked addresses and numbers. */
export interface ErasureRequest extends Person {
  /** Follow further addresses and numbers that the tenant's servers linked to this one. */
  together?: boolean | undefined;
  /** The cursor of the previous answer. */
  cursor?: string | undefined;
}

/** An address or number of a person. */
export interface PersonKey {
  kind: "email" | "phone";
  /** The address, or the last significant digits of the number. */
  value: string;
}

/** What an erasure would delete. */
export interface ErasurePlan {
  plan: true;
  /** `jobs`: those of the submissions, and their children. Others that name the person are found during the erasure. */
  counts: { leads: number; submissions: number; jobs: number };
  /** `whole`: the lead is deleted; else only these submissions. */
  leads: { id: string; whole: boolean; submissions: number; tiedBy: PersonKey[] }[];
  /** Whether there are more leads than listed. */
  more: boolean;
  /** Addresses and numbers that the erasure uses. */
  keys: PersonKey[];
  /** Further addresses and numbers of the same leads, which are not followed: erase them as well if they are the person's. */
  notFollowed: PersonKey[];
}

/** What one call deleted. */
export interface Erased {
  leads: number;
  submissions: number;
  /** Facts that events recorded. */
  facts: number;
  /** Jobs whose data was erased. */
  jobs: number;
  /** Objects removed from the payload store. */
  payloads: number;
  /** Pictures about the person's leads and offers, or whose key names the person. */
  media: number;
  /** Alt texts that named the person. */
  altTexts: number;
  /** Deleted mail events, and suppressions that now keep only the hash. */
  mail: number;
  /** Jobs that were running and may still write. When it is not 0, repeat the call after a minute. */
  running: number;
  /** False: something is left. Repeat the call, with the cursor when there is one. */
  complete: boolean;
  cursor: string | null;
}
