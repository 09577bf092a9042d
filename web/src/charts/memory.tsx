// Memory bars: one per memory, its parts stacked, its capacity as the frame they must stay in.

import type { VNode } from 'preact';
import { useText } from '../shell/settings';
import { print } from '../units';
import { Figure, Legend, shortened, useWidth, widthOf } from './frame';

export const PARTS = ['weights', 'kv', 'state', 'compute', 'footprint'] as const;
export type Part = (typeof PARTS)[number];

export interface MemoryRow { name: string; capacity: number; parts: Record<Part, number>; host?: number; idle?: boolean; apart?: boolean }   // apart: on a scale of its own

const total = (row: MemoryRow) => PARTS.reduce((sum, part) => sum + row.parts[part], 0);

export function MemoryBars({ rows, title, scaleTo }: { rows: MemoryRow[]; title: string; scaleTo?: number }): VNode {
  const text = useText();
  const [box, width] = useWidth();
  const used = PARTS.filter((part) => rows.some((row) => row.parts[part] > 0));
  const most = scaleTo ?? Math.max(1, ...rows.filter((row) => !row.apart).map((row) => Math.max(total(row), row.capacity) + (row.host ?? 0) * 1.01));
  const elsewhere = rows.some((row) => row.host);
  const bar = 22;
  const sumOf = (row: MemoryRow) => print(total(row), 'B') + (row.capacity > 0 ? ` ${text.plan.of} ${print(row.capacity, 'B')}` : '');
  const nameOf = (row: MemoryRow) => row.name + (row.apart ? ` (${text.plan.ownScale})` : '');
  const under = rows.some((row) => widthOf(nameOf(row)) + widthOf(sumOf(row)) + 12 > width) ? 17 : 0;   // names and sums that do not fit beside each other stand on two lines
  const step = 56 + under;
  const words = (row: MemoryRow) => `${row.name}: ${print(total(row), 'B')}` + (row.capacity > 0 ? ` ${text.plan.of} ${print(row.capacity, 'B')}` : '');
  return (
    <Figure title={title} legend={<Legend items={[...used.map((part) => ({ name: text.parts[part], mark: 'part-' + part })), ...(elsewhere ? [{ name: text.plan.hostPart, mark: 'part-host' }] : [])]} />}
      table={{
        head: [text.plan.memoryOf, ...used.map((part) => text.parts[part]), text.plan.total, text.plan.capacity, text.plan.free, ...(elsewhere ? [text.plan.hostPart] : [])],
        rows: rows.map((row) => [row.name, ...used.map((part) => print(row.parts[part], 'B')), print(total(row), 'B'),
          row.capacity > 0 ? print(row.capacity, 'B') : '', row.capacity > 0 ? freeOrShort(row) : '', ...(elsewhere ? [print(row.host ?? 0, 'B')] : [])]),
      }}>
      <div ref={box} class="chart-box">
        <svg width={width} height={rows.length * step} role="img" aria-label={title + '. ' + rows.map(words).join('; ')}>
          {rows.map((row, r) => {
            let at = 0;
            const full = row.apart ? Math.max(1, total(row), row.capacity) : most;
            const x = (bytes: number) => (bytes / full) * (width - 2);
            const sum = sumOf(row), name = nameOf(row);
            const over = row.capacity > 0 && total(row) > row.capacity;
            return (
              <g key={r} transform={`translate(1 ${r * step})`} class={over ? 'memory over' : row.idle ? 'memory idle' : 'memory'}>
                <text class="bar-name" x="0" y="16">{shortened(name, under ? width - 2 : width - 2 - widthOf(sum) - 10)}<title>{name}</title></text>
                <text class="bar-sum" x={under ? 0 : width - 2} y={16 + under} text-anchor={under ? 'start' : 'end'}>{sum}</text>
                <g transform={`translate(0 ${under})`}>
                {row.capacity > 0 ? <rect class="capacity" x="0" y="24" width={x(row.capacity)} height={bar} rx="3" /> : null}
                {used.map((part) => {
                  const left = at;
                  at += row.parts[part];
                  return row.parts[part] > 0 ? (
                    <rect key={part} class={'part-' + part} x={x(left)} y="24" width={Math.max(1, x(at) - x(left) - 0.5)} height={bar}>
                      <title>{`${text.parts[part]}: ${print(row.parts[part], 'B')}`}</title>
                    </rect>
                  ) : null;
                })}
                {row.host ? <rect class="part-host" x={x(Math.max(total(row), row.capacity)) + 3} y="26" width={x(row.host)} height={bar - 4}><title>{`${text.plan.hostPart}: ${print(row.host, 'B')}`}</title></rect> : null}
                {row.capacity > 0 ? <line class="capacity-mark" x1={x(row.capacity)} x2={x(row.capacity)} y1="21" y2={27 + bar} /> : null}
                </g>
              </g>
            );
          })}
        </svg>
      </div>
    </Figure>
  );

  function freeOrShort(row: MemoryRow): string {
    const left = row.capacity - total(row);
    return left >= 0 ? print(left, 'B') : `${text.plan.short} ${print(-left, 'B')}`;
  }
}
