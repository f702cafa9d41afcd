/** The style sheet of the report: one column on a phone, two on a laptop, in the light or dark scheme of the system. */

/** CSS. */
export const STYLE = `
:root { color-scheme: light dark;
  --back: #fff; --card: #f6f7f9; --text: #16191d; --faint: #5c6570; --rule: #d9dee4; --peer: #a9b4c0; --mine: #1b66c9;
  --good: #14713d; --bad: #b3261e; --s0: #1b66c9; --s1: #c2410c; --s2: #14713d; --s3: #7c3aed; --s4: #0e7490; --s5: #a16207 }
@media (prefers-color-scheme: dark) { :root {
  --back: #111418; --card: #1a1f25; --text: #e8ebef; --faint: #9aa5b1; --rule: #343c46; --peer: #56616d; --mine: #6aa8ff;
  --good: #5fcf8d; --bad: #ff8a80; --s0: #6aa8ff; --s1: #fb923c; --s2: #5fcf8d; --s3: #b794f6; --s4: #4dd0e1; --s5: #e3b341 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1120px; padding: 24px 20px 64px; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px } h2 { font-size: 19px; line-height: 1.3; margin: 0 }
h3 { font-size: 14px; margin: 18px 0 6px; color: var(--faint); font-weight: 600 }
p { margin: 6px 0 } .faint { color: var(--faint); font-size: 14px } code { font-size: .92em }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 18px; margin: 20px 0 }
.charts { display: grid; gap: 4px 32px; grid-template-columns: minmax(0, 1fr) }
@media (min-width: 860px) { .charts { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) } }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: 6px 10px 6px 0; border-top: 1px solid var(--rule); vertical-align: top }
th { font-weight: 600; color: var(--faint); border-top: 0 } .met { color: var(--good) } .missed { color: var(--bad); font-weight: 700 }
.number { white-space: nowrap }
dl { display: grid; grid-template-columns: minmax(0, auto) minmax(0, 1fr); gap: 2px 16px; font-size: 14px; margin: 8px 0 0 }
dt { color: var(--faint) } dd { margin: 0 }
svg { display: block; width: 100%; height: auto } svg text { font: 13px system-ui, sans-serif; fill: var(--text) }
svg .ours { font-weight: 700 } svg .tick { fill: var(--faint); font-size: 12px } svg .value { font-variant-numeric: tabular-nums }
.bar { fill: var(--peer) } .bar.mine { fill: var(--mine) } .spread { stroke: var(--text); stroke-width: 1.2; fill: none }
.grid { stroke: var(--rule); fill: none } .line { fill: none; stroke-width: 2.2 }
.series0 { stroke: var(--s0) } .series1 { stroke: var(--s1) } .series2 { stroke: var(--s2) }
.series3 { stroke: var(--s3) } .series4 { stroke: var(--s4) } .series5 { stroke: var(--s5) }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 6px 0; list-style: none; font-size: 14px }
.legend svg { width: 18px; height: 8px; display: inline-block; margin-right: 6px; vertical-align: middle }
@media (max-width: 520px) { body { padding: 16px 12px 48px } section { padding: 14px 12px }
  .budgets thead { display: none } .budgets tr { display: block; padding: 8px 0; border-top: 1px solid var(--rule) }
  .budgets td { display: inline; border: 0; padding: 0 8px 0 0 } .budgets td:first-child { display: block }
  svg text { font-size: 20px } svg .tick { font-size: 18px } }
`
