/** Numbers and times as people read them. Times come as ISO text or milliseconds. */
export const format = String.raw`
const millis = (time) => (typeof time === "number" ? time : Date.parse(time));
const count = (value) => (value === null || value === undefined ? "–" : Number(value).toLocaleString("en"));
const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const spans = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function span(ms) {
  if (ms < 1000) return Math.round(ms) + " ms";
  const seconds = Math.round(ms / 1000);
  const [unit, size] = spans.find((each) => seconds >= each[1]);
  return Math.round(seconds / size) + " " + unit;
}

function when(time) {
  if (time === null || time === undefined) return "–";
  const at = millis(time);
  if (Number.isNaN(at)) return String(time);
  const distance = at - Date.now();
  const text = Math.abs(distance) < 1000 ? "now" : distance < 0 ? span(-distance) + " ago" : "in " + span(distance);
  return h("time", { datetime: new Date(at).toISOString(), title: dateTime.format(at), class: "nowrap" }, text);
}

function exact(time) {
  const at = millis(time);
  return Number.isNaN(at) ? String(time) : dateTime.format(at);
}

function localMinute(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
`;
