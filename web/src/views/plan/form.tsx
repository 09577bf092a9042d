import type { VNode } from 'preact';
import type { ApiError, Plan } from '../../api/answers';
import type { Names } from '../../api/names';
import { ContextField } from '../../parts/context-field';
import { SelectField } from '../../parts/field';
import { ModelField } from '../../parts/model-field';
import { RigField } from '../../parts/rig-field';
import { useText } from '../../shell/settings';
import { More } from './more';
import { NO_SWITCHES, usualEngine, type Question } from './question';

interface FormProps { question: Question; names: Names; error: ApiError | null; plan: Plan | null; onChange(changes: Partial<Question>, keep?: boolean): void; host: number }

export function Form({ question, names, error, plan, onChange, host }: FormProps): VNode {
  const text = useText();
  const of = (...fields: string[]) => (error && fields.includes(error.field) ? error : null);
  return (
    <form class="question" aria-label={text.plan.question} onSubmit={(event) => event.preventDefault()}>
      <ModelField label={text.plan.model} value={question.model} names={names} taken={plan?.model.quant_assumed ? plan.model.quant.toLowerCase() : undefined} error={of('model')} onChange={(model) => onChange({ model }, false)} />
      <RigField label={text.plan.rig} value={question.rig} names={names} error={of('rig', 'on')} host={host} onChange={(rig) => onChange({ rig })} />
      <ContextField value={question.context} now={plan?.context_per_stream ?? null} longest={plan?.model.max_context || null} fits={plan?.longest_context ?? null} error={of('context')} onChange={(context) => onChange({ context })} />
      <div class="pair">
        <SelectField label={text.plan.engine} value={question.engine} error={of('engine')} onChange={(next) => onChange({ engine: next, backend: '', ...NO_SWITCHES })}
          choices={[{ value: '', label: usualEngine(text, plan && !question.engine ? [plan.engine] : [], names) }, ...names.engines.map((one) => ({ value: one.key, label: one.name }))]} />
      </div>
      <More question={question} names={names} error={error} engine={plan?.engine} backend={plan?.backend} onChange={onChange} />
    </form>
  );
}
