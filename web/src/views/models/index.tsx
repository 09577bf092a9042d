// Models: the catalogue of shapes, and a page for each with its sizes by quant and what it needs on a machine of the reader's choice.

import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Curve, ModelFacts, ModelRow } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { useNames } from '../../api/names';
import { MemoryBars } from '../../charts/memory';
import { Combobox } from '../../parts/combobox';
import { Field } from '../../parts/field';
import { holds, wordsOf } from '../../parts/search';
import { SortedTable, useSorted, type Column } from '../../parts/sorted';
import { Empty, Failed, Waiting } from '../../parts/state';
import { href, usePlace } from '../../shell/place';
import { useSettings, useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { Source } from '../plan/named';
import { DASH, grouped, print, printCount, printTokens, threeDigits } from '../../units';

const NONE: ModelRow[] = [];

function Models(): VNode {
  const name = usePlace().params.get('name');
  return name ? <ModelPage name={name} /> : <ModelList />;
}

function ModelList(): VNode {
  const text = useText();
  const place = usePlace();
  const listed = useAnswer<{ rows: ModelRow[] }>({ path: 'list/models' });
  const get = (name: string) => place.params.get(name) ?? '';
  const all = listed.answer?.rows ?? NONE;
  const q = get('q'), family = get('family');
  // Names in Chinese are known to the program ("\u5343\u95ee", "\u667a\u8c31"): it is asked which models they mean.
  const named = useAnswer<{ rows: ModelRow[] }>(/[^\x00-\x7f]/.test(q) ? { path: `list/models?text=${encodeURIComponent(q)}` } : null, 120);
  const found = useMemo(() => {
    const words = wordsOf(q), meant = new Set((named.answer?.rows ?? []).map((row) => row.key));
    return all.filter((row) => (holds(row, words, row.family) || meant.has(row.key)) && (!family || row.family === family));
  }, [all, q, family, named.answer]);
  const columns: Column<ModelRow>[] = [
    { id: 'name', name: text.models.name, cell: (row) => <a href={href('models', { name: row.key })}>{row.name}</a>, by: (row) => row.name },
    { id: 'params', name: text.models.params, numeric: true, cell: (row) => printCount(row.params), by: (row) => row.params },
    { id: 'active', name: text.models.active, numeric: true, cell: (row) => printCount(row.params_active), by: (row) => row.params_active },
    { id: 'context', name: text.models.context, numeric: true, cell: (row) => (row.max_context ? printTokens(row.max_context) : DASH), by: (row) => row.max_context || null },
    { id: 'family', name: text.models.family, cell: (row) => row.family || DASH, by: (row) => row.family },
  ];
  const sorted = useSorted(found, columns, 'name');
  return (
    <>
      <header class="intro"><h1>{text.models.title}</h1><p>{text.models.intro}</p></header>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label={text.models.search}>
          {(parts) => <input {...parts} type="search" value={get('q')} placeholder="qwen3" onInput={(event) => place.set({ q: event.currentTarget.value }, true)} />}
        </Field>
        <Field label={text.models.family}>
          {(parts) => (
            <select {...parts} value={get('family')} onChange={(event) => place.set({ family: event.currentTarget.value }, true)}>
              <option value="">{text.models.any}</option>
              {[...new Set(all.map((row) => row.family).filter(Boolean))].sort().map((family) => <option key={family} value={family}>{family}</option>)}
            </select>
          )}
        </Field>
      </form>
      {listed.error ? <Failed error={listed.error} again={listed.again} kept={listed.answer !== null} /> : null}
      {!listed.answer ? (listed.error ? null : <Waiting lines={12} view />) : (
        <>
          <p role="status" class="count">{text.models.shown(found.length, all.length)}</p>
          {found.length ? <SortedTable caption={text.models.title} rows={sorted.rows} columns={columns} by={sorted.by} down={sorted.down} rowKey={(row) => row.key} />
            : <Empty title={text.models.none}><button type="button" onClick={() => place.set({ q: null, family: null })}>{text.cards.clear}</button></Empty>}
        </>
      )}
    </>
  );
}

function ModelPage({ name }: { name: string }): VNode {
  const { text, language } = useSettings();
  const place = usePlace();
  const shown = useAnswer<{ entries: ModelFacts[] }>({ path: `show/${encodeURIComponent(name)}?kind=model&lang=${language}` });
  const model = shown.answer?.entries[0];
  return (
    <article>
      <p><a href="/models">{'\u2039'} {text.models.back}</a></p>
      {shown.error ? <><h1>{name}</h1><Failed error={shown.error} again={shown.again} take={(nearest) => place.set({ name: nearest })} /></> : !model ? <Waiting lines={10} view /> : <Model model={model} />}
    </article>
  );
}

function Model({ model }: { model: ModelFacts }): VNode {
  const text = useText();
  const facts: [string, string | number | undefined][] = [
    [text.models.params, printCount(model.params)], [text.models.active, model.params_active < model.params ? printCount(model.params_active) : undefined],
    [text.models.family, model.family], [text.models.layers, model.layers], [text.models.hidden, model.hidden ? grouped(model.hidden) : undefined], [text.models.experts, model.experts], [text.models.used, model.experts_used],
    [text.models.vocab, model.vocab ? grouped(model.vocab) : undefined], [text.models.context, model.max_context ? printTokens(model.max_context) : undefined], [text.models.published, model.quant], [text.models.repository, model.repository],
  ];
  const most = Math.max(1, ...model.sizes.map((size) => size.weights_bytes));
  return (
    <>
      <h1>{model.name}</h1>
      <p class="actions"><a class="button" href={href('plan', { m: model.key })}>{text.models.can}</a></p>
      {model.notes?.length ? <ul class="caveats">{model.notes.map((note) => <li key={note}>{note}</li>)}</ul> : null}
      <section class="block">
        <h2>{text.models.shape}</h2>
        <dl class="facts-list">{facts.filter(([, value]) => value !== undefined && value !== '').map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}</dl>
        {model.source ? <p>{text.models.source} <Source source={model.source} /></p> : null}
      </section>
      <Needs model={model} />
      {model.sizes.length ? (
        <section class="block">
          <h2>{text.models.sizes}</h2>
          <div class="scrolls" role="region" aria-label={text.models.sizes} tabIndex={0}>
            <table class="data sizes">
              <caption class="unseen">{text.models.sizes}</caption>
              <thead><tr><th scope="col">{text.models.quant}</th><th scope="col" class="number">{text.models.weights}</th><th scope="col" class="number">{text.models.bits}</th></tr></thead>
              <tbody>
                {model.sizes.map((size) => (
                  <tr key={size.quant}>
                    <th scope="row"><a href={href('plan', { m: `${model.key}:${size.quant}` })}>{size.quant}</a><i class="share" style={{ width: `${(100 * size.weights_bytes) / most}%` }} /></th>
                    <td class="number">{print(size.weights_bytes, 'B')}</td>
                    <td class="number">{threeDigits(size.bits_per_weight)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      ) : null}
      {model.published.length ? (
        <section class="block">
          <h2>{text.models.repositories}</h2>
          <dl class="facts-list">{model.published.map((one) => <div key={one.quant}><dt>{one.quant}</dt><dd>{one.repository}{one.source ? <> <Source source={one.source} /></> : null}</dd></div>)}</dl>
        </section>
      ) : null}
    </>
  );
}

// Memory by context on one machine, from the same answers that plan gives.
function Needs({ model }: { model: ModelFacts }): VNode {
  const { text, language } = useSettings();
  const place = usePlace();
  const names = useNames();
  const rig = place.params.get('on') || 'rtx-4090';
  const quant = place.params.get('quant') ?? (model.sizes.find((size) => size.quant === 'q4_k_m') ? 'q4_k_m' : '');
  const curve = useAnswer<Curve>({ path: 'curve', body: { model: quant ? `${model.key}:${quant}` : model.key, rig, lang: language } }, 100);
  return (
    <section class="block">
      <h2>{text.models.needs} {rig}{quant ? `, ${quant}` : ''}</h2>
      <p class="help">{text.models.needsHelp}</p>
      <div class="pair">
        <Field label={text.plan.card} error={curve.error?.field === 'rig' ? curve.error : null} take={(nearest) => place.set({ on: nearest }, true)}>
          {(parts) => <Combobox parts={parts} value={rig} options={names.options.devices} onTake={(next) => place.set({ on: next }, true)} />}
        </Field>
        <Field label={text.plan.quant}>
          {(parts) => (
            <select {...parts} value={quant} onChange={(event) => place.set({ quant: event.currentTarget.value }, true)}>
              {quant === '' ? <option value="">{text.plan.quantNative}</option> : null}
              {model.sizes.map((size) => <option key={size.quant} value={size.quant}>{size.quant}</option>)}
            </select>
          )}
        </Field>
      </div>
      {curve.error && curve.error.field !== 'rig' ? <Failed error={curve.error} /> : null}
      {curve.answer ? (
        <MemoryBars title={text.plan.memory} rows={curve.answer.points.filter((_, i, all) => (all.length - 1 - i) % 2 === 0).map((point) => ({
          name: `${text.plan.contextOf(printTokens(point.context))}${point.fits ? '' : ` \u00b7 ${text.plan.doesNotFitShort}`}`, host: point.host.total_bytes, capacity: point.memory.capacity_bytes,
          parts: { weights: point.memory.weights_bytes, kv: point.memory.kv_bytes, state: point.memory.state_bytes, compute: point.memory.compute_bytes, footprint: point.memory.footprint_bytes },
        }))} />
      ) : curve.error ? null : <Waiting lines={6} />}
    </section>
  );
}

export const view: View = { id: 'models', order: 40, title: (text) => text.models.title, component: Models };
