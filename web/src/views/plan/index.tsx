// Can it run? One model, one machine: what fits where, how fast, how sure, and what to type.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Curve, Plan } from '../../api/answers';
import { useAnswer } from '../../api/client';
import { useNames } from '../../api/names';
import { Asked } from '../../parts/asked';
import { shownModel } from '../../parts/model-field';
import { Empty, Failed, Waiting } from '../../parts/state';
import { usePlace, href } from '../../shell/place';
import { useSettings } from '../../shell/settings';
import type { View } from '../../shell/view';
import { Answer } from './answer';
import { Form } from './form';
import { named, readQuestion, request, type Question } from './question';

function CanItRun(): VNode {
  const { text, language } = useSettings();
  const place = usePlace();
  const names = useNames();
  const question = readQuestion(place.params);
  const asked = question.model && question.rig ? request(question, language) : null;
  const plan = useAnswer<Plan>(asked && { path: 'plan', body: asked }, 120);
  // The curve runs through all contexts: sliding along it asks nothing anew.
  const { context: _context, depth: _depth, ...whole } = asked ?? {};
  const curve = useAnswer<Curve>(asked && plan.answer && !plan.error ? { path: 'curve', body: whole } : null, 120);
  const fault = plan.error?.kind === 'not_found' && question.model.startsWith('dropped:') && plan.error.field === 'model' ? { ...plan.error, reason: text.plan.gone, nearest: '' } : plan.error;
  const [host, setHost] = useState(0);   // how often the host was asked to be named
  const change = (changes: Partial<Question>, keep = true) => place.set(named(changes), keep);
  return (
    <>
      <header class="intro">
        <h1>{text.plan.title}</h1>
        <p>{text.plan.intro}</p>
      </header>
      <div class="ask-and-answer">
        <Asked words={<><b>{shownModel(question.model)}</b> {'\u00b7'} {question.rig}{question.context ? ` \u00b7 ${question.context}` : ''}</>} told={asked !== null} open={fault !== null || host > 0}><Form question={question} names={names} error={plan.error} plan={plan.answer} onChange={change} host={host} /></Asked>
        <section class="answer" aria-label={text.plan.title} aria-busy={plan.waiting}>
          {!asked ? (
            <Empty title={text.plan.start}>
              <ul class="examples">
                {text.plan.examples.map(([model, rig, words]) => (
                  <li key={model}><a href={href('plan', { m: model, on: rig })}>{words}<small>{model} · {rig}</small></a></li>
                ))}
              </ul>
            </Empty>
          ) : (
            <>
              {fault ? <Failed error={fault} again={plan.again} kept={plan.answer !== null} /> : null}
              {plan.answer ? <div class={plan.waiting || fault ? 'stale' : undefined}><Answer plan={plan.answer} curve={curve} question={question} request={asked} onChange={change} onHost={() => setHost((n) => n + 1)} /></div> : fault ? null : <Waiting lines={9} view />}
            </>
          )}
        </section>
      </div>
    </>
  );
}

export const view: View = { id: 'plan', order: 10, title: (text) => text.plan.title, component: CanItRun };
