// This machine: what the program finds in the machine it runs on. A job, asked for its news by bounded waits.

import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError, Job } from '../../api/answers';
import { ask } from '../../api/client';
import { Failed, Waiting } from '../../parts/state';
import { href } from '../../shell/place';
import { useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { DASH, print } from '../../units';

type Found = Record<string, unknown>;

function ThisMachine(): VNode {
  const text = useText();
  const [job, setJob] = useState<Job | null>(null);
  const [fault, setFault] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    const follow = async () => {
      let asked = await ask<Job>('jobs', { verb: 'probe' }, control.signal);
      while (asked.ok && asked.answer.state === 'running') {
        setJob(asked.answer);
        asked = await ask<Job>(`jobs/${asked.answer.id}?after=${asked.answer.sequence}&wait=10`, undefined, control.signal);
      }
      if (asked.ok) setJob(asked.answer);
      else setFault(asked.error);
    };
    setFault(null);
    setJob(null);
    follow().catch(() => { /* the view was left */ });
    return () => control.abort();
  }, [round]);
  const again = () => setRound((n) => n + 1);
  const error = fault ?? job?.error ?? null;
  return (
    <>
      <header class="intro"><h1>{text.machine.title}</h1><p>{text.machine.intro}</p></header>
      {error ? <Failed error={error} again={again} /> : job?.state === 'cancelled' ? <p>{text.machine.cancelled} <button type="button" onClick={again}>{text.state.again}</button></p>
        : job?.state === 'done' ? <Findings found={job.answer as Found} /> : (
        <>
          <p role="status">{text.state.waiting} {job ? <button type="button" onClick={() => void ask(`jobs/${job.id}`, undefined, undefined, 'DELETE')}>{text.machine.cancel}</button> : null}</p>
          <Waiting lines={8} />
        </>
      )}
    </>
  );
}

function Findings({ found }: { found: Found }): VNode {
  const text = useText();
  return (
    <>
      <p class="actions"><a class="button" href={href('plan', { on: 'here' })}>{text.machine.planHere}</a></p>
      {Object.entries(found).map(([id, value]) => (
        Array.isArray(value) ? (value.length ? <List key={id} id={id} rows={value} /> : null)
          : value && typeof value === 'object' ? <section class="block" key={id}><h2>{words(id)}</h2><dl class="facts-list">{Object.entries(value as Found).map(([name, one]) => <div key={name}><dt>{words(name)}</dt><dd>{shown(name, one)}</dd></div>)}</dl></section>
          : null
      ))}
    </>
  );
}

function List({ id, rows }: { id: string; rows: unknown[] }): VNode {
  if (typeof rows[0] !== 'object') return <section class="block"><h2>{words(id)}</h2><ul class="caveats">{rows.map((row, i) => <li key={i}>{String(row)}</li>)}</ul></section>;
  const names = Object.keys(rows[0] as Found);
  return (
    <section class="block">
      <h2>{words(id)}</h2>
      <div class="scrolls" role="region" aria-label={words(id)} tabIndex={0}>
        <table class="data">
          <thead><tr>{names.map((name) => <th key={name} scope="col">{words(name)}</th>)}</tr></thead>
          <tbody>{rows.map((row, i) => <tr key={i}>{names.map((name) => <td key={name}>{shown(name, (row as Found)[name])}</td>)}</tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

const words = (id: string): string => id.replace(/_(bytes_s|bytes|w|c)$/, '').replace(/_/g, ' ');

function shown(name: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return DASH;
  if (typeof value === 'number') return name.endsWith('_bytes') ? print(value, 'B') : name.endsWith('bytes_s') ? print(value, 'B/s') : name.endsWith('_w') ? print(value, 'W') : String(value);
  return Array.isArray(value) ? value.map((one) => (typeof one === 'object' ? Object.values(one as Found).join(' ') : String(one))).join(', ') : String(value);
}

export const view: View = { id: 'machine', order: 60, title: (text) => text.machine.title, component: ThisMachine };
