// Residuals: one row per group, predicted over measured on a logarithmic axis. The box holds the middle half, the line eight of ten;
// 1 is exact.

import { scaleLog } from 'd3-scale';
import type { VNode } from 'preact';
import { threeDigits } from '../units';
import { apart, Axis, Figure, shortened, useWidth, widthOf } from './frame';

export interface ResidualRow { name: string; rows: number; ratios: number[] }   // p10, p25, p50, p75, p90

export function Residuals({ title, axis, rows }: { title: string; axis: string; rows: ResidualRow[] }): VNode {
  const [box, width] = useWidth(640);
  const step = 34;
  const margin = { top: 4, right: 12, bottom: 36, left: 2 };
  const height = margin.top + rows.length * step + margin.bottom;
  const ends = rows.flatMap((row) => [row.ratios[0]!, row.ratios[4]!]).filter((one) => one > 0);
  const reach = Math.min(8, Math.max(1.5, ...ends, ...ends.map((one) => 1 / one)));
  const x = scaleLog().domain([1 / reach, reach]).range([margin.left, Math.max(120, width - margin.right)]).clamp(true);
  const ticks = [0.125, 0.25, 0.5, 0.8, 1, 1.25, 2, 4, 8].filter((one) => one >= 1 / reach && one <= reach);
  const at = (value: number) => x(Math.max(1 / reach, value));
  const tell = (row: ResidualRow) => `${row.name} (${row.rows}): ${threeDigits(row.ratios[2]!)} (${threeDigits(row.ratios[0]!)} \u2013 ${threeDigits(row.ratios[4]!)})`;
  return (
    <Figure title={title} table={{ head: ['', 'n', 'p10', 'p25', 'p50', 'p75', 'p90'], rows: rows.map((row) => [row.name, String(row.rows), ...row.ratios.map((one) => threeDigits(one))]) }}>
      <div ref={box} class="chart-box">
        <svg width={width} height={height} role="img" aria-label={title + '. ' + rows.map(tell).join('; ')}>
          <Axis side="bottom" label={axis} left={margin.left} top={margin.top} width={x.range()[1]! - margin.left} height={rows.length * step} ticks={apart(ticks.map((one) => ({ at: x(one), label: String(one) })), margin.left, x.range()[1]! - margin.left, (tick) => tick.label === '1')} />
          <line class="diagonal" x1={x(1)} x2={x(1)} y1={margin.top} y2={margin.top + rows.length * step} />
          {rows.map((row, r) => {
            const y = margin.top + r * step + 24;
            return (
              <g key={row.name} class="range">
                <text class="bar-name" x={margin.left} y={y - 9}>{shortened(row.name || '\u2013', width - margin.right - widthOf(String(row.rows)) - 10)}<title>{row.name}</title></text>
                <text class="bar-sum" x={width - margin.right} y={y - 9} text-anchor="end">{row.rows}</text>
                <line class="whisker" x1={at(row.ratios[0]!)} x2={at(row.ratios[4]!)} y1={y} y2={y} />
                <line class="span" x1={at(row.ratios[1]!)} x2={at(row.ratios[3]!)} y1={y} y2={y} />
                <circle cx={at(row.ratios[2]!)} cy={y} r="4.5"><title>{tell(row)}</title></circle>
              </g>
            );
          })}
        </svg>
      </div>
    </Figure>
  );
}
