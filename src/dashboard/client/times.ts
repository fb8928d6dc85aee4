/** Writes each time relative to now; its title is the exact time, local and in UTC. */
export function writeTimes(root: ParentNode = document): void {
  for (const time of root.querySelectorAll("time")) {
    // An element without a valid time keeps its text.
    if (Number.isNaN(Date.parse(time.dateTime))) continue;
    const text = timeText(time, new Date(time.dateTime));
    if (time.textContent !== text) setText(time, text);
    const title = titleOf(time.dateTime);
    if (time.title !== title) time.title = title;
  }
}

function timeText({ dataset }: HTMLTimeElement, at: Date): string {
  const away = relative(at.getTime() - Date.now());
  if (dataset["clock"] === undefined) return away;
  return dataset["clock"] === "short" ? clock(at) : `${clock(at)} (${away})`;
}

/** Changes the text node in place, so that a selection over it stays. */
function setText(time: HTMLTimeElement, text: string): void {
  const [first] = time.childNodes;
  if (first instanceof Text) first.data = text;
  else time.textContent = text;
}

function titleOf(iso: string): string {
  const at = new Date(iso);
  return `${at.toLocaleString()} here · ${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `14:03`, with the date when it is another day. */
function clock(at: Date): string {
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return `${isToday ? "" : `${at.toLocaleDateString()} `}${time}`;
}

export function relative(ms: number): string {
  const length = lengthOf(Math.abs(ms) / 1000);
  if (length === "") return "now";
  return ms < 0 ? `${length} ago` : `in ${length}`;
}

function lengthOf(seconds: number): string {
  if (seconds < 1) return "";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h${minutes % 60 === 0 ? "" : ` ${minutes % 60} min`}`;
  return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? "" : ` ${hours % 24} h`}`;
}
