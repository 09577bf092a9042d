// This machine: what the program finds in the machine it runs on, and what was measured here against what the data sheets promise.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Measured } from '../../api/answers';
import { useJob, type Followed } from '../../api/jobs';
import { Failed, Waiting } from '../../parts/state';
import { href } from '../../shell/place';
import { useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { DASH, print, threeDigits } from '../../units';

type Found = Record<string, unknown>;

function ThisMachine(): VNode {
  const text = useText();
  const probe = useJob<Found>('probe');
  return (
    <>
      <header class="intro"><h1>{text.machine.title}</h1><p>{text.machine.intro}</p></header>
      <p class="actions"><a class="button" href={href('plan', { on: 'here' })}>{text.machine.planHere}</a></p>
      <Promised />
      <Whole job={probe}>{(found) => <Findings found={found} />}</Whole>
    </>
  );
}

// A job's states; what it answered once it is done.
function Whole<T>({ job, children }: { job: Followed<T>; children: (answer: T) => VNode }): VNode {
  const text = useText();
  if (job.error) return <Failed error={job.error} again={job.again} />;
  if (job.job?.state === 'cancelled') return <p>{text.machine.cancelled} <button type="button" onClick={job.again}>{text.state.again}</button></p>;
  if (job.answer) return children(job.answer);
  return (
    <>
      <p class="actions"><span role="status">{text.state.waiting}{job.job?.message && job.job.verb === 'bench' ? ` ${job.job.message}` : ''}</span>{job.job ? <button type="button" onClick={job.cancel}>{text.machine.cancel}</button> : null}</p>
      <Waiting lines={6} />
    </>
  );
}

// Measuring takes seconds and the whole processor, so that it only begins when asked; earlier results are shown at once.
function Promised(): VNode {
  const text = useText();
  const [measuring, setMeasuring] = useState(false);
  const job = useJob<Measured>(measuring ? 'bench' : 'measured');
  return (
    <section class="block" data-block="promise">
      <h2>{text.machine.results}</h2>
      <p class="help">{text.machine.promiseHelp}</p>
      <Whole job={job}>
        {(measured) => (
          <>
            {measured.rows.length ? (
              <div class="scrolls" role="region" aria-label={text.machine.results} tabIndex={0}>
                <table class="data">
                  <caption class="unseen">{text.machine.results}</caption>
                  <thead><tr><th scope="col">{text.machine.kernel}</th><th scope="col">{text.machine.device}</th><th scope="col" class="number">{text.machine.value}</th><th scope="col" class="number">{text.machine.promise}</th><th scope="col" class="number">{text.machine.share}</th><th scope="col">{text.machine.date}</th></tr></thead>
                  <tbody>
                    {measured.rows.map((row, i) => (
                      <tr key={i}>
                        <th scope="row">{row.case}{row.share === null ? null : <i class="share" style={{ width: `${Math.min(100, 100 * row.share)}%` }} />}</th>
                        <td>{row.device}<small>{row.backend}</small></td>
                        <td class="number">{print(row.value, row.unit)}</td>
                        <td class="number">{row.promise === null ? DASH : print(row.promise, row.unit)}</td>
                        <td class="number">{row.share === null ? DASH : threeDigits(100 * row.share) + '\u00a0%'}</td>
                        <td>{row.date}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : <p>{text.machine.none}</p>}
            <p><button type="button" onClick={() => { if (measuring) job.again(); else setMeasuring(true); }}>{text.machine.measure}</button></p>
          </>
        )}
      </Whole>
    </section>
  );
}

function Findings({ found }: { found: Found }): VNode {
  const { words, shown } = useWords();
  return (
    <>
      {Object.entries(found).map(([id, value]) => (
        Array.isArray(value) ? (value.length ? <List key={id} id={id} rows={value} /> : null)
          : value && typeof value === 'object' ? <section class="block" key={id}><h2>{words(id)}</h2><dl class="facts-list">{Object.entries(value as Found).map(([name, one]) => <div key={name}><dt>{words(name)}</dt><dd>{shown(name, one)}</dd></div>)}</dl></section>
          : null
      ))}
    </>
  );
}

function List({ id, rows }: { id: string; rows: unknown[] }): VNode {
  const { words, shown } = useWords();
  if (typeof rows[0] !== 'object') return <section class="block"><h2>{words(id)}</h2><ul class="caveats">{rows.map((row, i) => <li key={i}>{String(row)}</li>)}</ul></section>;
  const names = Object.keys(rows[0] as Found);
  return (
    <section class="block">
      <h2>{words(id)}</h2>
      <div class="scrolls" role="region" aria-label={words(id)} tabIndex={0}>
        <table class="data stacks">
          <thead><tr>{names.map((name) => <th key={name} scope="col">{words(name)}</th>)}</tr></thead>
          <tbody>{rows.map((row, i) => <tr key={i}>{names.map((name) => <td key={name} data-name={words(name)}>{shown(name, (row as Found)[name])}</td>)}</tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

// Ids of what was found as words, and values with their units, which the ids end in.
function useWords(): { words(id: string): string; shown(name: string, value: unknown): string } {
  const text = useText();
  const words = (id: string): string => {
    const bare = id.replace(/_(bytes_s|bytes|w|c)$/, '');
    return text.machine.words[bare] ?? bare.replace(/_/g, ' ');
  };
  const shown = (name: string, value: unknown): string => {
    if (value === null || value === undefined || value === '') return DASH;
    if (typeof value === 'boolean') return value ? text.parts.yes : text.parts.no;
    if (typeof value === 'number') return name.endsWith('bytes_s') ? print(value, 'B/s') : name.endsWith('_bytes') ? print(value, 'B') : name.endsWith('_w') ? print(value, 'W') : String(value);
    return Array.isArray(value) ? value.map((one) => (typeof one === 'object' ? Object.values(one as Found).join(' ') : String(one))).join(', ') : String(value);
  };
  return { words, shown };
}

export const view: View = { id: 'machine', order: 60, title: (text) => text.machine.title, component: ThisMachine };
