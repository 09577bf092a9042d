// The support matrix of a card: which engines run on it, and what each does with each number format.

import type { VNode } from 'preact';
import type { Supported } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { Failed, Waiting } from '../../parts/state';
import { useText } from '../../shell/settings';
import { print } from '../../units';
import { Source } from '../plan/named';

const SIGNS: Record<string, string> = { native: '\u25cf', fallback: '\u25d0', refused: '\u2715', unread: '\u2013' };

export function SupportMatrix({ device, language }: { device: string; language: string }): VNode {
  const text = useText();
  const asked = useAnswer<Supported>({ path: `support/${encodeURIComponent(device)}?lang=${language}` });
  const answer = asked.answer;
  if (asked.error) return <Failed error={asked.error} again={asked.again} />;
  if (!answer) return <Waiting lines={6} />;
  const engines = answer.engines.filter((engine) => engine.backends.length);
  const formats = engines[0]?.backends[0]?.formats ?? [];
  const others = answer.engines.filter((engine) => !engine.backends.length);
  const notes = [...answer.rules, ...answer.several];
  return (
    <section class="block" data-block="support">
      <h2>{text.cards.support}</h2>
      <p class="help">{text.cards.supportHelp}</p>
      {engines.length ? (
        <div class="scrolls" role="region" aria-label={text.cards.support} tabIndex={0}>
          <table class="data support">
            <caption class="unseen">{text.cards.support}</caption>
            <thead><tr><th scope="col">{text.cards.engine}</th><th scope="col">{text.cards.backend}</th>{formats.map((format) => <th key={format.format} scope="col">{format.name}</th>)}</tr></thead>
            <tbody>
              {engines.flatMap((engine) => engine.backends.map((backend, b) => (
                <tr key={engine.key + backend.backend}>
                  <th scope="row">{b === 0 ? engine.name : <span class="unseen">{engine.name}</span>}{b === 0 && engine.since ? <small>{text.cards.since(engine.since)}</small> : null}{b === 0 && engine.until ? <small>{text.cards.until(engine.until)}</small> : null}</th>
                  <td>{backend.backend}</td>
                  {backend.formats.map((format) => {
                    const told = `${text.cards.supports[format.support] ?? format.support}${format.runs_as ? ', ' + text.cards.runsAs(format.runs_as.toUpperCase()) : ''}${format.rate ? ', ' + print(format.rate, 'flop/s') : ''}`;
                    return <td key={format.format} class={'support-' + format.support} title={told}><span aria-hidden="true">{SIGNS[format.support] ?? '?'}</span><span class="unseen">{told}</span>{format.support === 'fallback' && format.runs_as ? <small>{format.runs_as}</small> : null}</td>;
                  })}
                </tr>
              )))}
            </tbody>
          </table>
        </div>
      ) : null}
      <p class="help" aria-hidden="true">{Object.entries(SIGNS).map(([id, sign]) => `${sign} ${text.cards.supports[id] ?? id}`).join('   ')}</p>
      {others.length ? <p>{text.cards.notHere}{text.state.colon}{others.map((engine) => engine.name + (engine.why ? ` (${engine.why})` : '')).join(text.state.comma)}</p> : null}
      {notes.length ? <details><summary>{text.cards.rules(notes.length)}</summary><ul class="caveats">{notes.map((rule) => <li key={rule.id}>{rule.text}{rule.source ? <Source source={rule.source} /> : null}</li>)}</ul></details> : null}
    </section>
  );
}
