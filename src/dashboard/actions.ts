import type { PageAction } from "./action";
import { agentActions } from "./agents/actions";
import { alertActions } from "./alerts/actions";
import { bulkActions } from "./bulk/actions";
import { campaignActions } from "./campaigns/actions";
import { failureActions } from "./failures/actions";
import { flowActions } from "./flow/actions";
import { jobActions } from "./job/actions";
import { replayActions } from "./replays/actions";
import { scheduleActions } from "./schedules/actions";
import { siteActions } from "./sites/actions";
import { systemActions } from "./system/actions";
import { tenantActions } from "./tenants/actions";
import { workerActions } from "./workers/actions";

/** All actions of the pages. Each is one call of the public interface. */
export const pageActions: readonly PageAction[] = [
  jobActions,
  failureActions,
  replayActions,
  bulkActions,
  flowActions,
  scheduleActions,
  siteActions,
  campaignActions,
  agentActions,
  tenantActions,
  workerActions,
  alertActions,
  systemActions,
].flatMap((each): PageAction[] => Object.values(each));
