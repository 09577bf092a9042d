// What every chart shares: its width, its axes, its caption, and the same numbers as a table for whoever cannot or will not see it.

import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useText } from '../shell/settings';

export function useWidth(initial = 640): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(initial);
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver((entries) => {
      const next = Math.floor(entries[0]!.contentRect.width);
      if (next > 0) setWidth(next);
    });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

// About how wide a text of a chart is: CJK characters are twice as wide as others.
export const widthOf = (text: string): number => [...text].reduce((sum, letter) => sum + (letter > '\u2e7f' ? 13.5 : /[ilj.,:;|'()\[\] 1]/.test(letter) ? 4.6 : /[mwMW@]/.test(letter) ? 11 : 8), 0);

// The text with its middle left out where it is wider than so many pixels: names differ at both ends.
export function shortened(text: string, room: number): string {
  if (widthOf(text) <= room) return text;
  const letters = [...text];
  let keep = letters.length - 1;
  const cut = () => letters.slice(0, Math.ceil(keep / 2)).join('') + '\u2026' + letters.slice(letters.length - Math.floor(keep / 2)).join('');
  while (keep > 4 && widthOf(cut()) > room) --keep;
  return cut();
}

export interface TableData { head: string[]; rows: string[][] }

interface FigureProps { title: string; summary?: string; table: TableData; children: ComponentChildren; legend?: ComponentChildren }

export function Figure({ title, summary, table, children, legend }: FigureProps): VNode {
  const text = useText();
  const [opened, setOpened] = useState(false);   // hundreds of rows that nobody asked to see are not made
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {legend}
      </figcaption>
      {children}
      {summary ? <p class="unseen">{summary}</p> : null}
      <details class="numbers" onToggle={(event) => { if (event.currentTarget.open) setOpened(true); }}>
        <summary>{text.chart.numbers}</summary>
        {opened ? <div class="scrolls" role="region" aria-label={title} tabIndex={0}><DataTable data={table} caption={title} /></div> : null}
      </details>
    </figure>
  );
}

export function DataTable({ data, caption }: { data: TableData; caption: string }): VNode {
  return (
    <table class="data">
      <caption class="unseen">{caption}</caption>
      <thead><tr>{data.head.map((cell, i) => <th key={i} scope="col">{cell}</th>)}</tr></thead>
      <tbody>
        {data.rows.map((row, r) => (
          <tr key={r}>{row.map((cell, c) => (c === 0 ? <th key={c} scope="row">{cell}</th> : <td key={c}>{cell}</td>))}</tr>
        ))}
      </tbody>
    </table>
  );
}

export function Legend({ items }: { items: { name: string; mark: string }[] }): VNode {
  return (
    <span class="legend" aria-hidden="true">
      {items.map((item) => <span key={item.mark}><i class={'swatch ' + item.mark} aria-hidden="true" />{item.name}</span>)}
    </span>
  );
}

// Where the label of a tick below an axis begins, ends and hangs: those at the ends stay within it.
function labelOf(tick: Tick, left: number, width: number): { from: number; to: number; anchor: 'start' | 'middle' | 'end' } {
  const wide = widthOf(tick.label);
  if (tick.at - left < wide / 2) return { from: tick.at, to: tick.at + wide, anchor: 'start' };
  if (left + width - tick.at < wide / 2) return { from: tick.at - wide, to: tick.at, anchor: 'end' };
  return { from: tick.at - wide / 2, to: tick.at + wide / 2, anchor: 'middle' };
}

// The ticks below an axis whose labels do not lie on each other; of two that would, the one that is said to matter, else the first.
export function apart(ticks: Tick[], left: number, width: number, matters: (tick: Tick) => boolean = () => false): Tick[] {
  const kept: Tick[] = [];
  const meets = (a: Tick, b: Tick) => {
    const one = labelOf(a, left, width), other = labelOf(b, left, width);
    return one.from < other.to + 5 && other.from < one.to + 5;
  };
  for (const tick of [...ticks.filter(matters), ...ticks.filter((one) => !matters(one))]) if (!kept.some((one) => meets(one, tick))) kept.push(tick);
  return kept;
}

export interface Tick { at: number; label: string }

interface AxisProps { ticks: Tick[]; label: string; width: number; height: number; side: 'bottom' | 'left'; left: number; top: number }

// Grid lines with labels and the name of the axis, at its end, where the eye looks for the unit.
export function Axis({ ticks, label, width, height, side, left, top }: AxisProps): VNode {
  return (
    <g class={'axis ' + side} aria-hidden="true">
      {ticks.map((tick) => side === 'bottom' ? (
        <g key={tick.at}>
          <line x1={tick.at} x2={tick.at} y1={top} y2={top + height} />
          <text x={tick.at} y={top + height + 16} text-anchor={labelOf(tick, left, width).anchor}>{tick.label}</text>
        </g>
      ) : (
        <g key={tick.at}>
          <line x1={left} x2={left + width} y1={tick.at} y2={tick.at} />
          <text x={left - 6} y={tick.at + 4} text-anchor="end">{tick.label}</text>
        </g>
      ))}
      {side === 'bottom'
        ? <text class="axis-name" x={left + width} y={top + height + 32} text-anchor="end">{label}</text>
        : <text class="axis-name" x={left} y={top - 8} text-anchor="start">{label}</text>}
    </g>
  );
}
