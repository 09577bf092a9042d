// Accuracy: predicted against measured, how far off each group is, and what stands behind one estimate. The rows come from a job,
// because predicting thousands of them takes longer than a page may wait for one answer.

import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Evaluation, EvaluationRow, PeerScore, Plan } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { useJob } from '../../api/jobs';
import { Residuals } from '../../charts/residuals';
import { Scatter } from '../../charts/scatter';
import { Field } from '../../parts/field';
import { Empty, Failed, Waiting } from '../../parts/state';
import { usePlace } from '../../shell/place';
import { useSettings, useText } from '../../shell/settings';
import type { View } from '../../shell/view';
import { grouped, print, threeDigits } from '../../units';
import { Evidence } from '../plan/why';

const GROUPS = ['vendor', 'backend', 'engine', 'format', 'family', 'device', 'layout', 'depth', 'size', 'grade', 'source'];
const PHASES = ['decode', 'prefill', 'serve'];
const MOST_GROUPS = 24;    // rows of the table of groups; the rest would be single measurements

interface Known extends EvaluationRow { predicted: { p10: number; p50: number; p90: number }; groups: Record<string, string> }

function Accuracy(): VNode {
  const text = useText();
  const place = usePlace();
  const hold = place.params.get('hold') ?? '';
  const job = useJob<Evaluation>('evaluate', hold ? { hold_out: hold } : {});
  return (
    <>
      <header class="intro"><h1>{text.accuracy.title}</h1><p>{text.accuracy.intro}</p></header>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <Choice label={text.accuracy.fold} name="hold" choices={['', 'source', 'device', 'model']} names={text.accuracy.folds} first="" />
        <Choice label={text.accuracy.phase} name="phase" choices={PHASES} names={text.accuracy.phases} first="decode" />
        <Choice label={text.accuracy.group} name="by" choices={GROUPS} names={text.accuracy.groups} first="vendor" />
      </form>
      {job.error ? <Failed error={job.error} again={job.again} /> : job.job?.state === 'cancelled' ? (
        <p>{text.machine.cancelled} <button type="button" onClick={job.again}>{text.state.again}</button></p>
      ) : !job.answer ? (
        <>
          <p class="actions"><span role="status">{text.state.waiting} {hold ? text.accuracy.foldTakes : ''}</span><button type="button" onClick={job.cancel}>{text.machine.cancel}</button></p>
          {job.job && job.job.done >= 0 ? <progress class="progress" value={job.job.done} max={1} aria-label={text.state.waiting} /> : null}
          <Waiting lines={10} view />
        </>
      ) : <Shown evaluation={job.answer} />}
    </>
  );
}

function Choice({ label, name, choices, names, first }: { label: string; name: string; choices: string[]; names: Record<string, string>; first: string }): VNode {
  const place = usePlace();
  return (
    <Field label={label}>
      {(parts) => (
        <select {...parts} value={place.params.get(name) ?? first} onChange={(event) => place.set({ [name]: event.currentTarget.value, row: null, only: null }, true)}>
          {choices.map((one) => <option key={one} value={one}>{names[one] ?? one}</option>)}
        </select>
      )}
    </Field>
  );
}

function Shown({ evaluation }: { evaluation: Evaluation }): VNode {
  const text = useText();
  const place = usePlace();
  const phase = place.params.get('phase') ?? 'decode', by = place.params.get('by') ?? 'vendor', asked = place.params.get('only') ?? '';
  const group = (row: Known) => (by === 'grade' ? row.grade ?? '' : row.groups[by] ?? '');
  const rows = useMemo(() => evaluation.rows.filter((row): row is Known => Boolean(row.predicted && !row.excluded && row.groups && row.groups['phase'] === phase)), [evaluation, phase]);
  const groups = useMemo(() => scores(rows, group), [rows, by]);
  const only = groups.some((one) => one.name === asked) ? asked : '';   // a group of another grouping filters nothing
  const chosen = useMemo(() => (only ? rows.filter((row) => group(row) === only) : rows), [rows, by, only]);
  const rates = useMemo(() => chosen.filter((row) => row.metric === 'tokens_per_second'), [chosen]);
  const points = useMemo(() => rates.map((row) => ({ id: row.id, x: row.actual, y: row.predicted.p50, mark: markOf(row), tell: tell(row) })), [rates]);
  const table = useMemo(() => ({ head: [text.accuracy.detail, text.accuracy.measured, text.accuracy.predicted], rows: rates.slice(0, 400).map((row) => [tell(row), threeDigits(row.actual), threeDigits(row.predicted.p50)]) }), [rates, text]);
  const nameOf = (name: string) => (by === 'vendor' ? text.vendors[name] ?? name : name);
  const open = place.params.get('row') ?? '';
  const one = rows.find((row) => row.id === open);
  const all = useMemo(() => scores(rows, () => 'all')[0], [rows]);
  const take = (name: string) => place.set({ only: name === only ? null : name, row: null }, true);
  if (!all) return <Empty title={text.accuracy.none} />;
  return (
    <>
      <dl class="tiles">
        <Tile id="median" name={text.accuracy.error} value={percent(all.median)} note={`${grouped(all.rows)} ${text.accuracy.points}`} />
        <Tile id="p90" name={text.accuracy.worst} value={percent(all.p90)} />
        <Tile id="bias" name={text.accuracy.bias} value={percent(all.bias)} />
        <Tile id="coverage" name={text.accuracy.coverage} value={percent(all.coverage)} />
      </dl>
      <section class="block">
        <h2>{text.accuracy.scatter}{only ? text.state.colon + nameOf(only) : ''}</h2>
        <p class="help">{text.accuracy.scatterHelp} {text.accuracy.pick}{rates.length < chosen.length ? ` ${text.accuracy.plotted(grouped(rates.length), grouped(chosen.length))}` : ''}</p>
        {rates.length ? <Scatter title={`${text.accuracy.scatter}${text.state.colon}${text.accuracy.phases[phase] ?? phase}`} unit="token/s" xName={`${text.accuracy.measured}, tok/s`} yName={`${text.accuracy.predicted}, tok/s`}
          legend={[{ name: text.accuracy.kinds['dense'] ?? 'dense', mark: 'mark-decode' }, { name: text.accuracy.kinds['experts'] ?? 'experts', mark: 'mark-prefill' }]}
          points={points} open={open} onOpen={(id) => place.set({ row: id }, true)}
          table={table} />
          : <p>{text.accuracy.none}</p>}
      </section>
      {one ? <Behind row={one} /> : null}
      <section class="block">
        <h2>{text.accuracy.residuals}</h2>
        <p class="help">{text.accuracy.residualHelp}</p>
        <Residuals title={text.accuracy.residuals} axis={text.accuracy.ratio} rows={groups.slice(0, MOST_GROUPS).map((score) => ({ name: nameOf(score.name), rows: score.rows, ratios: score.ratios }))} />
        <div class="scrolls" role="region" aria-label={text.accuracy.residuals} tabIndex={0}>
          <table class="data stacks" data-table="groups">
            <caption class="unseen">{text.accuracy.residuals}</caption>
            <thead><tr><th scope="col">{text.accuracy.groups[by] ?? by}</th><th scope="col" class="number">{text.accuracy.rows}</th><th scope="col" class="number">{text.accuracy.error}</th><th scope="col" class="number">{text.accuracy.worst}</th><th scope="col" class="number">{text.accuracy.bias}</th><th scope="col" class="number">{text.accuracy.coverage}</th></tr></thead>
            <tbody>
              {groups.slice(0, MOST_GROUPS).map((score) => (
                <tr key={score.name}>
                  <th scope="row"><button type="button" class="link" aria-pressed={score.name === only} onClick={() => take(score.name)}>{nameOf(score.name) || '\u2013'}</button></th>
                  {([[text.accuracy.rows, grouped(score.rows)], [text.accuracy.error, percent(score.median)], [text.accuracy.worst, percent(score.p90)], [text.accuracy.bias, percent(score.bias)], [text.accuracy.coverage, percent(score.coverage)]] as const)
                    .map(([name, one]) => <td key={name} class="number" data-name={name}>{one}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      {phase === 'decode' ? <Peers peers={evaluation.peers} /> : null}
    </>
  );
}

function Tile({ id, name, value, note }: { id: string; name: string; value: string; note?: string }): VNode {
  return <div class="tile" data-value={id}><dt>{name}</dt><dd><b>{value}</b>{note ? <small>{note}</small> : null}</dd></div>;
}

// One measurement: its numbers, and the evidence behind the estimate for its machine and model.
function Behind({ row }: { row: Known }): VNode {
  const { text, language } = useSettings();
  const g = row.groups;
  const plan = useAnswer<Plan>(g['layout'] === 'cpu' || !g['device'] ? null
    : { path: 'plan', body: { model: g['model'] ?? '', rig: `${g['devices'] && g['devices'] !== '1' ? g['devices'] + 'x' : ''}${g['device']}`, engine: g['engine'] ?? '', own: false, lang: language } });
  const facts: [string, string][] = [[text.accuracy.measured, value(row, row.actual)], [text.accuracy.predicted, `${value(row, row.predicted.p50)} (${threeDigits(row.predicted.p10)} \u2013 ${threeDigits(row.predicted.p90)})`],
    ...Object.entries(g).filter(([, one]) => one).map(([name, one]): [string, string] => [text.accuracy.groups[name] ?? name, one])];
  return (
    <section class="block" data-row={row.id}>
      <h2>{text.accuracy.detail}</h2>
      <dl class="facts-list">{facts.map(([name, one]) => <div key={name}><dt>{name}</dt><dd>{one}</dd></div>)}</dl>
      {plan.answer ? <><h3>{text.accuracy.why}</h3><Evidence plan={plan.answer} /></> : plan.waiting ? <Waiting lines={3} /> : null}
    </section>
  );
}

function Peers({ peers }: { peers: PeerScore[] }): VNode {
  const text = useText();
  return (
    <section class="block">
      <h2>{text.accuracy.other}</h2>
      <p class="help">{text.accuracy.otherHelp}</p>
      <div class="scrolls" role="region" aria-label={text.accuracy.other} tabIndex={0}>
        <table class="data stacks">
          <caption class="unseen">{text.accuracy.other}</caption>
          <thead><tr><th scope="col">{text.accuracy.formula}</th><th scope="col">{text.accuracy.models}</th><th scope="col" class="number">{text.accuracy.rows}</th><th scope="col" class="number">{text.accuracy.error}</th><th scope="col" class="number">{text.accuracy.worst}</th><th scope="col" class="number">{text.accuracy.bias}</th></tr></thead>
          <tbody>
            {peers.filter((peer) => peer.same_rows).map((peer) => (
              <tr key={peer.name + peer.kind}>
                <th scope="row">{peer.name}<small>{peer.says}</small></th><td data-name={text.accuracy.models}>{text.accuracy.kinds[peer.kind] ?? peer.kind}</td>
                {([[text.accuracy.rows, grouped(peer.rows)], [text.accuracy.error, percent(peer.median_error)], [text.accuracy.worst, percent(peer.p90_error)], [text.accuracy.bias, percent(peer.bias)]] as const)
                  .map(([name, one]) => <td key={name} class="number" data-name={name}>{one}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface GroupScore { name: string; rows: number; median: number; p90: number; bias: number; coverage: number; ratios: number[] }

// The program's own way of scoring (median, p90 and bias of predicted / measured - 1 as speeds), for groups within one phase.
function scores(rows: Known[], group: (row: Known) => string): GroupScore[] {
  const found = new Map<string, Known[]>();
  for (const row of rows) {
    const name = group(row), members = found.get(name);
    if (members) members.push(row);
    else found.set(name, [row]);
  }
  return [...found].map(([name, members]) => {
    const errors = members.map((row) => row.error ?? 0).sort((a, b) => a - b);
    const absolute = errors.map(Math.abs).sort((a, b) => a - b);
    const held = members.filter((row) => row.actual >= row.predicted.p10 && row.actual <= row.predicted.p90).length;
    return { name, rows: members.length, median: quantile(absolute, 0.5), p90: quantile(absolute, 0.9), bias: quantile(errors, 0.5), coverage: held / members.length, ratios: [0.1, 0.25, 0.5, 0.75, 0.9].map((q) => 1 + quantile(errors, q)) };
  }).sort((a, b) => b.rows - a.rows || a.name.localeCompare(b.name));
}

function quantile(sorted: number[], q: number): number {
  const at = q * (sorted.length - 1), low = Math.floor(at);
  return (sorted[low] ?? 0) + (at - low) * ((sorted[Math.min(sorted.length - 1, low + 1)] ?? 0) - (sorted[low] ?? 0));
}

// Less than a hundredth of a percent is said by nobody's measurements.
const percent = (share: number): string => (Math.abs(100 * share) < 1 ? (Math.round(1e4 * share) / 100).toFixed(2).replace(/^-(0\.00)$/, '$1') : threeDigits(100 * share)) + '\u00a0%';
const tell = (row: Known): string => `${row.groups['device'] ?? ''}, ${row.groups['model'] ?? ''} ${row.groups['format'] ?? ''}, ${row.groups['engine'] ?? ''} ${row.groups['backend'] ?? ''}`;
const value = (row: Known, number: number): string => (row.metric.endsWith('_ms') ? `${threeDigits(number)} ms` : print(number, 'token/s'));
const markOf = (row: Known): string => (row.groups['moe'] === 'experts' ? 'mark-prefill' : 'mark-decode');

export const view: View = { id: 'accuracy', order: 50, title: (text) => text.accuracy.title, component: Accuracy };
