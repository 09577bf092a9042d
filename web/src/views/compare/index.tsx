// Compare: several models, machines or engines under one question; small multiples on shared scales.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError, Compare as CompareAnswer, CompareRow } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { useNames } from '../../api/names';
import { MemoryBars } from '../../charts/memory';
import { Ranges } from '../../charts/ranges';
import { Combobox } from '../../parts/combobox';
import { Field, Reason, SelectField, TextField } from '../../parts/field';
import { droppedName, joinModel, shownModel, splitModel, takesQuant } from '../../parts/model-field';
import { mend } from '../../parts/rig-spec';
import { Share } from '../../parts/share';
import { Empty, Failed, Waiting } from '../../parts/state';
import { href, usePlace } from '../../shell/place';
import { useSettings, useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { DASH, print, printInterval } from '../../units';
import { memoryRows } from '../plan/answer';
import { NAMES, OBJECTIVES, readQuestion, sharedRequest, sharedSettings, type Question } from '../plan/question';

// Several values of one setting share a name in the address, each once: ?m=a&m=b.
function useList(name: string): [string[], (next: string[]) => void] {
  const place = usePlace();
  return [place.params.getAll(name), (next) => place.set({ [name]: next }, true)];
}

function Compare(): VNode {
  const { text, language } = useSettings();
  const place = usePlace();
  const names = useNames();
  const [models, setModels] = useList('m');
  const [rigs, setRigs] = useList('on');
  const [engines] = useList('e');
  const question = { ...readQuestion(place.params), engine: engines[0] ?? '' };
  const enough = models.length > 0 && rigs.length > 0;
  const body = { models, rigs, ...(engines.length ? { engines } : {}), ...sharedRequest(question, language) };
  const compared = useAnswer<CompareAnswer>(enough ? { path: 'compare', body } : null, 150);
  const error = compared.error;
  const of = (...fields: string[]) => (error && fields.includes(error.field) ? error : null);
  const field = (name: keyof Question) => (next: string) => place.set({ [NAMES[name]]: next }, true);
  const engine = names.engines.find((one) => one.key === (question.engine || 'llama.cpp'));
  const backends = (engine?.backends ?? '').split(',').map((one) => one.trim()).filter(Boolean);
  const [open, setOpen] = useState(Boolean(question.backend || question.flags || question.prompt || question.depth || question.streams || question.engineDate));
  return (
    <>
      <header class="intro"><h1>{text.compare.title}</h1><p>{text.compare.intro}</p></header>
      <form class="question across" aria-label={text.plan.question} onSubmit={(event) => event.preventDefault()}>
        <NameList label={text.compare.models} one={text.plan.model} add={text.compare.addModel} values={models} onChange={setModels} error={of('models')}
          options={names.models.map((model) => ({ value: model.key, name: model.name }))} quants={names.quants} />
        <NameList label={text.compare.rigs} one={text.plan.rig} add={text.compare.addRig} values={rigs} onChange={setRigs} error={of('rigs')}
          options={names.devices.map((device) => ({ value: device.key, name: device.name, note: print(device.memory, 'B') }))} />
        <div>
          <div class="pair">
            <TextField label={text.plan.context} value={question.context} error={of('context')} onChange={field('context')} />
            <SelectField label={text.plan.engine} value={question.engine} error={of('engines')} onChange={(next) => place.set({ e: next, b: null }, true)}
              choices={[{ value: '', label: 'llama.cpp' }, ...names.engines.filter((one) => one.key !== 'llama.cpp').map((one) => ({ value: one.key, label: one.name }))]} />
            <SelectField label={text.plan.objective} value={question.objective} error={of('for')} onChange={field('objective')}
              choices={OBJECTIVES.map((one) => ({ value: one === 'decode' ? '' : one, label: text.plan.objectives[one] }))} />
          </div>
          <details open={open || of('flags', 'backend', 'prompt', 'depth', 'sequences', 'engine_date') !== null} onToggle={(event) => setOpen(event.currentTarget.open)}>
            <summary>{text.plan.more}</summary>
            <div class="pair">
              <SelectField label={text.plan.backend} value={question.backend} error={of('backend')} onChange={field('backend')} choices={[{ value: '', label: text.plan.auto }, ...backends.map((one) => ({ value: one, label: one }))]} />
              <TextField label={text.plan.prompt} value={question.prompt} placeholder="512" error={of('prompt')} onChange={field('prompt')} />
              <TextField label={text.plan.depth} value={question.depth} placeholder="0" error={of('depth')} onChange={field('depth')} />
              <TextField label={text.plan.streams} value={question.streams} placeholder="1" error={of('sequences')} onChange={field('streams')} />
              <TextField label={text.plan.engineDate} value={question.engineDate} placeholder="2026-05" error={of('engine_date')} onChange={field('engineDate')} />
            </div>
            <TextField label={text.plan.flags} value={question.flags} error={of('flags')} onChange={field('flags')} />
          </details>
        </div>
      </form>
      <section class="answer" aria-busy={compared.waiting} aria-label={text.compare.title}>
        {!enough ? <Empty title={text.compare.empty}><p><a href={href('compare') + '?m=qwen3-32b%3Aq4_k_m&on=2xrtx-3090&on=rtx-4090&on=rtx-5090'}>qwen3-32b · 2x 3090 / 4090 / 5090</a></p></Empty> : (
          <>
            {error ? <Failed error={error} again={compared.again} kept={compared.answer !== null} /> : null}
            {compared.answer ? <div class={compared.waiting || error ? 'stale' : undefined}><Result answer={compared.answer} question={question} /><Share verb="compare" request={body} name="compare" /></div> : error ? null : <Waiting lines={8} />}
          </>
        )}
      </section>
    </>
  );
}

interface NameListProps { label: string; one: string; add: string; values: string[]; options: { value: string; name: string; note?: string }[]; quants?: string[]; error: ApiError | null; onChange(next: string[]): void }

function NameList({ label, one, add, values, options, quants, error, onChange }: NameListProps): VNode {
  const text = useText();
  const rows = [...values, ''];
  const put = (i: number, value: string) => onChange(rows.map((old, r) => (r === i ? value : old)));
  const at = error?.index !== undefined && error.index >= 0 ? error.index : values.length === 1 ? 0 : -1;
  return (
    <fieldset class="names">
      <legend>{label}</legend>
      {rows.map((value, i) => {
        const [name, quant] = quants ? splitModel(value) : [value, ''];
        const own = i === at && value ? error : null, ofQuant = own?.part === 'quant' && takesQuant(value);
        return (
          <div class="name-row" key={i}>
            <Field label={i < values.length ? `${one} ${i + 1}` : add} error={ofQuant ? null : own} take={(nearest) => put(i, quants ? nearest : mend(value, own?.column ?? 0, nearest))}>
              {(parts) => (value.startsWith('dropped:') ? <output {...parts} class="dropped">{droppedName(value)}</output>
                : <Combobox parts={parts} value={name} options={options} placeholder={i < values.length ? '' : add} onTake={(next) => put(i, quants ? joinModel(next, splitModel(next)[1] ? '' : quant) : next)} />)}
            </Field>
            {quants && value && takesQuant(value) ? (
              <Field label={text.plan.quant} error={ofQuant ? own : null} take={(nearest) => put(i, joinModel(name, nearest))}>
                {(parts) => (
                  <Combobox parts={parts} value={quant} placeholder={text.plan.quantNative} options={quants.map((one) => ({ value: one, name: one }))} onTake={(next) => put(i, joinModel(name, next))} />
                )}
              </Field>
            ) : null}
            {value ? <button type="button" class="quiet remove" aria-label={`${text.parts.remove} ${value.startsWith('dropped:') ? droppedName(value) : value}`} onClick={() => onChange(values.filter((_, v) => v !== i))}>{'\u00d7'}</button> : null}
          </div>
        );
      })}
      {error && at < 0 ? <p class="wrong" role="alert"><Reason error={error} /></p> : null}
    </fieldset>
  );
}

function rowName(row: CompareRow, answer: CompareAnswer): string {
  const differs = (pick: (one: CompareRow) => string) => new Set(answer.rows.map(pick)).size > 1;
  const parts = [differs((one) => one.model) ? shownModel(row.model) : '', differs((one) => one.rig) ? row.rig : '', differs((one) => one.engine) ? row.engine : ''].filter(Boolean);
  return parts.join(', ') || row.rig;
}

function Result({ answer, question }: { answer: CompareAnswer; question: Question }): VNode {
  const text = useText();
  const named = answer.rows.map((row, i) => ({ row, name: rowName(row, answer), best: i === answer.fastest, why: row.error ?? undefined }));
  const runsOn = { cards: text.parts.yes, host: text.compare.runsOnHost, processor: text.compare.runsOnProcessor };
  const places = new Set(answer.rows.map((row) => row.runs_on));
  const assumed = assumedHosts(answer);
  const most = Math.max(1, ...named.flatMap(({ row }) => (row.plan ? memoryRows(row.plan, text).filter((one) => !one.apart).map((one) => Math.max(one.capacity, Object.values(one.parts).reduce((a, b) => a + b, 0))) : [])));
  return (
    <>
      <div class="multiples three">
        <Ranges title={text.plan.decode} unit="token/s" rows={named.map(({ row, name, best, why }) => ({ name, value: row.decode, best, why }))} />
        <Ranges title={text.plan.prefill} unit="token/s" rows={named.map(({ row, name, why }) => ({ name, value: row.prefill, why }))} />
        <Ranges title={text.plan.ttft} unit="s" rows={named.map(({ row, name, why }) => ({ name, value: row.ttft, why }))} />
      </div>
      <section class="block">
        <h2>{text.compare.table}</h2>
        <div class="scrolls" role="region" aria-label={text.compare.table} tabIndex={0}>
          <table class="data">
            <caption class="unseen">{text.compare.table}</caption>
            <thead><tr><th scope="col">{text.compare.row}</th><th scope="col">{text.compare.fits}</th>{[text.compare.cards, text.compare.memory, text.plan.decode, text.plan.prefill, text.plan.ttft, text.plan.power, text.plan.energy].map((name) => <th key={name} scope="col" class="number">{name}</th>)}<th scope="col"><span class="unseen">{text.compare.open}</span></th></tr></thead>
            <tbody>
              {named.map(({ row, name, best }, i) => (
                <tr key={i} class={best ? 'best' : undefined}>
                  <th scope="row">{name}{best ? <span class="badge">{text.compare.fastest}</span> : null}</th>
                  <td>{row.runs_on ? runsOn[row.runs_on] : text.parts.no}</td>
                  <td class="number">{row.plan ? `${row.cards_used} ${text.plan.of} ${row.cards}` : DASH}</td>
                  <td class="number">{row.plan ? `${print(used(row), 'B')} ${text.plan.of} ${print(capacity(row), 'B')}` : DASH}</td>
                  {[row.decode, row.prefill, row.ttft, row.plan?.power?.decode, row.plan?.power?.energy].map((value, v) => (
                    <td key={v} class="number">{value ? <>{print(value.p50, value.unit)}<small>{printInterval(value)}</small></> : DASH}</td>
                  ))}
                  <td>{row.plan ? <a href={href('plan', { ...sharedSettings(question), m: row.model, on: row.rig, e: row.engine === 'llama.cpp' ? '' : row.engine })}>{text.compare.open}<span class="unseen"> {name}</span></a> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {places.has('host') ? <p class="help">{text.compare.hostMeans}</p> : null}
      {places.has('processor') ? <p class="help">{text.compare.processorMeans}</p> : null}
      {answer.faster.length ? (
        <section class="block" data-block="faster">
          <h2>{text.compare.faster}</h2>
          <ul>{answer.faster.map((one) => <li key={one}>{one}</li>)}</ul>
        </section>
      ) : null}
      {assumed.length > 0 ? (
        <section class="block">
          <h2>{text.compare.hosts}</h2>
          <ul class="caveats">{assumed.map(([rig, host]) => <li key={rig}>{rig}: {host}</li>)}</ul>
          <p>{text.compare.hostsHelp}</p>
        </section>
      ) : null}
      {named.some(({ row }) => row.why_not) ? (
        <section class="block" data-block="why-not">
          <h2>{text.compare.whyNot}</h2>
          <ul class="caveats">{named.filter(({ row }) => row.why_not).map(({ row, name }, i) => <li key={i}>{name}: {row.why_not}</li>)}</ul>
        </section>
      ) : null}
      <section class="block">
        <h2>{text.plan.memory}</h2>
        <div class="multiples">
          {named.map(({ row, name }, i) => (row.plan ? <MemoryBars key={i} title={name} scaleTo={most} rows={memoryRows(row.plan, text)} /> : null))}
        </div>
      </section>
    </>
  );
}

// Of each machine the host that nobody named, where the rows do not have the same.
function assumedHosts(answer: CompareAnswer): [string, string][] {
  const words = (row: CompareRow) => (row.host ? `${row.host.name}, ${print(row.host.memory_bytes, 'B')}` : '');
  if (new Set(answer.rows.map(words).filter(Boolean)).size < 2) return [];
  return [...new Map(answer.rows.filter((row) => row.host?.assumed).map((row) => [row.rig, words(row)]))];
}

const used = (row: CompareRow) => row.plan!.placement.devices.reduce((sum, device) => sum + device.memory.total_bytes, 0) || row.plan!.placement.host.memory.total_bytes;
const capacity = (row: CompareRow) => row.plan!.placement.devices.reduce((sum, device) => sum + device.memory.capacity_bytes, 0) || row.plan!.placement.host.memory.capacity_bytes;

export const view: View = { id: 'compare', order: 20, title: (text) => text.compare.title, component: Compare };
