/** One stacked bar a minute. */
export const chart = String.raw`
const stacks = [["done", ["done"]], ["retrying", ["retrying", "waiting"]], ["dead", ["dead", "discarded", "crashed"]]];

function minuteChart(counts, from, minutes) {
  const width = innerWidth < 640 ? 400 : 900, height = 150, floor = height - 18, step = (width - 40) / minutes;
  const bars = Array.from({ length: minutes }, () => ({ done: 0, retrying: 0, dead: 0 }));
  for (const each of counts) {
    const bar = bars[Math.floor((millis(each.minute) - from) / 60000)];
    const stack = stacks.find((candidate) => candidate[1].includes(each.event));
    if (bar && stack) bar[stack[0]] += each.count;
  }
  const most = Math.max(4, ...bars.map((bar) => bar.done + bar.retrying + bar.dead));
  const label = "Jobs per minute in the last hour: at most " + most + " in one minute";
  return h("div", {},
    s("svg", { class: "chart", viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": label },
      [0, 0.5, 1].map((share) => [
        s("line", { x1: 40, x2: width, y1: floor - share * (floor - 8), y2: floor - share * (floor - 8) }),
        s("text", { x: 34, y: floor - share * (floor - 8) + 4, "text-anchor": "end" }, count(Math.round(most * share))),
      ]),
      bars.map((bar, index) => stackOf(bar, 40 + index * step, step, floor, (floor - 8) / most)),
      [0, 15, 30, 45].map((minute) => s("text", { x: 42 + minute * step, y: height - 3 }, clock(from + minute * 60000)))),
    h("div", { class: "legend" }, stacks.map((stack) => h("span", { class: stack[0] }, h("i", {}), stack[1].join(", ")))));
}

function stackOf(bar, x, step, floor, scale) {
  let y = floor;
  return stacks.filter((stack) => bar[stack[0]] > 0).map((stack) => {
    const tall = bar[stack[0]] * scale;
    y -= tall;
    return s("rect", { class: stack[0], x: x + 1, y, width: Math.max(1, step - 2), height: tall }, s("title", {}, bar[stack[0]] + " " + stack[0]));
  });
}

const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
`;
