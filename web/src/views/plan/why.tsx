// Why this number: the derivation step by step, and the measurements nearest to the question.

import type { VNode } from 'preact';
import type { Plan } from '../../api/answers';
import { useText } from '../../shell/settings';
import { print, threeDigits } from '../../units';
import { Source } from './answer';

const PHASES = ['decode', 'prefill'] as const;

export function Why({ plan }: { plan: Plan }): VNode {
  const text = useText();
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
              <table class="data derivation">
                <caption class="unseen">{text.plan.phases[phase]}</caption>
                <thead>
                  <tr><th scope="col">{text.plan.step}</th><th scope="col">{text.plan.where}</th><th scope="col">{text.plan.amount}</th><th scope="col">{text.plan.peak}</th><th scope="col">{text.plan.efficiency}</th><th scope="col">{text.plan.time}</th><th scope="col">{text.plan.bound}</th></tr>
                </thead>
                <tbody>
                  {terms.map((term, i) => (
                    <tr key={i}>
                      <th scope="row">{term.label}<i class="share" style={{ width: `${total > 0 ? (100 * term.seconds) / total : 0}%` }} /></th>
                      <td>{term.where}</td>
                      <td class="number">{term.amount > 0 ? amount(term.amount, term.amount_unit) : ''}</td>
                      <td class="number">{term.rate > 0 ? rate(term.rate, term.amount_unit) : ''}</td>
                      <td class="number">{term.rate > 0 ? threeDigits(term.efficiency * 100) + '\u00a0%' : ''}</td>
                      <td class="number">{print(term.seconds, 's')}</td>
                      <td>{term.rate > 0 ? (term.bound === 'compute' ? text.plan.boundCompute : text.plan.boundMemory) : ''}</td>
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

function amount(value: number, unit: string): string {
  return unit === 'B' || unit === 'flop' ? print(value, unit) : threeDigits(value).replace(/\.0+$/, '') + (unit ? '\u00a0' + unit : '');
}

const rate = (value: number, unit: string): string => (unit === 'B' ? print(value, 'B/s') : unit === 'flop' ? print(value, 'flop/s') : '');

export function Evidence({ plan }: { plan: Plan }): VNode {
  const text = useText();
  return (
    <section class="block">
      <h2>{text.plan.evidence}</h2>
      {plan.evidence.length === 0 ? <p>{text.plan.evidenceNone}</p> : (
        <div class="scrolls" role="region" aria-label={text.plan.evidence} tabIndex={0}>
          <table class="data">
            <caption class="unseen">{text.plan.evidence}</caption>
            <thead><tr><th scope="col">{text.plan.what}</th><th scope="col">{text.plan.measured}</th><th scope="col">{text.plan.predicted}</th><th scope="col">{text.plan.source}</th></tr></thead>
            <tbody>
              {plan.evidence.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{one.device}, {one.model} {one.quant}<small>{one.engine} {one.backend}{one.note ? ', ' + one.note : ''}</small></th>
                  <td class="number">{print(one.value, one.unit)}</td>
                  <td class="number">{print(one.predicted, one.unit)}</td>
                  <td><Source source={one.source} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
