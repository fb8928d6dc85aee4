import type { Person } from "./person";

/** Whom to erase, and how far to follow what is tied to them. */
export interface ErasureRequest extends Person {
  /** Follow further addresses and numbers that the tenant's own servers tied to this one. */
  together?: boolean | undefined;
  /** Where the answer before this one ended. */
  cursor?: string | undefined;
}

/** What a person is found by. */
export interface PersonKey {
  kind: "email" | "phone";
  /** An address; of a number its significant last digits. */
  value: string;
}

/** What an erasure would take. */
export interface ErasurePlan {
  plan: true;
  /** `jobs`: those of the submissions and what they made; others that name the person are found while erasing. */
  counts: { leads: number; submissions: number; jobs: number };
  /** `whole`: the lead goes; else only these of its submissions. */
  leads: { id: string; whole: boolean; submissions: number; tiedBy: PersonKey[] }[];
  /** Whether there are more leads than are listed. */
  more: boolean;
  /** What is erased by. */
  keys: PersonKey[];
  /** What the same leads give besides, and which is not followed: erase by it as well if it is the person's. */
  notFollowed: PersonKey[];
}

/** What one call took. */
export interface Erased {
  leads: number;
  submissions: number;
  /** Facts that events recorded of them. */
  facts: number;
  /** Jobs out of which everything was taken. */
  jobs: number;
  /** Objects removed from the payload store. */
  payloads: number;
  /** Pictures that were about their leads and offers, or whose key names them. */
  media: number;
  /** Alt texts that named them. */
  altTexts: number;
  /** Reports about mails to them that were removed, and suppressions that keep their hash alone. */
  mail: number;
  /** Jobs that were running and may still write a line: ask again in a minute when it is not 0. */
  running: number;
  /** False: something is left. Ask again, with the cursor when there is one. */
  complete: boolean;
  cursor: string | null;
}
