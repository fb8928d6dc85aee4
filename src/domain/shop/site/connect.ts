import type { ScheduleStore } from "../../schedules/store";
import type { SiteScope } from "../scope";
import { startRemoval } from "./remove";
import { addSchedules } from "./schedules";
import { connect } from "./store";

interface ConnectDeps {
  schedules: Pick<ScheduleStore, "give" | "removeSite">;
  /** Wakes the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
}

/** After a site was set: ends its pause, adds its schedules and wakes its jobs. */
export async function connectSite({ schedules, wake }: ConnectDeps, scope: SiteScope, moved: boolean, now: number): Promise<void> {
  const { tenant, site } = scope;
  await connect(scope, moved, now);
  await wake(tenant, site);
  await addSchedules(schedules, tenant, site, now);
}

/** After a site was removed: deletes its schedules, stored rows and purchase orders. The tick deletes what one request cannot. */
export async function disconnectSite({ schedules }: Pick<ConnectDeps, "schedules">, scope: SiteScope, now: number): Promise<void> {
  await schedules.removeSite(scope.tenant, scope.site);
  await startRemoval(scope, now);
}
