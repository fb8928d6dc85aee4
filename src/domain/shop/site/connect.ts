import type { ScheduleStore } from "../../schedules/store";
import type { Scope } from "../scope";
import { startRemoval } from "./remove";
import { addSchedules } from "./schedules";
import { connect } from "./store";

export interface ConnectDeps {
  schedules: Pick<ScheduleStore, "give" | "removeSite">;
  /** Brings forward the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
}

/** The site was put: it is held no longer, has its schedules, and what waited for it goes on. */
export async function connectSite({ schedules, wake }: ConnectDeps, scope: Scope, moved: boolean, now: number): Promise<void> {
  const { tenant, site } = scope;
  await connect(scope, moved, now);
  await wake(tenant, site);
  await addSchedules(schedules, tenant, site, now);
}

/** The site was removed: its schedules, what was read from it and its purchase orders go too, of very much a part by the tick. */
export async function disconnectSite({ schedules }: Pick<ConnectDeps, "schedules">, scope: Scope, now: number): Promise<void> {
  await schedules.removeSite(scope.tenant, scope.site);
  await startRemoval(scope, now);
}
