import type { VNode } from 'preact';
import type { DeviceFacts, Roofline as RooflineAnswer, SourcedNumber } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { Roofline, type Roof } from '../../charts/roofline';
import { Failed, Waiting } from '../../parts/state';
import { href, usePlace } from '../../shell/place';
import { useText } from '../../shell/settings';
import { grouped, print, printCount, threeDigits } from '../../units';
import { Source } from '../plan/named';
import { SupportMatrix } from './support';

const PLAIN_UNITS: Record<string, string> = { length_mm: 'mm' };
// Shown on their own or not at all.
const APART = new Set(['kind', 'key', 'name', 'aliases', 'rates', 'caveats', 'disputed', 'sources', 'file', 'modified']);

export function CardPage({ name, language }: { name: string; language: string }): VNode {
  const text = useText();
  const place = usePlace();
  const shown = useAnswer<{ entries: DeviceFacts[] }>({ path: `show/${encodeURIComponent(name)}?kind=device&lang=${language}` });
  const roofline = useAnswer<RooflineAnswer>({ path: `roofline/${encodeURIComponent(name)}` });
  const card = shown.answer?.entries[0];
  return (
    <article class="card-page">
      <p><a href="/cards">{'\u2039'} {text.cards.back}</a></p>
      {shown.error ? <><h1>{name}</h1><Failed error={shown.error} again={shown.again} take={(nearest) => place.set({ name: nearest })} /></> : !card ? <Waiting lines={10} view /> : (
        <>
          <h1>{card.name}{card.modified ? <span class="badge">{text.cards.modified}</span> : null}</h1>
          <p class="actions">
            <a class="button" href={href('plan', { on: card.key })}>{text.cards.can}</a>
            <a class="button" href={href('compare', { on: card.key })}>{text.cards.compareIt}</a>
          </p>
          <dl class="tiles">
            {([['memory', card.memory], ['bandwidth', card.bandwidth], ['half', card.rates.fp16 ?? card.rates.bf16], ['power', card.power]] as [keyof typeof text.cards & ('memory' | 'bandwidth' | 'half' | 'power'), SourcedNumber | undefined][])
              .map(([id, fact]) => (fact && typeof fact.value === 'number' ? (
                <div class="tile" key={id}><dt>{text.cards[id]}{card.chips && card.chips > 1 && id !== 'power' ? ` ${text.cards.perChip(card.chips)}` : ''}</dt><dd><b>{print(fact.value, fact.unit ?? '')}</b><small>{text.cards.basisNames[fact.basis]}, {fact.date}</small></dd></div>
              ) : null))}
          </dl>
          {roofline.error?.kind === 'unreachable' ? <Failed error={roofline.error} again={roofline.again} /> : null}
          {roofline.answer && roofline.answer.bandwidth > 0 && roofline.answer.roofs.length ? (
            <section class="block">
              <h2>{text.cards.roofline}</h2>
              <p class="help">{text.cards.rooflineHelp}</p>
              <Roofline title={`${text.cards.roofline}${text.state.colon}${card.name}`} bandwidth={roofline.answer.bandwidth}
                roofs={distinctRoofs(roofline.answer.roofs)}
                points={roofline.answer.points.map((point) => ({ label: point.model.replace(/:.*/, ''), name: `${point.model}, ${point.phase === 'decode' ? text.cards.decode : text.cards.prefill}`, intensity: point.intensity, rate: point.rate, mark: point.phase === 'decode' ? 'mark-decode' : 'mark-prefill' }))} />
            </section>
          ) : null}
          <SupportMatrix device={card.key} language={language} />
          <section class="block">
            <h2>{text.cards.facts}</h2>
            <FactTable caption={text.cards.facts} facts={Object.entries(card).filter(([id]) => !APART.has(id)).map(([id, value]) => [id, text.facts[id] ?? id.replace(/_/g, ' '), value as FactValue])} />
          </section>
          <section class="block">
            <h2>{text.cards.rates}</h2>
            <FactTable caption={text.cards.rates} facts={Object.entries(card.rates).map(([id, value]) => [id, id.toUpperCase().replace(/_/g, ' '), value as FactValue])} ratioTo={Number(card.rates.fp16?.value ?? card.rates.bf16?.value ?? 0)} />
          </section>
          {card.caveats.length ? <section class="block"><h2>{text.cards.caveats}</h2><ul class="caveats">{card.caveats.map((caveat) => <li key={caveat}>{caveat}</li>)}</ul></section> : null}
          {card.aliases.length ? <p><b>{text.cards.aliases}{text.state.colon}</b>{card.aliases.join(', ')}</p> : null}
          {card.disputed.length ? (
            <section class="block">
              <h2>{text.cards.disputed}</h2>
              <ul class="caveats">{card.disputed.map((one, i) => <li key={i}>{one.field}{text.state.colon}{one.value}. {one.note}{one.source ? <Source source={one.source} /> : null}</li>)}</ul>
            </section>
          ) : null}
          <section class="block">
            <h2>{text.cards.sources}</h2>
            <ul class="sources">{card.sources.map((one, i) => <li key={i}><Source source={one.date ? `${one.source} (${one.date})` : one.source} /></li>)}</ul>
          </section>
        </>
      )}
    </article>
  );
}

// Formats of one rate are one roof: "BF16, FP16".
function distinctRoofs(roofs: { format: string; rate: number }[]): Roof[] {
  const rates = [...new Set(roofs.map((roof) => roof.rate))];
  return rates.map((rate, i) => ({ name: roofs.filter((roof) => roof.rate === rate).map((roof) => roof.format.toUpperCase()).join(', '), rate, mark: 'roof-' + (i % 4) }));
}

type FactValue = SourcedNumber | Record<string, SourcedNumber> | string | number | boolean | string[] | null;
const isEmpty = (value: FactValue): boolean => value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);

function FactTable({ caption, facts, ratioTo }: { caption: string; facts: [string, string, FactValue][]; ratioTo?: number }): VNode {
  const text = useText();
  const sourced = (value: FactValue): value is SourcedNumber => typeof value === 'object' && value !== null && 'basis' in value;
  return (
    <div class="scrolls" role="region" aria-label={caption} tabIndex={0}>
      <table class="data facts stacks">
        <caption class="unseen">{caption}</caption>
        <thead><tr><th scope="col">{ratioTo ? text.cards.format : text.cards.fact}</th><th scope="col" class={ratioTo ? 'number' : undefined}>{text.cards.value}</th>{ratioTo ? <th scope="col" class="number">{text.cards.ratio}</th> : null}<th scope="col">{text.cards.basis}</th><th scope="col">{text.cards.source}</th><th scope="col">{text.cards.date}</th></tr></thead>
        <tbody>
          {facts.filter(([, , value]) => !isEmpty(value)).map(([id, label, value]) => (
            <tr key={id} data-fact={id}>
              <th scope="row">{label}</th>
              <td class={ratioTo ? 'number' : 'value'} data-name={text.cards.value}>{sourced(value) ? (typeof value.value === 'string' ? value.value : print(value.value, value.unit ?? '')) : plain(id, value)}</td>
              {ratioTo ? <td class="number" data-name={text.cards.ratio}>{sourced(value) && typeof value.value === 'number' ? threeDigits(value.value / ratioTo) + '\u00d7' : ''}</td> : null}
              <td data-name={text.cards.basis}>{sourced(value) ? text.cards.basisNames[value.basis] ?? value.basis : ''}</td>
              <td data-name={text.cards.source}>{sourced(value) ? <Source source={value.source} /> : ''}</td>
              <td class="date" data-name={text.cards.date}>{sourced(value) ? value.date : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );

  function plain(id: string, value: Exclude<FactValue, SourcedNumber>): string {
    if (typeof value === 'boolean') return value ? text.parts.yes : text.parts.no;
    if (typeof value === 'number') return PLAIN_UNITS[id] ? print(value, PLAIN_UNITS[id]) : value >= 1e6 ? printCount(value) : Number.isInteger(value) ? grouped(value) : String(value);
    if (Array.isArray(value)) return value.join(', ');
    if (value && typeof value === 'object') return Object.entries(value).map(([name, one]) => `${name.toUpperCase()} ${typeof one.value === 'number' ? print(one.value, one.unit ?? '') : one.value}`).join(', ');
    return String(value ?? '');
  }
}
