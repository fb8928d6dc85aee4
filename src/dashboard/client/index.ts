import { api } from "./api";
import { app } from "./app";
import { chart } from "./chart";
import { deadLetters } from "./dead-letters";
import { dialogs } from "./dialogs";
import { dom } from "./dom";
import { format } from "./format";
import { job } from "./job";
import { jobs } from "./jobs";
import { overview } from "./overview";
import { queues } from "./queues";
import { replay } from "./replay";
import { schedules } from "./schedules";

/**
 * The page's script, one module put together from these parts. It is served as it stands: no build step, no template literals in it.
 * Data reaches the page as text nodes and attributes only, through `h` in dom.ts.
 */
export const client = [dom, format, api, dialogs, chart, overview, jobs, job, deadLetters, replay, queues, schedules, app].join("\n");
