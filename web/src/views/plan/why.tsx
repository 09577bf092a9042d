// Why this number: the derivation step by step, and the measurements nearest to the question.

import type { VNode } from 'preact';
import type { Plan } from '../../api/answers';
import { useText } from '../../shell/settings';
import { print, threeDigits } from '../../units';
import { numbered, Source } from './named';

const PHASES = ['decode', 'prefill'] as const;

export function Why({ plan }: { plan: Plan }): VNode {
  const text = useText();
  const amount = (value: number, unit: string): string => (unit === 'B' || unit === 'flop' ? print(value, unit)
    : threeDigits(value).replace(/\.0+$/, '') + (unit ? '\u00a0' + (value === 1 ? text.plan.one[unit] ?? unit : text.plan.counted[unit] ?? unit) : ''));
  return (
    <section class="block">
      <h2>{text.plan.why}</h2>
      <p class="help">{text.plan.whyHelp}</p>
      {PHASES.map((phase, p) => {
        const terms = together(plan.derivation.filter((term) => term.phase === phase));
        const total = terms.reduce((sum, term) => sum + term.seconds, 0);
        return terms.length ? (
          <details key={phase} open={p === 0}>
            <summary>{text.plan.phases[phase]}{text.state.colon}{print(total, 's')}</summary>
            <div class="scrolls" role="region" aria-label={text.plan.phases[phase]} tabIndex={0}>
              <table class="data derivation stacks">
                <caption class="unseen">{text.plan.phases[phase]}</caption>
                <thead>
                  <tr><th scope="col">{text.plan.step}</th><th scope="col">{text.plan.where}</th>{[text.plan.amount, text.plan.peak, text.plan.efficiency, text.plan.time].map((name) => <th key={name} scope="col" class="number">{name}</th>)}<th scope="col">{text.plan.bound}</th></tr>
                </thead>
                <tbody>
                  {terms.map((term, i) => (
                    <tr key={i}>
                      <th scope="row">{term.label}<i class="share" style={{ width: `${total > 0 ? (100 * term.seconds) / total : 0}%` }} /></th>
                      <td data-name={text.plan.where}>{term.devices.length ? `${term.devices.length > 1 ? text.plan.cardsNo(numbered(term.devices)) : text.plan.cardNo(term.devices[0]!)}${text.state.comma}${term.name}` : term.where.replace(/^host$/, text.plan.host).replace(/^links$/, text.plan.links)}</td>
                      <td class="number" data-name={text.plan.amount}>{term.amount > 0 ? amount(term.amount, term.amount_unit) : ''}</td>
                      <td class="number" data-name={text.plan.peak}>{physical(term) ? rate(term.rate, term.amount_unit) : ''}</td>
                      <td class="number" data-name={text.plan.efficiency}>{physical(term) ? threeDigits(term.efficiency * 100) + '\u00a0%' : ''}</td>
                      <td class="number" data-name={text.plan.time}>{print(term.seconds, 's')}</td>
                      <td data-name={text.plan.bound}>{physical(term) ? (term.bound === 'compute' ? text.plan.boundCompute : text.plan.boundMemory) : ''}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        ) : null;
      })}
    </section>
  );
}

type Term = Plan['derivation'][number];
const DEVICE = /^device (\d+): (.*)$/;

// What equal devices do alike is one line: its amounts and times are the sums. Two steps of one device stay two.
function together(terms: Term[]): (Term & { devices: number[]; name: string })[] {
  const lines = new Map<string, Term & { devices: number[]; name: string }>();
  for (const term of terms) {
    const device = DEVICE.exec(term.where), index = Number(device?.[1] ?? -1);
    for (let nth = 0; ; ++nth) {
      const key = JSON.stringify([term.label, device?.[2] ?? term.where, term.amount_unit, term.rate, term.efficiency, term.bound, nth]), line = lines.get(key);
      if (!line) lines.set(key, { ...term, devices: device ? [index] : [], name: device?.[2] ?? '' });
      else if (!device || line.devices.includes(index)) continue;
      else Object.assign(line, { amount: line.amount + term.amount, seconds: line.seconds + term.seconds, devices: [...line.devices, index] });
      break;
    }
  }
  return [...lines.values()];
}

// Launches, messages and steps are counted: they have no peak to be a share of.
const physical = (term: { rate: number; amount_unit: string }): boolean => term.rate > 0 && (term.amount_unit === 'B' || term.amount_unit === 'flop');

const rate = (value: number, unit: string): string => (unit === 'B' ? print(value, 'B/s') : unit === 'flop' ? print(value, 'flop/s') : '');

export function Evidence({ plan }: { plan: Plan }): VNode {
  const text = useText();
  return (
    <section class="block">
      <h2>{text.plan.evidence}</h2>
      {plan.evidence.length === 0 ? <p>{text.plan.evidenceNone}</p> : (
        <div class="scrolls" role="region" aria-label={text.plan.evidence} tabIndex={0}>
          <table class="data stacks">
            <caption class="unseen">{text.plan.evidence}</caption>
            <thead><tr><th scope="col">{text.plan.what}</th><th scope="col" class="number">{text.plan.measured}</th><th scope="col" class="number">{text.plan.predicted}</th><th scope="col">{text.plan.source}</th></tr></thead>
            <tbody>
              {plan.evidence.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{one.device}, {one.model} {one.quant}<small>{one.engine} {one.backend}{one.note ? ', ' + one.note : ''}</small></th>
                  <td class="number" data-name={text.plan.measured}>{print(one.value, one.unit)}</td>
                  <td class="number" data-name={text.plan.predicted}>{print(one.predicted, one.unit)}</td>
                  <td data-name={text.plan.source}><Source source={one.source} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
