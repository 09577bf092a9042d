// What few people set: how the model is laid out and what is measured. Plan and compare ask it alike.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../../api/answers';
import type { Names } from '../../api/names';
import { SelectField, TextField } from '../../parts/field';
import { useText } from '../../shell/settings';
import { cacheTypes, engineOf, OBJECTIVES, offloads, splits, takesUbatch, type Question } from './question';

const FOLDED: (keyof Question)[] = ['backend', 'split', 'offload', 'kv', 'ubatch', 'flags', 'prompt', 'depth', 'streams', 'acceptance', 'engineDate', 'objective', 'atLeast'];
const FIELDS = ['flags', 'backend', 'prompt', 'depth', 'sequences', 'acceptance', 'engine_date', 'for', 'at_least'];

interface MoreProps { question: Question; names: Names; error: ApiError | null; engine?: string; backend?: string; onChange(changes: Partial<Question>): void }

// `engine`, `backend`: those that the answer in sight was given for. A switch is a flag of that engine, which is named with it.
export function More({ question, names, error, engine: taken, backend, onChange }: MoreProps): VNode {
  const text = useText();
  const of = (field: string) => (error?.field === field ? error : null);
  const [open, setOpen] = useState(() => FOLDED.some((field) => question[field] !== ''));   // stays as it is while one types in it
  const ofEngine = engineOf(question, taken), pinned = ofEngine === 'llama.cpp' ? {} : { engine: ofEngine };
  const engine = names.engines.find((one) => one.key === ofEngine);
  const backends = (engine?.backends ?? '').split(',').map((one) => one.trim()).filter(Boolean);
  const chosen = (label: string, field: keyof Question, auto: string, choices: string[], names: Record<string, string> = {}, refused = '') => (choices.length || question[field] ? (
    <SelectField label={label} value={question[field]} error={refused ? of(refused) : null} onChange={(next) => onChange({ [field]: next, ...(next ? pinned : {}) })}
      choices={[{ value: '', label: auto }, ...choices.map((one) => ({ value: one, label: names[one] ?? one }))]} />
  ) : null);
  const typed = (label: string, field: keyof Question, placeholder: string, refused: string) => (
    <TextField label={label} value={question[field]} placeholder={placeholder} error={of(refused)} onChange={(next) => onChange({ [field]: next })} />
  );
  return (
    <details open={open || FIELDS.some((field) => of(field))} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{text.plan.more}</summary>
      <div class="pair">
        {chosen(text.plan.backend, 'backend', text.plan.auto + (backend && !question.backend ? ` (${backend})` : ''), backends, {}, 'backend')}
        <SelectField label={text.plan.objective} value={question.objective} error={of('for')} onChange={(objective) => onChange({ objective })}
          choices={OBJECTIVES.map((one) => ({ value: one === 'decode' ? '' : one, label: text.plan.objectives[one] }))} />
        {chosen(text.plan.split, 'split', text.plan.splitAuto, splits(ofEngine), { layer: text.plan.splitLayer, row: text.plan.splitRow, tensor: text.plan.splitTensor, none: text.plan.splitNone })}
        {chosen(text.plan.offload, 'offload', text.plan.offloadAuto, offloads(ofEngine), { experts: text.plan.offloadExperts, none: text.plan.offloadNone, cpu: text.plan.offloadCpu })}
        {chosen(text.plan.kv, 'kv', text.plan.kvAuto, cacheTypes(ofEngine))}
        {takesUbatch(ofEngine) || question.ubatch ? <TextField label={text.plan.ubatch} value={question.ubatch} placeholder="512" onChange={(ubatch) => onChange({ ubatch })} /> : null}
        {typed(text.plan.streams, 'streams', '1', 'sequences')}
        {typed(text.plan.atLeast, 'atLeast', '0', 'at_least')}
        {typed(text.plan.prompt, 'prompt', '512', 'prompt')}
        {typed(text.plan.depth, 'depth', '0', 'depth')}
        {typed(text.plan.acceptance, 'acceptance', '0.6 - 0.85', 'acceptance')}
        {typed(text.plan.engineDate, 'engineDate', '2026-05', 'engine_date')}
      </div>
      <TextField label={text.plan.flags} value={question.flags} placeholder={takesUbatch(ofEngine) ? '-t 16 --no-mmap' : ''} help={text.plan.flagsHelp} error={of('flags')} onChange={(flags) => onChange({ flags })} />
    </details>
  );
}
