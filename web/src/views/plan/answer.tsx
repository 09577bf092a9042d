import type { VNode } from 'preact';
import type { Curve, Interval, Memory, Plan, PlanRequest } from '../../api/answers';
import { Band } from '../../charts/band';
import { MemoryBars, type MemoryRow } from '../../charts/memory';
import { Code } from '../../parts/copy';
import { joinModel, splitModel } from '../../parts/model-field';
import { Share } from '../../parts/share';
import { Waiting } from '../../parts/state';
import { href } from '../../shell/place';
import type { Text } from '../../text/en';
import { useText } from '../../shell/settings';
import { print, printInterval, printTokens } from '../../units';
import { Evidence, Why } from './why';
import { compareSettings, type Question } from './question';
import { Mine, OtherWays, Upgrades } from './ways';

interface AnswerProps { plan: Plan; curve: Curve | null; curveWaiting: boolean; question: Question; request: PlanRequest; onChange(changes: Partial<Question>, keep?: boolean): void }

export function Answer({ plan, curve, curveWaiting, question, request, onChange }: AnswerProps): VNode {
  const text = useText();
  const rows = memoryRows(plan, text);
  const streams = plan.context_per_stream > 0 ? Math.round(plan.context / plan.context_per_stream) : 1;
  return (
    <>
      <Verdict plan={plan} />
      <Own plan={plan} left={question.own === '0'} onChange={(own) => onChange({ own })} />
      {plan.remedies.length ? (
        <section class="block">
          <h2>{plan.fits ? text.plan.faster : text.plan.remedies}</h2>
          <ul class="remedies">
            {plan.remedies.map((remedy) => (
              <li key={remedy.text}>
                <span>{remedy.text.replace(/[:\uff1a]$/, '')}</span>
                <button type="button" onClick={() => onChange(remedy.flags ? { flags: remedy.flags } : remedy.kind === 'context' ? { context: remedy.value } : remedy.kind === 'engine' ? { engine: remedy.engine } : { model: joinModel(splitModel(question.model)[0], remedy.value) }, false)}>{text.plan.take}</button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <Upgrades plan={plan} question={question} onChange={onChange} />
      <section class="block">
        <h2>{text.plan.memory}</h2>
        <MemoryBars title={`${plan.model.name} ${plan.model.quant}, ${streams > 1 ? text.plan.contextsOf(streams, printTokens(plan.context_per_stream)) : text.plan.contextOf(printTokens(plan.context))}`} rows={rows} />
      </section>
      {plan.decode ? (
        <section class="block">
          <h2>{text.plan.speed}</h2>
          <p class="help">{text.plan.speedHelp}</p>
          {curve ? (
            <div class="multiples">
              <Band title={text.plan.decode} unit="token/s" xName={text.plan.contextAxis} here={plan.context_per_stream} series={[{ name: text.plan.decode, mark: 'mark-decode', points: curve.points.map((point) => ({ x: point.context, value: point.decode })) }]} />
              <Band title={text.plan.prefill} unit="token/s" xName={text.plan.contextAxis} here={plan.context_per_stream} series={[{ name: text.plan.prefill, mark: 'mark-prefill', points: curve.points.map((point) => ({ x: point.context, value: point.prefill })) }]} />
            </div>
          ) : curveWaiting ? <Waiting lines={6} /> : null}
        </section>
      ) : null}
      {plan.fits ? <Launch plan={plan} /> : null}
      {plan.caveats.length ? (
        <section class="block">
          <h2>{text.plan.caveats}</h2>
          <ul class="caveats">
            {plan.caveats.map((caveat, i) => <li key={i}>{caveat.text}{caveat.source ? <Source source={caveat.source} /> : null}</li>)}
          </ul>
        </section>
      ) : null}
      {plan.decode ? <Why plan={plan} /> : null}
      {plan.decode ? <Evidence plan={plan} /> : null}
      <Mine plan={plan} />
      <OtherWays plan={plan} />
      <Share verb="plan" request={request} name={plan.model.key} />
      <p><a href={href('compare', compareSettings(question))}>{text.plan.compareThis}</a></p>
    </>
  );
}

export function Source({ source }: { source: string }): VNode {
  const link = /https?:\/\/\S+/.exec(source)?.[0]?.replace(/[).,;]+$/, '');
  return <small class="source">{link ? <a href={link} title={link} target="_blank" rel="noreferrer noopener">{source.replace(link, brief(link))}</a> : source}</small>;
}

// "https://github.com/a/b/blob/0123abcd.../README.md" -> "github.com/a/b/\u2026/README.md": enough to know it by; the link is whole.
function brief(link: string): string {
  const plain = link.replace(/^https?:\/\/(www\.)?/, '').replace(/[?#].*$/, '').replace(/\/$/, '');
  if (plain.length <= 48) return plain;
  const parts = plain.split('/'), first = parts.slice(0, 3).join('/'), last = parts.length > 3 ? parts[parts.length - 1]! : '';
  return (first.length > 48 ? first.slice(0, 47) + '\u2026' : first) + (last ? (parts.length > 4 ? '/\u2026/' : '/') + (last.length > 28 ? last.slice(0, 27) + '\u2026' : last) : '');
}

// A row for each card, used or not, and one for the host, whose memory has a scale of its own.
export function memoryRows(plan: Plan, text: Text): MemoryRow[] {
  const parts = (memory: Memory) => ({ weights: memory.weights_bytes, kv: memory.kv_bytes, state: memory.state_bytes, compute: memory.compute_bytes, footprint: memory.footprint_bytes });
  const none = { weights: 0, kv: 0, state: 0, compute: 0, footprint: 0 };
  const named = (device: { index: number; name: string }) => `${text.plan.cardNo(device.index)}, ${device.name} \u00b7 `;
  const rows: (MemoryRow & { index: number })[] = [
    ...plan.placement.devices.map((device) => ({ index: device.index, name: named(device) + text.plan.layers(device.layers), capacity: device.memory.capacity_bytes, parts: parts(device.memory) })),
    ...plan.placement.idle.map((device) => ({ index: device.index, name: named(device) + text.plan.idle, capacity: device.capacity_bytes, parts: none, idle: true })),
  ].sort((a, b) => a.index - b.index);
  if (plan.placement.host.memory.total_bytes > 0) rows.push({ index: -1, name: text.plan.hostMemoryBar, capacity: plan.placement.host.memory.capacity_bytes, parts: parts(plan.placement.host.memory), apart: rows.length > 0 });
  return rows;
}

// "llama.cpp on cuda: one device, 37 of 80 layers on the host; uses 1 of 2 cards"
export function layoutLine(plan: Plan, text: Text): string {
  const { layout, cards, cards_used: used } = plan.placement;
  return `${plan.engine} (${plan.placement.mode === 'cpu' ? 'cpu' : plan.backend}): ${layout}` + (used < cards ? `${text.plan.andThen}${text.plan.usesCards(used, cards)}` : '');
}

function Verdict({ plan }: { plan: Plan }): VNode {
  const text = useText();
  const over = plan.placement.devices.map((device) => ({ name: `${text.plan.cardNo(device.index)} (${device.name})`, by: device.memory.total_bytes - device.memory.capacity_bytes }))
    .concat([{ name: text.plan.hostMemoryBar, by: plan.placement.host.memory.capacity_bytes > 0 ? plan.placement.host.memory.total_bytes - plan.placement.host.memory.capacity_bytes : 0 }])
    .find((one) => one.by > 0);
  return (
    <section class={plan.fits ? 'verdict good' : 'verdict bad'} role="status">
      <h2>{plan.fits ? text.plan.fits : text.plan.doesNotFit}</h2>
      <p class="layout" data-block="layout">{layoutLine(plan, text)}</p>
      {plan.fits && plan.longest_context && plan.longest_context > plan.context_per_stream ? <p>{text.plan.longest(printTokens(plan.longest_context), plan.longest_context >= plan.model.max_context)}</p> : null}
      {!plan.fits && over ? <p>{text.plan.isShort(over.name, print(over.by, 'B'))}</p> : null}
      {plan.decode && plan.prefill && plan.ttft ? (
        <dl class="tiles">
          <Tile id="decode" name={text.plan.decode} value={plan.decode} />
          {plan.decode_whole ? <Tile id="decode-whole" name={text.plan.contextFull} value={plan.decode_whole} /> : null}
          <Tile id="prefill" name={text.plan.prefill} value={plan.prefill} />
          <Tile id="ttft" name={text.plan.ttft} value={plan.ttft} />
          {plan.power ? <Tile id="power" name={text.plan.power} value={plan.power.decode} /> : null}
          {plan.power ? <Tile id="energy" name={text.plan.energy} value={plan.power.energy} /> : null}
        </dl>
      ) : plan.fits && plan.no_speed ? <p>{text.plan.noSpeed} {plan.no_speed}</p> : null}
      {plan.grade ? <p class="grade"><span class={'badge grade-' + plan.grade}>{text.plan.gradeName[plan.grade] ?? plan.grade}</span> {text.plan.grade[plan.grade] ?? ''}</p> : null}
    </section>
  );
}

// What the user's own measurements did to the numbers, and the switch that leaves them out.
function Own({ plan, left, onChange }: { plan: Plan; left: boolean; onChange(own: string): void }): VNode | null {
  const text = useText();
  const phases = (['decode', 'prefill'] as const).map((phase) => ({ phase, effect: plan.own?.[phase] ?? null })).filter((one) => one.effect);
  if (!phases.length && !left) return null;
  return (
    <section class="block own" data-block="own">
      {phases.map(({ phase, effect }) => effect ? <p key={phase}>{text.plan.ownSays(text.plan.phases[phase] ?? phase, effect.rows, effect.says.toFixed(2), effect.applied.toFixed(2))}</p> : null)}
      <p><button type="button" onClick={() => onChange(left ? '' : '0')}>{left ? text.plan.ownUse : text.plan.ownLeave}</button></p>
    </section>
  );
}

function Tile({ id, name, value }: { id: string; name: string; value: Interval }): VNode {
  const text = useText();
  return (
    <div class="tile" data-value={id}>
      <dt>{name}</dt>
      <dd>
        <b>{print(value.p50, value.unit)}</b>
        <small>{text.plan.eight(printInterval(value))}</small>
      </dd>
    </div>
  );
}

function Launch({ plan }: { plan: Plan }): VNode {
  const text = useText();
  return (
    <section class="block">
      <h2>{text.plan.launch}</h2>
      <Code line={plan.launch} label={text.plan.launchLine} />
      {plan.launch_file ? (
        <>
          <p>{text.plan.launchFile(plan.launch_file.name)}</p>
          <Code line={plan.launch_file.text} label={plan.launch_file.name} />
        </>
      ) : null}
      {plan.launch_flags.length || plan.flags.length ? (
        <details>
          <summary>{text.plan.flagsDo}</summary>
          <dl class="flags">
            {[...plan.launch_flags, ...plan.flags].map((note, i) => <div key={i}><dt><code>{note.flag}</code></dt><dd>{note.text}</dd></div>)}
          </dl>
        </details>
      ) : null}
    </section>
  );
}
