import { agentRunPage, agentsPage } from "./agents/view";
import { bulkPage, planPage } from "./bulk/view";
import { alertsPage } from "./alerts/view";
import { campaignDetailPage } from "./campaigns/campaign-page";
import { campaignsPage } from "./campaigns/view";
import { costsPage } from "./costs/view";
import { failuresPage, groupPage } from "./failures/view";
import { queuePage } from "./flow/queue-page";
import { flowPage } from "./flow/view";
import { jobPage } from "./job/view";
import { jobsPage } from "./jobs/view";
import { nowPage } from "./now/view";
import type { AnyPage } from "./page";
import { replayPage } from "./replays/replay-page";
import { replaysPage } from "./replays/view";
import { schedulesPage } from "./schedules/view";
import { sitePage, sitesPage } from "./sites/view";
import { systemPage } from "./system/view";
import { settingsPage, tenantsPage } from "./tenants/view";
import { workersPage } from "./workers/view";

/** All pages. */
export const pages: readonly AnyPage[] = [
  nowPage,
  ...[jobsPage, jobPage, planPage, bulkPage],
  ...[failuresPage, groupPage],
  ...[replaysPage, replayPage],
  ...[flowPage, queuePage],
  schedulesPage,
  ...[sitesPage, sitePage],
  ...[campaignsPage, campaignDetailPage],
  ...[agentsPage, agentRunPage],
  ...[settingsPage, tenantsPage],
  workersPage,
  costsPage,
  alertsPage,
  systemPage,
];
