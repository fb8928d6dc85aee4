export { fakeWorker } from "../../test/browser/fake-api.ts";
export { story, storyJob } from "./story.ts";
