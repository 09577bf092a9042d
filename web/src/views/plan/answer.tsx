import type { VNode } from 'preact';
import type { Curve, Interval, Memory, Plan, PlanRequest } from '../../api/answers';
import type { Answered } from '../../api/client';
import { Band } from '../../charts/band';
import { MemoryBars, type MemoryRow } from '../../charts/memory';
import { Code } from '../../parts/copy';
import { joinModel, splitModel, takesQuant } from '../../parts/model-field';
import { parseRig } from '../../parts/rig-spec';
import { Share } from '../../parts/share';
import { Failed, Waiting } from '../../parts/state';
import { href } from '../../shell/place';
import type { Text } from '../../text/en';
import { useText } from '../../shell/settings';
import { print, printInterval, printTokens } from '../../units';
import { numbered, Source } from './named';
import { Evidence, Why } from './why';
import { compareSettings, suggested, type Question } from './question';
import { Mine, OtherWays, Upgrades } from './ways';

interface AnswerProps { plan: Plan; curve: Answered<Curve>; question: Question; request: PlanRequest; onChange(changes: Partial<Question>, keep?: boolean): void; onHost(): void }

export function Answer({ plan, curve, question, request, onChange, onHost }: AnswerProps): VNode {
  const text = useText();
  const rows = memoryRows(plan, text);
  const hidden = plan.placement.cards - plan.placement.cards_used - plan.placement.idle.length;
  const hostless = plan.caveats.some((caveat) => caveat.id === 'rig') && !/\bhere\b/.test(question.rig) && Object.values(parseRig(question.rig)?.host ?? { unknown: 'x' }).every((one) => one === '');
  const quants = quantsBeside(question, plan.engine);
  const streams = plan.context_per_stream > 0 ? Math.round(plan.context / plan.context_per_stream) : 1;
  return (
    <>
      <Verdict plan={plan} wanted={question.atLeast.trim()} />
      <p class="actions next">
        <a class="button" href={href('compare', compareSettings(question))}>{text.plan.compareThis}</a>
        {quants.length > 1 ? <a class="button" href={href('compare', { ...compareSettings(question), m: quants })}>{text.plan.compareQuants}</a> : null}
      </p>
      <Own plan={plan} left={question.own === '0'} onChange={(own) => onChange({ own })} />
      {plan.remedies.length ? (
        <section class="block">
          <h2>{plan.fits ? text.plan.faster : text.plan.remedies}</h2>
          <ul class="remedies">
            {plan.remedies.map((remedy) => (
              <li key={remedy.text}>
                <span>{remedy.text.replace(/[:\uff1a]$/, '')}</span>
                <button type="button" onClick={() => onChange(suggested(remedy.command, question), false)}>{text.plan.take}</button>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <Upgrades plan={plan} question={question} onChange={onChange} />
      <section class="block">
        <h2>{text.plan.memory}</h2>
        <MemoryBars title={`${plan.model.name} ${plan.model.quant}${text.state.comma}${streams > 1 ? text.plan.contextsOf(streams, printTokens(plan.context_per_stream)) : text.plan.contextOf(printTokens(plan.context))}`} rows={rows} />
        {hidden > 0 ? <p class="help">{text.plan.notListed(hidden)}</p> : null}
      </section>
      {plan.decode ? (
        <section class="block">
          <h2>{text.plan.speed}</h2>
          <p class="help">{text.plan.speedHelp}</p>
          {curve.answer ? (
            <div class="multiples">
              <Band title={text.plan.decode} unit="token/s" xName={text.plan.contextAxis} here={plan.context_per_stream} series={[{ name: text.plan.decode, mark: 'mark-decode', points: curve.answer.points.map((point) => ({ x: point.context, value: point.decode })) }]} />
              <Band title={text.plan.prefill} unit="token/s" xName={text.plan.contextAxis} here={plan.context_per_stream} series={[{ name: text.plan.prefill, mark: 'mark-prefill', points: curve.answer.points.map((point) => ({ x: point.context, value: point.prefill })) }]} />
            </div>
          ) : curve.error ? <Failed error={curve.error} again={curve.again} /> : <Waiting lines={13} />}
        </section>
      ) : null}
      {plan.fits ? <Launch plan={plan} /> : null}
      {plan.caveats.length ? (
        <section class="block">
          <h2>{text.plan.caveats}</h2>
          <ul class="caveats">
            {plan.caveats.map((caveat, i) => <li key={i}>{caveat.text}{caveat.source ? <Source source={caveat.source} /> : null}</li>)}
          </ul>
          {hostless ? <p><button type="button" onClick={onHost}>{text.plan.nameHost}</button></p> : null}
        </section>
      ) : null}
      {plan.decode ? <Why plan={plan} /> : null}
      {plan.decode ? <Evidence plan={plan} /> : null}
      <Mine plan={plan} />
      <OtherWays plan={plan} />
      <Share verb="plan" request={request} name={plan.model.key} summary={summary(plan, text)} />
    </>
  );
}

// The common sizes of a model that is published in them, beside the one that is asked about.
const COMMON = ['q4_k_m', 'q5_k_m', 'q6_k', 'q8_0'];
function quantsBeside(question: Question, engine: string): string[] {
  if (!['llama.cpp', 'ik_llama.cpp', 'ollama', 'lm-studio'].includes(engine) || !takesQuant(question.model) || /[\\/]/.test(question.model)) return [];
  const [name] = splitModel(question.model);
  return [...new Set([question.model, ...COMMON.map((quant) => joinModel(name, quant))])];
}

// Whether the speeds are of several streams: each has a part of what is decoded.
const ofMany = (plan: Plan): boolean => !!plan.decode && !!plan.decode_each && plan.decode_each.p50 < plan.decode.p50;

// The answer in a few lines, for a chat or a mail.
function summary(plan: Plan, text: Text): string {
  const of = (name: string, value: Interval | null | undefined) => (value ? `${name}${text.state.colon}${print(value.p50, value.unit)} (${text.plan.eight} ${printInterval(value)})` : '');
  return [`${plan.model.name} ${plan.model.quant}, ${plan.rig}, ${text.plan.contextOf(printTokens(plan.context_per_stream))}`, `${plan.fits ? text.plan.fits : text.plan.doesNotFit}${text.state.colon}${layoutLine(plan, text)}`,
    of(ofMany(plan) ? text.plan.decodeAll : text.plan.decode, plan.decode), ofMany(plan) ? of(text.plan.decodeEach, plan.decode_each) : '', of(text.plan.contextFull, plan.decode_whole), of(text.plan.prefill, plan.prefill), of(text.plan.ttft, plan.ttft), plan.fits ? plan.launch : ''].filter(Boolean).join('\n').replace(/\u00a0/g, ' ');
}

// A row for each card, used or not, and one for the host, whose memory has a scale of its own.
export function memoryRows(plan: Plan, text: Text): MemoryRow[] {
  const none = { weights: 0, kv: 0, state: 0, compute: 0, footprint: 0 };
  const named = (device: { index: number; name: string }) => `${text.plan.cardNo(device.index)}${text.state.comma}${device.name} \u00b7 `;
  const rows: (MemoryRow & { index: number })[] = [
    ...plan.placement.devices.map((device) => ({ index: device.index, name: named(device) + text.plan.layers(device.layers), capacity: device.memory.capacity_bytes, parts: partsOf(device.memory) })),
    ...plan.placement.idle.map((device) => ({ index: device.index, name: named(device) + text.plan.idle, capacity: device.capacity_bytes, parts: none, idle: true })),
  ].sort((a, b) => a.index - b.index);
  if (rows.length > MANY) return together(plan, rows, text).concat(hostRow(plan, text, true));
  return [...rows, ...hostRow(plan, text, rows.length > 0)];
}

const partsOf = (memory: Memory) => ({ weights: memory.weights_bytes, kv: memory.kv_bytes, state: memory.state_bytes, compute: memory.compute_bytes, footprint: memory.footprint_bytes });
const hostRow = (plan: Plan, text: Text, apart: boolean): MemoryRow[] => (plan.placement.host.memory.total_bytes > 0 ? [{ name: text.plan.hostMemoryBar, capacity: plan.placement.host.memory.capacity_bytes, parts: partsOf(plan.placement.host.memory), apart }] : []);

// Of a rack, cards in a row that hold the same are one bar.
const MANY = 8;
function together(plan: Plan, rows: (MemoryRow & { index: number })[], text: Text): MemoryRow[] {
  const layers = new Map(plan.placement.devices.map((device) => [device.index, text.plan.layers(device.layers)]));
  const names = new Map([...plan.placement.devices, ...plan.placement.idle].map((device) => [device.index, device.name]));
  const like = (a: MemoryRow & { index: number }, b: MemoryRow & { index: number }) => b.index === a.index + 1 && names.get(a.index) === names.get(b.index) && layers.get(a.index) === layers.get(b.index) && a.capacity === b.capacity && JSON.stringify(a.parts) === JSON.stringify(b.parts);
  const runs: (MemoryRow & { index: number })[][] = [];
  for (const row of rows) {
    const run = runs[runs.length - 1], last = run?.[run.length - 1];
    if (run && last && like(last, row)) run.push(row);
    else runs.push([row]);
  }
  return runs.map((run) => (run.length === 1 ? run[0]! : {
    ...run[0]!, name: `${text.plan.cardsNo(numbered(run.map((row) => row.index)))}${text.state.comma}${names.get(run[0]!.index)} \u00b7 ${run[0]!.idle ? text.plan.idle : text.plan.eachOf(layers.get(run[0]!.index) ?? '')}`,
  }));
}

// "llama.cpp on cuda: one device, 37 of 80 layers on the host; uses 1 of 2 cards"
export function layoutLine(plan: Plan, text: Text): string {
  const { layout, cards, cards_used: used } = plan.placement;
  return `${plan.engine} (${plan.placement.mode === 'cpu' ? 'cpu' : plan.backend})${text.state.colon}${layout}` + (used < cards ? `${text.plan.andThen}${text.plan.usesCards(used, cards)}` : '');
}

function Verdict({ plan, wanted }: { plan: Plan; wanted: string }): VNode {
  const text = useText();
  const over = plan.placement.devices.map((device) => ({ name: `${text.plan.cardNo(device.index)} (${device.name})`, by: device.memory.total_bytes - device.memory.capacity_bytes }))
    .concat([{ name: text.plan.hostMemoryBar, by: plan.placement.host.memory.capacity_bytes > 0 ? plan.placement.host.memory.total_bytes - plan.placement.host.memory.capacity_bytes : 0 }])
    .find((one) => one.by > 0);
  const each = ofMany(plan) ? plan.decode_each : null;
  return (
    <section class={plan.fits && !plan.too_slow ? 'verdict good' : 'verdict bad'} role="status">
      <h2>{!plan.fits ? text.plan.doesNotFit : plan.too_slow ? text.plan.tooSlow(wanted) : text.plan.fits}</h2>
      <p class="layout" data-block="layout">{layoutLine(plan, text)}</p>
      {plan.fits && plan.longest_context && plan.longest_context > plan.context_per_stream ? <p>{text.plan.longest(printTokens(plan.longest_context), plan.longest_context >= plan.model.max_context)}</p> : null}
      {!plan.fits && over ? <p>{text.plan.isShort(over.name, print(over.by, 'B'))}</p> : null}
      {plan.decode && plan.prefill && plan.ttft ? (
        <dl class="tiles">
          <Tile id="decode" name={each ? text.plan.decodeAll : text.plan.decode} value={plan.decode} />
          {each ? <Tile id="decode-each" name={text.plan.decodeEach} value={each} /> : null}
          {each && plan.tpot ? <Tile id="tpot" name={text.plan.tpot} value={plan.tpot} /> : null}
          {plan.decode_whole ? <Tile id="decode-whole" name={text.plan.contextFull} value={plan.decode_whole} /> : null}
          <Tile id="prefill" name={text.plan.prefill} value={plan.prefill} />
          <Tile id="ttft" name={text.plan.ttft} value={plan.ttft} />
          {plan.power ? <Tile id="power" name={text.plan.power} value={plan.power.decode} /> : null}
          {plan.power ? <Tile id="energy" name={text.plan.energy} value={plan.power.energy} /> : null}
        </dl>
      ) : plan.fits && plan.no_speed ? <p>{text.plan.noSpeed} {plan.no_speed}. {/\bhere\b/.test(plan.rig) ? <a href="/machine">{text.plan.measureHere}</a> : null}</p> : null}
      {plan.drafts ? <p data-block="drafts">{plan.drafts.text}{plan.drafts.counted ? '' : text.plan.draftsUncounted(plan.drafts.model)}</p> : null}
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
        <small>{text.plan.eight} <span class="whole">{printInterval(value)}</span></small>
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
      {plan.launch_unsaid.length ? <><p class="wrong">{text.plan.unsaid}</p><ul class="wrong">{plan.launch_unsaid.map((one) => <li key={one}>{one}</li>)}</ul></> : null}
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
