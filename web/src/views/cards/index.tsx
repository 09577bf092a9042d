// Cards: the catalogue of Devices with search, filters and sort, and a page for each with its facts, sources and roofline.

import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { DeviceRow } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { Field } from '../../parts/field';
import { holds, wordsOf } from '../../parts/search';
import { SortedTable, useSorted, type Column } from '../../parts/sorted';
import { Empty, Failed, Waiting } from '../../parts/state';
import { href, usePlace } from '../../shell/place';
import { useSettings, useText } from '../../shell/settings';
import { en } from '../../text/en';
import { zh } from '../../text/zh';
import type { View } from '../../shell/view';
import { DASH, print } from '../../units';
import { CardPage } from './card';

const GIB = 1024 ** 3;
const NONE: DeviceRow[] = [];

function Cards(): VNode {
  const place = usePlace();
  const { language } = useSettings();
  const name = place.params.get('name');
  return name ? <CardPage name={name} language={language} /> : <CardList />;
}

function CardList(): VNode {
  const text = useText();
  const place = usePlace();
  const listed = useAnswer<{ rows: DeviceRow[] }>({ path: 'list/devices' });
  const get = (name: string) => place.params.get(name) ?? '';
  const all = listed.answer?.rows ?? NONE;
  const q = get('q'), vendor = get('vendor'), family = get('family'), least = Number(get('gib')) * GIB;
  const found = useMemo(() => {
    const words = wordsOf(q);
    return all.filter((row) => holds(row, words, `${row.architecture} ${row.vendor} ${en.vendors[row.vendor] ?? ''} ${zh.vendors[row.vendor] ?? ''}`) && (!vendor || row.vendor === vendor) && (!family || row.architecture === family) && (!least || (row.memory ?? 0) >= least));
  }, [all, q, vendor, family, least]);
  const columns: Column<DeviceRow>[] = [
    { id: 'name', name: text.cards.name, cell: (row) => <a href={href('cards', { name: row.key })}>{row.name}{row.chips > 1 ? <small> {text.cards.perChip(row.chips)}</small> : null}</a>, by: (row) => row.name },
    { id: 'memory', name: text.cards.memory, numeric: true, cell: (row) => print(row.memory, 'B'), by: (row) => row.memory ?? null },
    { id: 'bandwidth', name: text.cards.bandwidth, numeric: true, cell: (row) => print(row.bandwidth, 'B/s'), by: (row) => row.bandwidth ?? null },
    { id: 'half', name: text.cards.half, numeric: true, cell: (row) => print(row.half_rate, 'flop/s'), by: (row) => row.half_rate ?? null },
    { id: 'power', name: text.cards.power, numeric: true, cell: (row) => print(row.power, 'W'), by: (row) => row.power ?? null },
    { id: 'family', name: text.cards.family, cell: (row) => row.architecture || DASH, by: (row) => row.architecture },
    { id: 'release', name: text.cards.release, cell: (row) => row.release || DASH, by: (row) => row.release || null },
  ];
  const sorted = useSorted(found, columns, 'name');
  const distinct = (pick: (row: DeviceRow) => string) => [...new Set(all.map(pick).filter(Boolean))].sort();
  return (
    <>
      <header class="intro"><h1>{text.cards.title}</h1><p>{text.cards.intro}</p></header>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label={text.cards.search}>
          {(parts) => <input {...parts} type="search" value={get('q')} placeholder="3090" onInput={(event) => place.set({ q: event.currentTarget.value }, true)} />}
        </Field>
        <Field label={text.cards.vendor}>
          {(parts) => (
            <select {...parts} value={get('vendor')} onChange={(event) => place.set({ vendor: event.currentTarget.value, family: null }, true)}>
              <option value="">{text.cards.any}</option>
              {distinct((row) => row.vendor).map((vendor) => <option key={vendor} value={vendor}>{text.vendors[vendor] ?? vendor}</option>)}
            </select>
          )}
        </Field>
        <Field label={text.cards.family}>
          {(parts) => (
            <select {...parts} value={get('family')} onChange={(event) => place.set({ family: event.currentTarget.value }, true)}>
              <option value="">{text.cards.any}</option>
              {distinct((row) => (get('vendor') && row.vendor !== get('vendor') ? '' : row.architecture)).map((family) => <option key={family} value={family}>{family}</option>)}
            </select>
          )}
        </Field>
        <Field label={text.cards.memoryAtLeast}>
          {(parts) => (
            <select {...parts} value={get('gib')} onChange={(event) => place.set({ gib: event.currentTarget.value }, true)}>
              <option value="">{text.cards.any}</option>
              {['8', '12', '16', '24', '32', '48', '80', '96', '128', '192'].map((gib) => <option key={gib} value={gib}>{gib} GiB</option>)}
            </select>
          )}
        </Field>
      </form>
      {listed.error ? <Failed error={listed.error} again={listed.again} kept={listed.answer !== null} /> : null}
      {!listed.answer ? (listed.error ? null : <Waiting lines={12} view />) : (
        <>
          <p role="status" class="count">{text.cards.shown(found.length, all.length)}</p>
          {found.length ? <SortedTable caption={text.cards.title} rows={sorted.rows} columns={columns} by={sorted.by} down={sorted.down} rowKey={(row) => row.key} />
            : <Empty title={text.cards.none}><button type="button" onClick={() => place.set({ q: null, vendor: null, family: null, gib: null })}>{text.cards.clear}</button></Empty>}
        </>
      )}
    </>
  );
}

export const view: View = { id: 'cards', order: 30, title: (text) => text.cards.title, component: Cards };
