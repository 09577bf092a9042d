// Ranges: one row per thing compared, its interval as a line and its middle as a dot; the eye compares positions on one scale.

import { scaleLinear } from 'd3-scale';
import type { VNode } from 'preact';
import type { Interval } from '../api/answers';
import { useText } from '../shell/settings';
import { print, printInterval, scaleOf, threeDigits } from '../units';
import { apart, Axis, Figure, Legend, shortened, useWidth, widthOf } from './frame';

export interface RangeRow { name: string; value: Interval | null; why?: string; best?: boolean }

export function Ranges({ title, rows, unit }: { title: string; rows: RangeRow[]; unit: string }): VNode {
  const text = useText();
  const [box, width] = useWidth(420);
  const step = 40;
  const margin = { top: 4, right: 12, bottom: 36, left: 2 };
  const height = margin.top + rows.length * step + margin.bottom;
  const top = Math.max(1e-9, ...rows.map((row) => row.value?.p90 ?? 0));
  const scale = scaleOf(top, unit);
  const x = scaleLinear().domain([0, top]).nice(4).range([margin.left, Math.max(80, width - margin.right)]);
  const tell = (row: RangeRow) => `${row.name}: ` + (row.value ? `${print(row.value.p50, unit)} (${printInterval(row.value)})` : row.why ?? text.plan.doesNotFitShort);
  return (
    <Figure title={title} legend={<Legend items={[{ name: text.plan.likely, mark: 'mark-dot' }, { name: text.plan.eightOfTen, mark: 'mark-span' }]} />} table={{
      head: [text.compare.row, title, text.chart.range],
      rows: rows.map((row) => (row.value ? [row.name, print(row.value.p50, unit), printInterval(row.value)] : [row.name, row.why ?? text.plan.doesNotFitShort, ''])),
    }}>
      <div ref={box} class="chart-box">
        <svg width={width} height={height} role="img" aria-label={title + '. ' + rows.map(tell).join('; ')}>
          <Axis side="bottom" label={scale.unit} left={margin.left} top={margin.top} width={x.range()[1]! - margin.left} height={rows.length * step}
            ticks={apart(x.ticks(4).map((value) => ({ at: x(value), label: value === 0 ? '0' : threeDigits(value / scale.factor).replace(/\.0+$/, '') })), margin.left, x.range()[1]! - margin.left)} />
          {rows.map((row, r) => {
            const at = margin.top + r * step + 28, sum = row.value ? print(row.value.p50, unit) : row.why ? text.compare.refused : text.plan.doesNotFitShort;
            return (
              <g key={r} class={row.best ? 'range best' : 'range'}>
                <text class="bar-name" x={margin.left} y={at - 12}>{shortened(row.name, width - margin.left - margin.right - widthOf(sum) - 10)}<title>{row.name}</title></text>
                {row.value ? (
                  <>
                    <line class="span" x1={x(row.value.p10)} x2={x(row.value.p90)} y1={at} y2={at} />
                    <circle cx={x(row.value.p50)} cy={at} r="5"><title>{tell(row)}</title></circle>
                    <text class="bar-sum" x={width - margin.right} y={at - 12} text-anchor="end">{sum}</text>
                  </>
                ) : <text class="bar-sum" x={width - margin.right} y={at - 12} text-anchor="end">{sum}</text>}
              </g>
            );
          })}
        </svg>
      </div>
    </Figure>
  );
}
