import type { Account } from "../account.ts";
import type { Migrations } from "../migrations.ts";
import type { Wanted } from "../wanted.ts";

export interface Comparison {
  wanted: Wanted;
  account: Account;
  migrations: Migrations;
  /** A hash of what would be deployed; undefined where it is not compared. */
  release: string | undefined;
  emailDomain: string | undefined;
  now: number;
}
