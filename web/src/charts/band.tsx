// Band: a value against context, its middle as a line and the range in which 8 of 10 machines should be as a band around it.

import { scaleLinear, scaleLog } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Interval } from '../api/answers';
import { useText } from '../shell/settings';
import { print, printInterval, printTokens, scaleOf, threeDigits } from '../units';
import { apart, Axis, Figure, Legend, useWidth } from './frame';

export interface BandPoint { x: number; value: Interval | null }
export interface BandSeries { name: string; mark: string; points: BandPoint[] }

interface BandProps { title: string; series: BandSeries[]; unit: string; xName: string; here?: number; height?: number }

export function Band({ title, series, unit, xName, here, height = 260 }: BandProps): VNode {
  const text = useText();
  const [box, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const margin = { top: 26, right: 14, bottom: 38, left: 46 };
  const inner = { width: Math.max(40, width - margin.left - margin.right), height: height - margin.top - margin.bottom };
  const xs = [...new Set(series.flatMap((one) => one.points.map((point) => point.x)))].sort((a, b) => a - b);
  const values = series.flatMap((one) => one.points.flatMap((point) => (point.value ? [point.value] : [])));
  const top = Math.max(1e-9, ...values.map((value) => value.p90));
  const scale = scaleOf(top, unit);
  const x = scaleLog().domain([Math.max(1, xs[0] ?? 1), Math.max(2, xs[xs.length - 1] ?? 2)]).range([margin.left, margin.left + inner.width]);
  const y = scaleLinear().domain([0, top]).nice(4).range([margin.top + inner.height, margin.top]);
  const known = (point: BandPoint) => point.value !== null;
  const middle = line<BandPoint>(( point) => x(point.x), (point) => y(point.value!.p50)).defined(known);
  const around = area<BandPoint>().x((point) => x(point.x)).y0((point) => y(point.value!.p10)).y1((point) => y(point.value!.p90)).defined(known);
  const shown = at === null ? null : xs[Math.min(at, xs.length - 1)]!;
  const tell = (tokens: number) => `${printTokens(tokens)}: ` + series.map((one) => {
    const value = one.points.find((point) => point.x === tokens)?.value;
    return (series.length > 1 ? one.name + ' ' : '') + (value ? `${print(value.p50, unit)} (${printInterval(value)})` : text.plan.doesNotFitShort);
  }).join('; ');
  const nearest = (event: PointerEvent) => {
    const bounds = (event.currentTarget as Element).getBoundingClientRect();
    const px = event.clientX - bounds.left;
    let best = 0;
    xs.forEach((value, i) => { if (Math.abs(x(value) - px) < Math.abs(x(xs[best]!) - px)) best = i; });
    setAt(best);
  };
  const keys = (event: KeyboardEvent) => {
    const move = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!move) return;
    event.preventDefault();
    setAt((old) => Math.max(0, Math.min(xs.length - 1, (old ?? (move > 0 ? -1 : xs.length)) + move)));
  };
  return (
    <Figure title={title} legend={<Legend items={series.length > 1 ? series.map((one) => ({ name: one.name, mark: one.mark })) : [{ name: text.plan.likely, mark: `line ${series[0]?.mark}` }, { name: text.plan.eightOfTen, mark: `around ${series[0]?.mark}` }]} />}
      table={{
        head: [xName, ...series.flatMap((one) => [one.name || title, text.chart.range])],
        rows: xs.map((tokens) => [printTokens(tokens), ...series.flatMap((one) => {
          const value = one.points.find((point) => point.x === tokens)?.value;
          return value ? [print(value.p50, unit), printInterval(value)] : [text.plan.doesNotFitShort, ''];
        })]),
      }}>
      <div ref={box} class="chart-box">
        <svg width={width} height={height} role="img" tabindex={0} class="reads" aria-label={title + '. ' + xs.map(tell).join('. ')}
          onPointerDown={nearest} onPointerMove={nearest} onPointerLeave={(event) => { if (event.pointerType === 'mouse') setAt(null); }} onKeyDown={keys} onBlur={() => setAt(null)}>
          <Axis side="left" label={scale.unit} left={margin.left} top={margin.top} width={inner.width} height={inner.height}
            ticks={y.ticks(4).map((value) => ({ at: y(value), label: threeDigits(value / scale.factor).replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : zeros)) }))} />
          <Axis side="bottom" label={xName} left={margin.left} top={margin.top} width={inner.width} height={inner.height}
            ticks={apart(xs.map((value) => ({ at: x(value), label: printTokens(value) })), margin.left, inner.width, (tick) => tick.at === x(xs[xs.length - 1]!))} />
          {here !== undefined && here >= x.domain()[0]! && here <= x.domain()[1]! ? (
            <line class="here" x1={x(here)} x2={x(here)} y1={margin.top} y2={margin.top + inner.height} />
          ) : null}
          {series.map((one) => (
            <g key={one.mark} class={'series ' + one.mark}>
              <path class="around" d={around(one.points) ?? ''} />
              <path class="middle" d={middle(one.points) ?? ''} />
              {one.points.filter(known).map((point) => <circle key={point.x} cx={x(point.x)} cy={y(point.value!.p50)} r="2.5" />)}
            </g>
          ))}
          {shown !== null ? <line class="cursor" x1={x(shown)} x2={x(shown)} y1={margin.top} y2={margin.top + inner.height} /> : null}
        </svg>
        <p class="readout" role="status">{shown !== null ? tell(shown) : '\u00a0'}</p>
      </div>
    </Figure>
  );
}
