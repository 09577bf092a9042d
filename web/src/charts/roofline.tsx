// Roofline: the rate a device can reach at most (flop/s) for each flop it does per byte it reads. Left of the knee memory decides,
// right of it the arithmetic units do; models stand where their own work puts them.

import { scaleLog } from 'd3-scale';
import type { VNode } from 'preact';
import { useText } from '../shell/settings';
import { print, threeDigits } from '../units';
import { Axis, Figure, Legend, useWidth } from './frame';

export interface Roof { name: string; rate: number; mark: string }
export interface RooflinePoint { label: string; name: string; intensity: number; rate: number; mark: string }

interface RooflineProps { title: string; bandwidth: number; roofs: Roof[]; points: RooflinePoint[] }

export function Roofline({ title, bandwidth, roofs, points }: RooflineProps): VNode {
  const text = useText();
  const [box, width] = useWidth();
  const height = Math.min(420, Math.max(260, width * 0.6));
  const margin = { top: 26, right: 14, bottom: 40, left: 58 };
  const knees = roofs.map((roof) => roof.rate / bandwidth);
  const xs = [0.5, ...points.map((point) => point.intensity), ...knees.map((knee) => knee * 6)];
  const low = Math.min(...xs) * 0.8;
  const high = Math.max(...xs);
  const most = Math.max(...roofs.map((roof) => roof.rate), ...points.map((point) => point.rate)) * 1.6;
  const least = Math.min(low * bandwidth, ...points.map((point) => point.rate)) * 0.6;
  const x = scaleLog().domain([low, high]).range([margin.left, width - margin.right]);
  const y = scaleLog().domain([least, most]).range([height - margin.bottom, margin.top]);
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  // Where names would lie on each other, numbers stand for them, and a key below says whose they are.
  const narrow = width < 560;
  const number = new Map([...new Set(points.map((point) => point.label))].map((label, i) => [label, String(i + 1)]));
  const right = (point: RooflinePoint) => x(point.intensity) > margin.left + inner.width * 0.55;
  const labels = apart(points.map((point) => ({ left: right(point), x: x(point.intensity) + (right(point) ? -14 : 14), y: y(point.rate) + 4, text: narrow ? number.get(point.label)! : point.label })),
    roofs.map((roof) => ({ left: true, x: x(high) - 2, y: y(roof.rate) - 5, text: `${roof.name} ${print(roof.rate, 'flop/s')}` })), height - margin.bottom - 4);
  const tens = (scale: typeof x) => scale.ticks(6).filter((value) => /^1e/.test(value.toExponential()));
  return (
    <Figure title={title} legend={<Legend items={[{ name: text.cards.decode, mark: 'mark-decode' }, { name: text.cards.prefill, mark: 'mark-prefill' }]} />} table={{
      head: [text.cards.roof, text.cards.intensity, text.cards.rate],
      rows: [...roofs.map((roof) => [roof.name, `${text.cards.knee} ${threeDigits(roof.rate / bandwidth)} flop/B`, print(roof.rate, 'flop/s')]),
        ...points.map((point) => [point.name, `${threeDigits(point.intensity)} flop/B`, print(point.rate, 'flop/s')])],
    }}>
      <div ref={box} class="chart-box">
        <svg width={width} height={height} role="img"
          aria-label={`${title}. ${roofs.map((roof) => `${roof.name}: ${print(roof.rate, 'flop/s')}`).join('; ')}. ${points.map((point) => `${point.name}: ${threeDigits(point.intensity)} flop/B, ${print(point.rate, 'flop/s')}`).join('; ')}`}>
          <Axis side="left" label={text.cards.rate} left={margin.left} top={margin.top} width={inner.width} height={inner.height} ticks={tens(y).map((value) => ({ at: y(value), label: print(value, 'flop/s').replace('flop/s', '').trim() }))} />
          <Axis side="bottom" label={text.cards.intensity} left={margin.left} top={margin.top} width={inner.width} height={inner.height} ticks={tens(x).map((value) => ({ at: x(value), label: threeDigits(value).replace(/\.0+$/, '') }))} />
          <line class="roof memory-roof" x1={x(low)} y1={y(low * bandwidth)} x2={x(Math.max(...knees))} y2={y(Math.max(...roofs.map((roof) => roof.rate)))} />
          {roofs.map((roof, i) => (
            <g key={roof.name} class={'roof ' + roof.mark}>
              <line x1={x(Math.max(low, knees[i]!))} x2={x(high)} y1={y(roof.rate)} y2={y(roof.rate)} />
              <text x={x(high) - 2} y={y(roof.rate) - 5} text-anchor="end">{roof.name} {print(roof.rate, 'flop/s')}</text>
            </g>
          ))}
          <text class="memory-label" x={x(low * 1.8)} y={y(low * 1.8 * bandwidth) + 16} text-anchor="start">{print(bandwidth, 'B/s')}</text>
          {points.map((point, p) => {
            const label = labels[p]!, px = x(point.intensity), py = y(point.rate), far = Math.abs(label.y - 4 - py) > 6;
            return (
              <g key={point.name} class={'roof-point ' + point.mark}>
                {far ? <line class="leader" x1={px} y1={py} x2={label.x + (label.left ? 2 : -2)} y2={label.y - 4} /> : null}
                <text x={label.x} y={label.y} text-anchor={label.left ? 'end' : 'start'}>{label.text}</text>
              </g>
            );
          })}
          {points.map((point) => <g key={point.name} class={'roof-point ' + point.mark}><circle cx={x(point.intensity)} cy={y(point.rate)} r="5"><title>{`${point.name}: ${print(point.rate, 'flop/s')}`}</title></circle></g>)}
        </svg>
        {narrow ? <p class="key" aria-hidden="true">{[...number].map(([label, n]) => <span key={n}><b>{n}</b> {label}</span>)}</p> : null}
      </div>
    </Figure>
  );
}

interface Label { left: boolean; x: number; y: number; text: string }   // left: the text ends at x
const LETTER = 6.6, LINE = 13;

// Labels that would lie on each other or on fixed ones, moved down or up to the nearest free line; the highest first.
function apart(labels: Label[], fixed: Label[], bottom: number): Label[] {
  const span = (one: Label): [number, number] => (one.left ? [one.x - one.text.length * LETTER, one.x] : [one.x, one.x + one.text.length * LETTER]);
  const meets = (a: Label, b: Label) => Math.abs(a.y - b.y) < LINE && span(a)[0] < span(b)[1] && span(b)[0] < span(a)[1];
  const placed = [...fixed];
  const moved = labels.map((one) => ({ ...one }));
  for (const one of [...moved].sort((a, b) => a.y - b.y)) {
    const wanted = one.y;
    for (let step = 0; step < 24 && placed.some((other) => meets(one, other)); ++step) {
      const away = Math.ceil((step + 1) / 2) * 4 * (step % 2 ? -1 : 1);
      one.y = Math.min(bottom, wanted + away);
    }
    placed.push(one);
  }
  return moved;
}
