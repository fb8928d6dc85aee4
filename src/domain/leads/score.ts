/** A visitor's behaviour as the form's script sent it; undefined where it sent nothing. */
export interface Engagement {
  /** Seconds on the site. */
  duration?: number | undefined;
  /** Percent of the page. */
  scroll?: number | undefined;
  clicks?: number | undefined;
  returnVisits?: number | undefined;
  pagesVisited?: number | undefined;
}

export const labels = ["Cold", "Warm", "Hot", "Very Hot"] as const;
export type Label = (typeof labels)[number];

/** 0 to 100: up to 35 for time (1 per 10 s), 30 for scroll depth, 20 for clicks, 15 for return visits (5 each). */
export function engagementScore({ duration = 0, scroll = 0, clicks = 0, returnVisits = 0 }: Engagement): number {
  const points = [Math.min(35, duration / 10), Math.min(30, (scroll * 3) / 10), Math.min(20, clicks), Math.min(15, returnVisits * 5)];
  return Math.min(
    100,
    points.reduce((sum, each) => sum + Math.floor(Math.max(0, each)), 0),
  );
}

export function labelOf(score: number): Label {
  if (score <= 20) return "Cold";
  if (score <= 45) return "Warm";
  return score <= 70 ? "Hot" : "Very Hot";
}

interface Signals {
  honeypot: boolean;
  /** Seconds from showing the form to sending it. */
  secondsToSubmit?: number | undefined;
  /** Whether the form's script sent anything about the visit. */
  tracked: boolean;
  score: number;
  vpnScore?: number | undefined;
  competitor: boolean;
  disposable: boolean;
  badPhone: boolean;
  /** The captcha could not be verified. */
  unverified: boolean;
}

interface Suspicion {
  suspicion: number;
  reasons: string[];
}

export const honeypotFilled = "honeypot filled";

/** Points of each reason. */
const points = {
  [honeypotFilled]: 40,
  "submitted within 5 s": 30,
  "submitted within 10 s": 10,
  "no tracking session": 15,
  "session without engagement": 10,
  "VPN likely": 15,
  "VPN possible": 5,
  "e-mail of a competitor": 25,
  "disposable e-mail": 15,
  "telephone number not valid": 10,
  "captcha not checked": 10,
} as const;

/** The sum of the reasons' points, at most 100. */
export function suspicionFrom(reasons: readonly string[]): number {
  return Math.min(
    100,
    reasons.reduce((sum, reason) => sum + (Object.hasOwn(points, reason) ? points[reason as keyof typeof points] : 0), 0),
  );
}

type Rule = readonly [reason: keyof typeof points, holds: boolean];

/** The suspicion from the request alone; that from earlier submissions is added when the lead is stored. */
export function suspicionOf(signals: Signals): Suspicion {
  const { honeypot, secondsToSubmit: seconds, tracked, score, vpnScore = 0 } = signals;
  const rules: readonly Rule[] = [
    [honeypotFilled, honeypot],
    ["submitted within 5 s", seconds !== undefined && seconds < 5],
    ["submitted within 10 s", seconds !== undefined && seconds >= 5 && seconds <= 10],
    ["no tracking session", !tracked],
    ["session without engagement", tracked && score === 0],
    ["VPN likely", vpnScore > 50],
    ["VPN possible", vpnScore > 20 && vpnScore <= 50],
    ["e-mail of a competitor", signals.competitor],
    ["disposable e-mail", signals.disposable],
    ["telephone number not valid", signals.badPhone],
    ["captcha not checked", signals.unverified],
  ];
  const reasons = rules.filter(([, holds]) => holds).map(([reason]) => reason);
  return { suspicion: suspicionFrom(reasons), reasons };
}

/** Points for earlier submissions of the same lead within 24 hours. */
export const velocity = { second: { points: 10, reason: "2 submissions in 24 h" }, more: { points: 20, reason: "3 or more submissions in 24 h" } } as const;
