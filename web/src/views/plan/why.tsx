// Why this number: the derivation step by step, and the measurements nearest to the question.

import type { VNode } from 'preact';
import type { Plan } from '../../api/answers';
import { useText } from '../../shell/settings';
import { print, threeDigits } from '../../units';
import { Source } from './answer';

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
        const terms = plan.derivation.filter((term) => term.phase === phase);
        const total = terms.reduce((sum, term) => sum + term.seconds, 0);
        return terms.length ? (
          <details key={phase} open={p === 0}>
            <summary>{text.plan.phases[phase]}: {print(total, 's')}</summary>
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
                      <td data-name={text.plan.where}>{term.where.replace(/^device (\d+): /, (_, n: string) => `${text.plan.cardNo(Number(n))}, `).replace(/^host$/, text.plan.host).replace(/^links$/, text.plan.links)}</td>
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
