/** Colours are named once for both schemes; widths under 40rem stack. */
export const style = `
:root {
  color-scheme: light dark;
  --bg: light-dark(#f6f7f9, #12151a); --card: light-dark(#fff, #1a1f27); --line: light-dark(#dfe3e8, #2c333e);
  --text: light-dark(#1b2330, #e4e8ee); --dim: light-dark(#5a6473, #98a3b3); --accent: light-dark(#1f5fbf, #7db2ff);
  --good: light-dark(#14743a, #5bd08b); --warn: light-dark(#8a5a00, #f0b550); --bad: light-dark(#b3261e, #ff8a80); --calm: light-dark(#4b5a75, #a9b8d4);
  --good-fill: light-dark(#2f9e64, #3f9d6b); --warn-fill: light-dark(#c08415, #c9942f); --bad-fill: light-dark(#d6463c, #d9645b);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--bg); color: var(--text); }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.jump { position: absolute; left: -999px; } .jump:focus { left: 8px; top: 8px; background: var(--card); padding: 8px; z-index: 2; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 20px; padding: 0 20px; background: var(--card); border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 1; }
.brand { display: flex; gap: 8px; align-items: center; font-weight: 650; color: var(--text); padding: 12px 0; }
.brand svg { width: 22px; fill: var(--accent); }
nav { display: flex; gap: 2px; overflow-x: auto; flex: 1; }
nav a { padding: 14px 12px 12px; color: var(--dim); border-bottom: 2px solid transparent; white-space: nowrap; }
nav a[aria-current] { color: var(--text); border-color: var(--accent); }
.who { display: flex; gap: 10px; align-items: center; color: var(--dim); font-size: 13px; }
main { max-width: 1180px; margin: 0 auto; padding: 20px; }
h1 .pill { font-weight: 400; vertical-align: middle; } summary { white-space: nowrap; cursor: pointer; } details ul { margin: 4px 0 0; padding: 0; list-style: none; }
h1 { font-size: 22px; margin: 0 0 16px; overflow-wrap: anywhere; } h2 { font-size: 15px; margin: 0 0 10px; }
.head { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; justify-content: space-between; margin-bottom: 16px; } .head h1 { margin: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin-bottom: 16px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px; margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; color: inherit; }
.tile b { display: block; font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; } .tile span { color: var(--dim); font-size: 13px; }
.tile.bad b { color: var(--bad); } .tile.warn b { color: var(--warn); } .tile.good b { color: var(--good); }
.scroll { overflow-x: auto; margin: 0 -16px; padding: 0 16px; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--dim); font-weight: 500; font-size: 13px; white-space: nowrap; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; } tr:last-child td { border-bottom: 0; }
td.num, th.num { text-align: right; font-variant-numeric: tabular-nums; } td.text { overflow-wrap: anywhere; min-width: 12rem; }
td.actions { text-align: right; white-space: nowrap; } .actions button + button, .actions a + button { margin-left: 6px; }
code, pre, .mono { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 28rem; overflow: auto; }
.dim { color: var(--dim); } .nowrap { white-space: nowrap; }
.pill { display: inline-block; padding: 1px 8px; border-radius: 99px; font-size: 12.5px; border: 1px solid; color: var(--calm); white-space: nowrap; }
.pill.done, .pill.ran, .pill.on { color: var(--good); } .pill.dead, .pill.discarded, .pill.failed { color: var(--bad); }
.pill.retrying, .pill.waiting, .pill.paused, .pill.uncertain, .pill.intent, .pill.skipped { color: var(--warn); } .pill.running { color: var(--accent); }
button, .button { font: inherit; font-size: 14px; padding: 5px 12px; border-radius: 7px; border: 1px solid var(--line); background: var(--card); color: var(--text); cursor: pointer; }
button:hover { border-color: var(--accent); } button.main { background: light-dark(#1f5fbf, #2d6fd2); border-color: transparent; color: #fff; } button.danger { color: var(--bad); } button.quiet, .button.quiet { border-color: transparent; background: none; color: var(--dim); }
button:disabled { opacity: .5; cursor: default; }
label { display: block; font-size: 13px; color: var(--dim); } input, select { font: inherit; padding: 6px 9px; border-radius: 7px; border: 1px solid var(--line); background: var(--bg); color: var(--text); width: 100%; height: 35px; margin-top: 3px; }
.filters { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; align-items: end; }
.enter { max-width: 380px; margin: 12vh auto; } .enter label { margin: 12px 0; } .enter button { width: 100%; padding: 9px; margin-top: 6px; }
.problem { color: var(--bad); } .empty { color: var(--dim); text-align: center; padding: 26px; }
.chart { width: 100%; height: auto; display: block; } .chart text { fill: var(--dim); font-size: 11px; } .chart line { stroke: var(--line); }
.chart .done { fill: var(--good-fill); } .chart .retrying { fill: var(--warn-fill); } .chart .dead { fill: var(--bad-fill); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--dim); margin-top: 6px; } .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
.legend span { white-space: nowrap; } .legend .done i { background: var(--good-fill); } .legend .retrying i { background: var(--warn-fill); } .legend .dead i { background: var(--bad-fill); }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; } .two > .card { min-width: 0; } .card > p:first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 16px; margin: 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
progress { width: 100%; height: 10px; margin-bottom: 14px; accent-color: var(--accent); }
ol.timeline { list-style: none; margin: 0; padding: 0 0 0 14px; border-left: 2px solid var(--line); } .timeline li { position: relative; padding: 0 0 10px; }
.timeline li::before { content: ""; position: absolute; left: -19px; top: 7px; width: 8px; height: 8px; border-radius: 9px; background: var(--accent); }
dialog { border: 1px solid var(--line); border-radius: 12px; background: var(--card); color: var(--text); padding: 20px; max-width: min(28rem, 92vw); } dialog::backdrop { background: #0008; }
dialog .actions { display: flex; justify-content: flex-end; gap: 8px; margin-top: 18px; }
#toasts { position: fixed; right: 16px; bottom: 16px; display: grid; gap: 8px; max-width: min(26rem, 90vw); } .toast { background: var(--text); color: var(--bg); padding: 9px 14px; border-radius: 8px; overflow-wrap: anywhere; } .toast.bad { background: var(--bad); }
@media (max-width: 40rem) {
  header { padding: 0 12px; } nav { order: 3; flex-basis: 100%; margin: 0 -12px; padding: 0 4px; } nav a { padding: 8px 10px; } .who { margin-left: auto; } main { padding: 12px; }
  .two { grid-template-columns: minmax(0, 1fr); gap: 0; } .wide { display: none; } th, td { padding-right: 8px; } button { padding: 8px 12px; } 
  table.stacks thead { display: none; } table.stacks :is(tbody, tr, td) { display: block; } table.stacks td:not(.wide) { display: flex; gap: 10px; border: 0; padding: 3px 0; text-align: left; white-space: normal; }
  table.stacks td.wide { display: none; } table.stacks tr { border-bottom: 1px solid var(--line); padding: 8px 0; } table.stacks tr:last-child { border: 0; }
  table.stacks td::before { content: attr(data-name); color: var(--dim); font-size: 13px; flex: 0 0 5.5rem; } table.stacks td > div { min-width: 0; overflow-wrap: anywhere; } table.stacks td:empty { display: none; }
}
@media (prefers-reduced-motion: no-preference) { .tile, button { transition: border-color .12s; } }
`;
