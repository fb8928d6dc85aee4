import { duration, number } from "./format";
import { Time } from "./time";

interface Progress {
  done: number;
  total: number | null;
  note: string | null;
  /** When it was reported; shown beside the rate, of what moves still. */
  at?: string | null;
}

interface ProgressBarProps {
  progress: Progress;
  /** Units per second; shown with the remaining time. */
  ratePerSecond?: number | undefined;
  /** Text in place of the percentage, which would read as success. */
  noun?: string;
}

/** A progress bar. */
export function ProgressBar({ progress, ratePerSecond, noun }: ProgressBarProps) {
  const { done, total, note, at } = progress;
  return (
    <span class="progress">
      {total ? <progress max={total} value={done} aria-label="Progress" /> : null}
      <span>
        {[counted(done, total, noun), paceOf(progress, ratePerSecond)].filter(Boolean).join(" · ")}
        {at && ratePerSecond !== undefined ? [" · moved ", <Time at={at} />] : null}
        {note ? ` · ${note}` : null}
      </span>
    </span>
  );
}

function counted(done: number, total: number | null, noun?: string): string {
  if (noun !== undefined) return `${number(done)} of ${number(total ?? done)} ${noun}`;
  return total ? `${Math.floor((100 * done) / total)} % · ${number(done)} of ${number(total)}` : number(done);
}

function paceOf({ done, total }: Progress, rate: number | undefined): string {
  if (!rate || rate <= 0) return "";
  const left = total && total > done ? ` · about ${duration(((total - done) / rate) * 1000)} left` : "";
  return `${rate < 1 ? `${number(rate * 60)}/min` : `${number(rate)}/s`}${left}`;
}

/** Units per second since the job's start; for a job of several runs since its acceptance, because its first start is unknown. */
export function progressRate(job: { progress: Progress; runs: number; startedAt: string | null; at: string | null }, now: number): number | undefined {
  const since = job.runs > 1 ? job.at : job.startedAt;
  const seconds = since === null ? 0 : (now - Date.parse(since)) / 1000;
  return seconds >= 1 && job.progress.done > 0 ? job.progress.done / seconds : undefined;
}
