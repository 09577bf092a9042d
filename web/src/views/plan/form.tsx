import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError, Plan } from '../../api/answers';
import type { Names } from '../../api/names';
import { ContextField } from '../../parts/context-field';
import { SelectField, TextField } from '../../parts/field';
import { ModelField } from '../../parts/model-field';
import { RigField } from '../../parts/rig-field';
import { useText } from '../../shell/settings';
import { OBJECTIVES, offloads, splits, type Question } from './question';

interface FormProps { question: Question; names: Names; error: ApiError | null; plan: Plan | null; onChange(changes: Partial<Question>, keep?: boolean): void }

export function Form({ question, names, error, plan, onChange }: FormProps): VNode {
  const text = useText();
  const of = (...fields: string[]) => (error && fields.includes(error.field) ? error : null);
  const more = Boolean(question.backend || question.split || question.offload || question.flags || question.prompt || question.depth || question.streams || question.engineDate || question.objective);
  const [open, setOpen] = useState(more);   // stays as it is while one types in it
  const wrongInside = of('flags', 'backend', 'prompt', 'depth', 'sequences', 'engine_date', 'for') !== null;
  const engine = names.engines.find((one) => one.key === (question.engine || 'llama.cpp'));
  const backends = (engine?.backends ?? '').split(',').map((one) => one.trim()).filter(Boolean);
  const splitChoices = splits(question.engine);
  const offloadChoices = offloads(question.engine);
  return (
    <form class="question" aria-label={text.plan.question} onSubmit={(event) => event.preventDefault()}>
      <ModelField label={text.plan.model} value={question.model} names={names} error={of('model')} onChange={(model) => onChange({ model }, false)} />
      <RigField label={text.plan.rig} value={question.rig} names={names} error={of('rig', 'on')} onChange={(rig) => onChange({ rig })} />
      <ContextField value={question.context} now={plan?.context_per_stream ?? null} longest={plan?.model.max_context || null} fits={plan?.longest_context ?? null} error={of('context')} onChange={(context) => onChange({ context })} />
      <div class="pair">
        <SelectField label={text.plan.engine} value={question.engine} error={of('engine')} onChange={(next) => onChange({ engine: next, backend: '', split: '', offload: '' })}
          choices={[{ value: '', label: 'llama.cpp' }, ...names.engines.filter((one) => one.key !== 'llama.cpp').map((one) => ({ value: one.key, label: one.name }))]} />
      </div>
      <details open={open || wrongInside} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{text.plan.more}</summary>
        <div class="pair">
          <SelectField label={text.plan.backend} value={question.backend} error={of('backend')} onChange={(backend) => onChange({ backend })}
            choices={[{ value: '', label: text.plan.auto + (plan && !question.backend ? ` (${plan.backend})` : '') }, ...backends.map((one) => ({ value: one, label: one }))]} />
          <SelectField label={text.plan.objective} value={question.objective} error={of('for')} onChange={(objective) => onChange({ objective })}
            choices={OBJECTIVES.map((one) => ({ value: one === 'decode' ? '' : one, label: text.plan.objectives[one] }))} />
          {splitChoices.length ? (
            <SelectField label={text.plan.split} value={question.split} onChange={(split) => onChange({ split })}
              choices={[{ value: '', label: text.plan.splitAuto }, ...splitChoices.map((one) => ({ value: one, label: splitName(one) }))]} />
          ) : null}
          {offloadChoices.length ? (
            <SelectField label={text.plan.offload} value={question.offload} onChange={(offload) => onChange({ offload })}
              choices={[{ value: '', label: text.plan.offloadAuto }, ...offloadChoices.map((one) => ({ value: one, label: offloadName(one) }))]} />
          ) : null}
          <TextField label={text.plan.prompt} value={question.prompt} placeholder="512" error={of('prompt')} onChange={(prompt) => onChange({ prompt })} />
          <TextField label={text.plan.depth} value={question.depth} placeholder="0" error={of('depth')} onChange={(depth) => onChange({ depth })} />
          <TextField label={text.plan.engineDate} value={question.engineDate} placeholder="2026-05" error={of('engine_date')} onChange={(engineDate) => onChange({ engineDate })} />
          <TextField label={text.plan.streams} value={question.streams} placeholder="1" error={of('sequences')} onChange={(streams) => onChange({ streams })} />
        </div>
        <TextField label={text.plan.flags} value={question.flags} placeholder="-fa on -ctk q8_0 -ctv q8_0" help={text.plan.flagsHelp} error={of('flags')} onChange={(flags) => onChange({ flags })} />
      </details>
    </form>
  );

  function splitName(split: string): string {
    const names: Record<string, string> = { layer: text.plan.splitLayer, row: text.plan.splitRow, tensor: text.plan.splitTensor, none: text.plan.splitNone };
    return names[split] ?? split;
  }
  function offloadName(offload: string): string {
    const names: Record<string, string> = { experts: text.plan.offloadExperts, none: text.plan.offloadNone, cpu: text.plan.offloadCpu };
    return names[offload] ?? offload;
  }
}
