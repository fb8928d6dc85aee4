import { type Answers, answersOf } from "../../test/dashboard/answers.ts";
import { storyOfFailures } from "./failures-story.ts";
import { storyOfFlow } from "./flow-story.ts";
import { nightJobs } from "./night-jobs.ts";
import { storyOfSettings } from "./settings-story.ts";

/** A night at a tenant with two shops: the mail provider is down, a sync runs, a template is missing. */
export function story(now: number): Answers {
  const night = nightJobs(now);
  return { ...answersOf({ rows: 2, text: "shop-north", now }), ...storyOfFlow(night), ...storyOfFailures(night), ...storyOfSettings(night) };
}

export const storyJob = "01jyc3k02m51r1xygt074f";
