// What else there is: other ways to lay the model out, what more hardware would bring, and the reader's own measurement beside the answer.

import type { VNode } from 'preact';
import { href, usePlace } from '../../shell/place';
import { useText } from '../../shell/settings';
import type { Interval, Plan } from '../../api/answers';
import { Field } from '../../parts/field';
import { composeRig, parseRig } from '../../parts/rig-spec';
import { DASH, print, printInterval, threeDigits } from '../../units';
import { compareSettings, type Question } from './question';

export function OtherWays({ plan }: { plan: Plan }): VNode | null {
  const text = useText();
  const others = plan.alternatives.filter((way) => way.launch !== plan.launch);   // two kinds may come to the same line
  if (!others.length && !plan.rejected.length) return null;
  return (
    <section class="block" data-block="ways">
      <h2>{others.length ? text.plan.ways : text.plan.triedWays}</h2>
      {others.length ? (
        <div class="scrolls" role="region" aria-label={text.plan.ways} tabIndex={0}>
          <table class="data stacks">
            <caption class="unseen">{text.plan.ways}</caption>
            <thead><tr><th scope="col">{text.plan.way}</th><th scope="col" class="number">{text.plan.decode}</th><th scope="col" class="number">{text.plan.contextFull}</th><th scope="col" class="number">{text.plan.prefill}</th><th scope="col" class="number">{text.plan.hostMemoryBar}</th></tr></thead>
            <tbody>
              {others.map((way) => (
                <tr key={way.kind}>
                  <th scope="row">{way.kind}<small><code>{way.launch}</code></small></th>
                  <td class="number" data-name={text.plan.decode}>{way.decode > 0 ? print(way.decode, 'token/s') : DASH}</td>
                  <td class="number" data-name={text.plan.contextFull}>{way.decode_full > 0 ? print(way.decode_full, 'token/s') : DASH}</td>
                  <td class="number" data-name={text.plan.prefill}>{way.prefill > 0 ? print(way.prefill, 'token/s') : DASH}</td>
                  <td class="number" data-name={text.plan.hostMemoryBar}>{print(way.host_bytes, 'B')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {others.length ? plan.faster_when.map((one) => <p key={one}>{one}</p>) : null}
      {plan.rejected.length ? (
        <ul class="refused">
          {plan.rejected.map((one) => <li key={one.kind}>{one.kind}{text.state.colon}{one.missing_bytes > 0 ? `${text.plan.short} ${print(one.missing_bytes, 'B')}` : one.why}</li>)}
        </ul>
      ) : null}
    </section>
  );
}

// The machine with that much memory in its host; null: it is written in a way the form does not know.
function withMemory(rig: string, bytes: number, host: string): string | null {
  const form = parseRig(rig);
  if (!form) return null;
  const named = form.host.processor || form.host.memoryType ? form.host : { ...form.host, processor: host };
  return composeRig({ ...form, host: { ...named, memory: String(Math.round(bytes / 2 ** 30)) } });
}

export function Upgrades({ plan, question, onChange }: { plan: Plan; question: Question; onChange(changes: Partial<Question>, keep?: boolean): void }): VNode | null {
  const text = useText();
  if (!plan.upgrades.length) return null;
  const rigs = [question.rig, ...plan.upgrades.filter((one) => one.rig && one.model === question.model).map((one) => one.rig)];
  return (
    <section class="block" data-block="upgrades">
      <h2>{text.plan.upgrades}</h2>
      <ul class="remedies">
        {plan.upgrades.map((one) => {
          const rig = one.rig || (one.kind === 'memory' ? withMemory(question.rig, one.memory_bytes, plan.placement.host.device) : null);
          return (
            <li key={one.text}>
              <span>{one.text}</span>
              {rig ? <button type="button" onClick={() => onChange(one.rig ? { rig, model: one.model } : { rig }, false)}>{text.plan.take}</button> : null}
            </li>
          );
        })}
      </ul>
      {rigs.length > 1 ? <p><a href={href('compare', { ...compareSettings(question), on: rigs })}>{text.plan.compareUpgrades}</a></p> : null}
    </section>
  );
}

// What the reader measured, held against the range: it stays in the address, so that a doubt can be sent to a friend.
export function Mine({ plan }: { plan: Plan }): VNode | null {
  const text = useText();
  const place = usePlace();
  if (!plan.decode || !plan.prefill) return null;
  const rows: [string, string, Interval][] = [['md', text.plan.decode, plan.decode], ['mp', text.plan.prefill, plan.prefill]];
  return (
    <section class="block" data-block="mine">
      <h2>{text.plan.mine}</h2>
      <p class="help">{text.plan.mineHelp}</p>
      <div class="mine">
        {rows.map(([name, title, range]) => {
          const typed = place.params.get(name) ?? '';
          const value = Number(typed);
          return (
            <div key={name}>
              <Field label={`${title}, tok/s`}>
                {(parts) => <input {...parts} type="number" min="0" step="any" inputMode="decimal" value={typed} placeholder={threeDigits(range.p50)} onInput={(event) => place.set({ [name]: event.currentTarget.value }, true)} />}
              </Field>
              <p role="status" class={typed && value > 0 ? 'mine-' + judged(value, range) : ''}>{typed && value > 0 ? verdict(value, range) : '\u00a0'}</p>
            </div>
          );
        })}
      </div>
    </section>
  );

  function verdict(value: number, range: Interval): string {
    const ratio = threeDigits((100 * value) / range.p50) + '\u00a0%', where = printInterval(range);
    const how = judged(value, range);
    return how === 'inside' ? text.plan.mineInside(ratio, where) : how === 'below' ? text.plan.mineBelow(ratio, where) : text.plan.mineAbove(ratio, where);
  }
}

function judged(value: number, range: Interval): 'inside' | 'below' | 'above' {
  return value < range.p10 ? 'below' : value > range.p90 ? 'above' : 'inside';
}
