// Scatter: predicted against measured on logarithmic axes. On the diagonal the prediction was right; the band is within a quarter.
// Points are one focus stop; arrow keys walk them by size, Enter opens one.

import { scaleLog } from 'd3-scale';
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useText } from '../shell/settings';
import { print, threeDigits } from '../units';
import { apart, Axis, Figure, Legend, useWidth, type TableData } from './frame';

export interface ScatterPoint { id: string; x: number; y: number; mark: string; tell: string }

interface ScatterProps { title: string; points: ScatterPoint[]; unit: string; xName: string; yName: string; table: TableData; legend: { name: string; mark: string }[]; open?: string; onOpen(id: string): void }

export function Scatter({ title, points, unit, xName, yName, table, legend, open, onOpen }: ScatterProps): VNode {
  const text = useText();
  const [box, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const height = Math.min(520, Math.max(280, width * 0.72));
  const margin = { top: 26, right: 14, bottom: 40, left: 50 };
  const domain = useMemo((): [number, number] => {
    const all = points.flatMap((point) => [point.x, point.y]).filter((value) => value > 0);
    return all.length ? [all.reduce((a, b) => Math.min(a, b)) * 0.8, all.reduce((a, b) => Math.max(a, b)) * 1.25] : [1, 10];
  }, [points]);
  const order = useMemo(() => points.map((_, i) => i).sort((a, b) => points[a]!.x - points[b]!.x), [points]);
  const x = scaleLog().domain(domain).range([margin.left, width - margin.right]);
  const y = scaleLog().domain(domain).range([height - margin.bottom, margin.top]);
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const ticks = x.ticks(4).filter((value) => /^[125]/.test(value.toExponential()));
  const label = (value: number) => threeDigits(value).replace(/\.0+$/, '');
  // Thousands of them: made again only when they or the room change, not with every move of the pointer.
  const dots = useMemo(() => <g>{points.map((point) => <circle key={point.id} class={'point ' + point.mark} cx={x(point.x).toFixed(1)} cy={y(point.y).toFixed(1)} r="3.2" />)}</g>, [points, width]);
  const opened = useMemo(() => points.find((point) => point.id === open), [points, open]);
  const [low, high] = domain;
  const shown = at === null ? null : points[order[at]!];
  const keys = (event: KeyboardEvent) => {
    const move = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (event.key === 'Enter' && shown) onOpen(shown.id);
    if (!move) return;
    event.preventDefault();
    setAt((old) => Math.max(0, Math.min(points.length - 1, (old ?? -1) + move)));
  };
  const nearest = (event: MouseEvent): number | null => {
    const bounds = (event.currentTarget as Element).getBoundingClientRect();
    const px = event.clientX - bounds.left, py = event.clientY - bounds.top;
    let best: number | null = null, least = 24 * 24;
    order.forEach((p, i) => {
      const d = (x(points[p]!.x) - px) ** 2 + (y(points[p]!.y) - py) ** 2;
      if (d < least) { least = d; best = i; }
    });
    return best;
  };
  return (
    <Figure title={title} table={table} summary={text.accuracy.scatterHelp} legend={<Legend items={legend} />}>
      <div ref={box} class="chart-box">
        <svg width={width} height={height} class="reads" tabindex={0} role="img" aria-label={`${title}. ${points.length} ${text.accuracy.points}. ${text.accuracy.scatterHelp}`}
          onPointerDown={(event) => setAt(nearest(event))} onPointerMove={(event) => setAt(nearest(event))} onPointerLeave={(event) => { if (event.pointerType === 'mouse') setAt(null); }} onKeyDown={keys}
          onClick={(event) => {   // a tap moves nothing before it
            const one = nearest(event);
            setAt(one);
            if (one !== null) onOpen(points[order[one]!]!.id);
          }}>
          <clipPath id="scatter-clip"><rect x={margin.left} y={margin.top} width={inner.width} height={inner.height} /></clipPath>
          <g clip-path="url(#scatter-clip)">
            <path class="within" d={`M${x(low)} ${y(low * 1.25)}L${x(high)} ${y(high * 1.25)}L${x(high)} ${y(high / 1.25)}L${x(low)} ${y(low / 1.25)}Z`} />
          </g>
          <Axis side="left" label={yName} left={margin.left} top={margin.top} width={inner.width} height={inner.height} ticks={ticks.map((value) => ({ at: y(value), label: label(value) })).filter((tick) => inner.height > 300 || /^(1(,?0+)*|0\.0*1)$/.test(tick.label))} />
          <Axis side="bottom" label={xName} left={margin.left} top={margin.top} width={inner.width} height={inner.height} ticks={apart(ticks.map((value) => ({ at: x(value), label: label(value) })), margin.left, inner.width, (tick) => /^1(,?0+)*$/.test(tick.label))} />
          <line class="diagonal" x1={x(low)} y1={y(low)} x2={x(high)} y2={y(high)} />
          {dots}
          {opened ? <circle class={'open point ' + opened.mark} cx={x(opened.x)} cy={y(opened.y)} r={6} /> : null}
          {shown ? <circle class="ring" cx={x(shown.x)} cy={y(shown.y)} r="8" /> : null}
        </svg>
        <p class="readout" role="status">{shown ? `${shown.tell}: ${print(shown.y, unit)} ${text.accuracy.predicted}, ${print(shown.x, unit)} ${text.accuracy.measured}` : '\u00a0'}</p>
      </div>
    </Figure>
  );
}
