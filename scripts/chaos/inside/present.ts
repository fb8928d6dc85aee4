/** Stands for the release before unless `--older` names its commit: this one, as it was before it had packs. */
export { default } from "../../../src/index";
export { app } from "../../../src/app";
export { jobs } from "../../../src/jobs";
/** Whether it is handed no packs. */
export const leavesPacks = true;
