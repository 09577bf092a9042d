// Compare: several models, machines or engines under one question; small multiples on shared scales.

import type { VNode } from 'preact';
import type { ApiError, Compare as CompareAnswer, CompareRow, Interval } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { useNames, type Names } from '../../api/names';
import { MemoryBars } from '../../charts/memory';
import { Ranges } from '../../charts/ranges';
import { Asked } from '../../parts/asked';
import { Combobox, type Option } from '../../parts/combobox';
import { Field, Reason, SelectField, TextField } from '../../parts/field';
import { droppedName, joinModel, quantOf, shownModel, splitModel, takesQuant } from '../../parts/model-field';
import { mend } from '../../parts/rig-spec';
import { SortedHead, useSorted, type Column } from '../../parts/sorted';
import { Share } from '../../parts/share';
import { Empty, Failed, Waiting } from '../../parts/state';
import { href, usePlace } from '../../shell/place';
import { useSettings, useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { DASH, print, printInterval } from '../../units';
import { memoryRows } from '../plan/answer';
import { More } from '../plan/more';
import { named, NAMES, readQuestion, sharedRequest, sharedSettings, usualEngine, type Question } from '../plan/question';

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
  return (
    <>
      <header class="intro"><h1>{text.compare.title}</h1><p>{text.compare.intro}</p></header>
      <Asked words={<><b>{models.map(shownModel).join(', ')}</b> {'\u00b7'} {rigs.join(' / ')}{engines.length ? ` \u00b7 ${engines.join(' / ')}` : ''}{question.context ? ` \u00b7 ${question.context}` : ''}</>} told={enough} open={error !== null}><form class="question across" aria-label={text.plan.question} onSubmit={(event) => event.preventDefault()}>
        <NameList label={text.compare.models} one={text.plan.model} add={text.compare.addModel} values={models} onChange={setModels} error={of('models')}
          options={names.options.models} quants={names.options.quants} />
        <NameList label={text.compare.rigs} one={text.plan.rig} add={text.compare.addRig} values={rigs} onChange={setRigs} error={of('rigs')}
          options={names.options.devices} />
        <div>
          <div class="pair">
            <TextField label={text.plan.context} value={question.context} error={of('context')} onChange={field('context')} />
            <Engines chosen={engines} taken={engines.length ? [] : [...new Set(compared.answer?.rows.map((row) => row.engine).filter(Boolean) ?? [])]} names={names} error={of('engines')} onChange={(next) => place.set({ e: next, b: null, split: null, offload: null, kv: null, ub: null }, true)} />
          </div>
          <More question={question} names={names} error={error} engine={engines[0] || compared.answer?.rows[0]?.engine} onChange={(changes) => place.set(named(changes), true)} />
        </div>
      </form></Asked>
      <section class="answer" aria-busy={compared.waiting} aria-label={text.compare.title}>
        {!enough ? <Empty title={text.compare.empty}><p><a href={href('compare') + '?m=qwen3-32b%3Aq4_k_m&on=2xrtx-3090&on=rtx-4090&on=rtx-5090'}>qwen3-32b · 2x 3090 / 4090 / 5090</a></p></Empty> : (
          <>
            {error ? <Failed error={error} again={compared.again} kept={compared.answer !== null} /> : null}
            {compared.answer ? <div class={compared.waiting || error ? 'stale' : undefined}><Result answer={compared.answer} question={question} chosen={engines.length > 0} /><Share verb="compare" request={body} name="compare" /></div> : error ? null : <Waiting lines={8} view />}
          </>
        )}
      </section>
    </>
  );
}

// One engine or several: each row of the answer is of one of them. None: each row takes the usual one, `taken` in the answer in sight.
function Engines({ chosen, taken, names, error, onChange }: { chosen: string[]; taken: string[]; names: Names; error: ApiError | null; onChange(next: string[]): void }): VNode {
  const text = useText();
  const all = names.engines.map((one) => ({ value: one.key, label: one.name }));
  const rows = chosen.length ? chosen : [''];
  const put = (i: number, value: string) => {
    const next = !chosen.length && i > 0 ? [...taken, value] : [...rows.slice(0, i), value, ...rows.slice(i + 1)];   // one more stands beside those that were taken
    onChange(next.filter((one, n, list) => one && list.indexOf(one) === n));
  };
  return (
    <>
      {rows.map((value, i) => (
        <SelectField key={i} label={rows.length > 1 ? `${text.plan.engine} ${i + 1}` : text.plan.engine} value={value} error={(error?.index ?? 0) === i ? error : null} onChange={(next) => put(i, next)}
          choices={rows.length > 1 ? [...all, { value: '', label: text.compare.dropEngine }] : [{ value: '', label: usualEngine(text, taken, names) }, ...all]} />
      ))}
      {rows.length < 8 && all.length ? (
        <SelectField label={text.compare.addEngine} value="" onChange={(next) => put(rows.length, next)} choices={[{ value: '', label: DASH }, ...all.filter((one) => !rows.includes(one.value))]} />
      ) : null}
    </>
  );
}

interface NameListProps { label: string; one: string; add: string; values: string[]; options: Option[]; quants?: Option[]; error: ApiError | null; onChange(next: string[]): void }

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
          <div class={quants && value && takesQuant(value) ? 'name-row both' : 'name-row'} key={i}>
            <Field label={i < values.length ? `${one} ${i + 1}` : add} error={ofQuant ? null : own} take={(nearest) => put(i, quants ? nearest : mend(value, own?.column ?? 0, nearest))}>
              {(parts) => (value.startsWith('dropped:') ? <output {...parts} class="dropped">{droppedName(value)}</output>
                : <Combobox parts={parts} value={name} options={options} placeholder={i < values.length ? '' : add} onTake={(next) => put(i, quants ? joinModel(next, splitModel(next)[1] ? '' : quant) : next)} />)}
            </Field>
            {quants && value && takesQuant(value) ? (
              <Field label={text.plan.quant} error={ofQuant ? own : null} take={(nearest) => put(i, joinModel(name, quantOf(nearest)))}>
                {(parts) => (
                  <Combobox parts={parts} value={quant} placeholder={text.plan.quantNative} options={quants} onTake={(next) => put(i, joinModel(name, next))} />
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

// A model that was dropped on the page is called by its file.
const rowName = (row: CompareRow) => row.name.replace(row.model, shownModel(row.model));

interface Shown { row: CompareRow; name: string; best: boolean; why?: string }

function Result({ answer, question, chosen }: { answer: CompareAnswer; question: Question; chosen: boolean }): VNode {
  const text = useText();
  const listed = answer.rows.map((row, i) => ({ row, name: rowName(row), best: i === answer.fastest, why: row.error ?? undefined }));
  const speeds: (Omit<Column<Shown>, 'cell' | 'by'> & { of(row: CompareRow): Interval | null | undefined })[] = [
    { id: 'decode', name: text.plan.decode, of: (row) => row.decode }, { id: 'prefill', name: text.plan.prefill, of: (row) => row.prefill }, { id: 'ttft', name: text.plan.ttft, of: (row) => row.ttft },
    { id: 'power', name: text.plan.power, of: (row) => row.plan?.power?.decode }, { id: 'energy', name: text.plan.energy, of: (row) => row.plan?.power?.energy },
  ];
  const one = (of: (plan: NonNullable<CompareRow['plan']>) => string) => { const all = [...new Set(answer.rows.flatMap((row) => (row.plan ? [of(row.plan)] : [])))]; return all.length === 1 ? all[0] : ''; };
  const same = { engine: one((plan) => plan.engine), quant: one((plan) => plan.model.quant) };
  const left = answer.rows.some((row) => row.plan && row.cards_used < row.cards);   // where every row uses all of its cards there is nothing to say
  const many = answer.rows.some((row) => streamsOf(row) > 1);   // speeds are of all of them together then
  const columns: Omit<Column<Shown>, 'cell'>[] = [
    { id: 'row', name: text.compare.row, by: (one) => one.name }, { id: 'fits', name: text.compare.fits },
    ...(many ? [{ id: 'streams', name: text.plan.streams, numeric: true, by: (one: Shown) => (one.row.plan ? streamsOf(one.row) : null) }] : []),
    ...(left ? [{ id: 'cards', name: text.compare.cards, numeric: true, by: (one: Shown) => (one.row.plan ? one.row.cards_used : null) }] : []), { id: 'memory', name: text.compare.memory, numeric: true, by: (one) => (one.row.plan ? used(one.row) : null) },
    ...speeds.map((one) => ({ ...one, numeric: true, by: (shown: Shown) => one.of(shown.row)?.p50 ?? null })),
  ];
  const { rows: named, by, down } = useSorted(listed, columns, '');
  const runsOn = { cards: text.parts.yes, host: text.compare.runsOnHost, processor: text.compare.runsOnProcessor };
  const places = new Set(answer.rows.map((row) => row.runs_on));
  const assumed = assumedHosts(answer);
  const most = Math.max(1, ...named.flatMap(({ row }) => (row.plan ? memoryRows(row.plan, text).filter((one) => !one.apart).map((one) => Math.max(one.capacity, Object.values(one.parts).reduce((a, b) => a + b, 0))) : [])));
  return (
    <>
      {named.some(({ row }) => row.decode || row.prefill) ? <div class="multiples three">
        <Ranges title={text.plan.decode} unit="token/s" rows={named.map(({ row, name, best, why }) => ({ name, value: row.decode, best, why }))} />
        <Ranges title={text.plan.prefill} unit="token/s" rows={named.map(({ row, name, why }) => ({ name, value: row.prefill, why }))} />
        <Ranges title={text.plan.ttft} unit="s" rows={named.map(({ row, name, why }) => ({ name, value: row.ttft, why }))} />
      </div> : null}
      <section class="block">
        <h2>{text.compare.table}</h2>
        <div class="scrolls" role="region" aria-label={text.compare.table} tabIndex={0}>
          <table class="data stacks compared">
            <caption class="unseen">{text.compare.table}</caption>
            <thead><tr>{columns.map((column) => <SortedHead key={column.id} column={column} by={by} down={down} />)}</tr></thead>
            <tbody>
              {named.map(({ row, name, best }, i) => (
                <tr key={i} class={best ? 'best' : undefined}>
                  <th scope="row">{row.plan ? <a title={text.compare.open} href={href('plan', { ...sharedSettings(question), m: row.model, on: row.rig, e: chosen ? row.engine : '' })}>{name}</a> : name}{best ? <span class="badge">{text.compare.fastest}</span> : null}</th>
                  <td data-name={text.compare.fits}>{row.runs_on ? runsOn[row.runs_on] : row.error ? text.compare.refused : text.parts.no}</td>
                  {many ? <td class="number" data-name={text.plan.streams}>{row.decode ? streamsOf(row) : DASH}</td> : null}
                  {left ? <td class="number" data-name={text.compare.cards}>{row.plan ? `${row.cards_used} ${text.plan.of} ${row.cards}` : DASH}</td> : null}
                  <td class="number" data-name={text.compare.memory}><div>{row.plan ? <>{print(used(row), 'B')}<small>{text.plan.of} {print(capacity(row), 'B')}</small></> : DASH}</div></td>
                  {speeds.map((one) => {
                    const value = one.of(row);
                    return <td key={one.name} class="number" data-name={one.name}><div>{value ? <>{print(value.p50, value.unit)}<small>{printInterval(value)}</small></> : DASH}</div></td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {same.engine && same.quant ? <p class="help" data-block="alike">{text.compare.alike(same.engine, same.quant)}</p> : null}
      {many ? <p class="help" data-block="streams">{text.compare.streamsMean}</p> : null}
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
          <ul class="caveats">{assumed.map(([rig, host]) => <li key={rig}>{rig}{text.state.colon}{host}</li>)}</ul>
          <p>{text.compare.hostsHelp}</p>
        </section>
      ) : null}
      {named.some(({ row }) => row.why_not) ? (
        <section class="block" data-block="why-not">
          <h2>{text.compare.whyNot}</h2>
          <ul class="caveats">{named.filter(({ row }) => row.why_not).map(({ row, name }, i) => <li key={i}>{name}{text.state.colon}{row.why_not}</li>)}</ul>
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

// That are written at a time.
const streamsOf = (row: CompareRow): number => (row.plan?.decode && row.plan.decode_each ? Math.max(1, Math.round(row.plan.decode.p50 / row.plan.decode_each.p50)) : 1);

const used = (row: CompareRow) => row.plan!.placement.devices.reduce((sum, device) => sum + device.memory.total_bytes, 0) || row.plan!.placement.host.memory.total_bytes;
const capacity = (row: CompareRow) => row.plan!.placement.devices.reduce((sum, device) => sum + device.memory.capacity_bytes, 0) || row.plan!.placement.host.memory.capacity_bytes;

export const view: View = { id: 'compare', order: 20, title: (text) => text.compare.title, component: Compare };
