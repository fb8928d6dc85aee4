import { failuresPage, groupPage } from "./failures/view";
import { replayPage } from "./failures/replays";
import { flowPage } from "./flow/view";
import { jobPage } from "./job/view";
import { jobsPage } from "./jobs/view";
import { nowPage } from "./now/view";
import type { AnyPage } from "./page";

/** Every page there is. */
export const pages: readonly AnyPage[] = [nowPage, jobsPage, jobPage, failuresPage, groupPage, replayPage, flowPage];
