// The rig builder: cards and host as a form, or the same as one line of text; both write the same spec.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../api/answers';
import type { Names } from '../api/names';
import { useText } from '../shell/settings';
import { print } from '../units';
import { composeRig, emptyHost, parseRig, type Card, type RigForm } from './rig-spec';
import { Combobox } from './combobox';
import { Field } from './field';

const MEMORY_TYPES = ['ddr3-1600', 'ddr4-2400', 'ddr4-2666', 'ddr4-2933', 'ddr4-3200', 'ddr4-3600', 'ddr5-4800', 'ddr5-5600', 'ddr5-6000', 'ddr5-6400', 'ddr5-8000', 'lpddr5x-8000'];

interface RigFieldProps { label: string; value: string; names: Names; error?: ApiError | null; onChange(value: string): void }

export function RigField({ label, value, names, error, onChange }: RigFieldProps): VNode {
  const text = useText();
  const parsed = parseRig(value);
  const [wantsText, setWantsText] = useState(false);
  const [blank, setBlank] = useState(false);   // an added row that names no card yet is not in the spec
  const asText = wantsText || !parsed;
  return (
    <fieldset class="rig">
      <legend>{label}</legend>
      {parsed ? <button type="button" class="quiet switch" onClick={() => setWantsText(!wantsText)}>{asText ? text.plan.asForm : text.plan.asText}</button> : null}
      {asText ? (
        <Field label={text.plan.asText} error={error} take={onChange} help={text.plan.rigHelp}>
          {(parts) => <input {...parts} type="text" value={value} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
      ) : <Form form={parsed} blank={blank || parsed.cards.length === 0} setBlank={setBlank} names={names} error={error} onChange={(form) => onChange(composeRig(form))} take={onChange} />}
    </fieldset>
  );
}

interface FormProps { form: RigForm; blank: boolean; setBlank(blank: boolean): void; names: Names; error?: ApiError | null; onChange(form: RigForm): void; take(spec: string): void }

function Form({ form, blank, setBlank, names, error, onChange, take }: FormProps): VNode {
  const text = useText();
  const options = names.devices.map((device) => ({ value: device.key, name: device.name, note: [print(device.memory, 'B'), device.bandwidth ? print(device.bandwidth, 'B/s') : ''].filter(Boolean).join(', ') }));
  const processors = names.processors.map((one) => ({ value: one.key, name: one.name, note: one.detail }));
  const rows: Card[] = blank ? [...form.cards, { count: '1', card: '', cap: '' }] : form.cards;
  const change = (i: number, part: Partial<Card>) => {
    const cards = rows.map((card, c) => (c === i ? { ...card, ...part } : card)).filter((card) => card.card);
    if (blank && cards.length > form.cards.length) setBlank(false);
    onChange({ ...form, cards });
  };
  const host = (part: Partial<typeof emptyHost>) => onChange({ ...form, host: { ...form.host, ...part } });
  // The reader of specs names the text it stumbled over by its best match; put that into the only row it can mean.
  const takeCard = (i: number) => (nearest: string) => (rows.length === 1 ? change(i, { card: nearest }) : take(nearest));
  return (
    <>
      {rows.map((card, i) => (
        <div class="card-row" key={i}>
          <Field label={text.plan.count}>
            {(parts) => <input {...parts} type="number" min="1" max="1024" value={card.count} onChange={(event) => change(i, { count: event.currentTarget.value })} />}
          </Field>
          <Field label={text.plan.card} error={i === 0 && !form.host.processor ? error : null} take={takeCard(i)}>
            {(parts) => <Combobox parts={parts} value={card.card} options={options} placeholder="rtx-3090" onTake={(next) => change(i, { card: next })} />}
          </Field>
          <Field label={text.plan.cap}>
            {(parts) => <input {...parts} type="number" min="1" max="5000" value={card.cap} onChange={(event) => change(i, { cap: event.currentTarget.value })} />}
          </Field>
          <button type="button" class="quiet remove" aria-label={`${text.parts.remove} ${card.card}`} onClick={() => {
            if (i >= form.cards.length) setBlank(false);
            else onChange({ ...form, cards: form.cards.filter((_, c) => c !== i) });
          }}>{'\u00d7'}</button>
        </div>
      ))}
      {error && form.host.processor ? <p class="wrong" role="alert">{error.reason} {error.nearest}</p> : null}
      <div class="rig-actions">
        <button type="button" onClick={() => setBlank(true)}>{text.plan.addCard}</button>
        {form.cards.reduce((sum, card) => sum + Number(card.count || 1), 0) > 1 ? (
          <label class="check"><input type="checkbox" checked={form.nvlink} onChange={(event) => onChange({ ...form, nvlink: event.currentTarget.checked })} /> NVLink</label>
        ) : null}
      </div>
      <details open={Boolean(form.host.processor || form.host.memory)}>
        <summary>{text.plan.host}{form.host.processor ? `: ${form.host.processor}` : `: ${text.plan.hostAny}`}</summary>
        <div class="host-row">
          <Field label={text.plan.processor} wide>
            {(parts) => <Combobox parts={parts} value={form.host.processor} options={processors} placeholder="epyc-7532" onTake={(next) => host({ processor: next })} />}
          </Field>
          <Field label={text.plan.channels}>
            {(parts) => <input {...parts} type="number" min="1" max="64" value={form.host.channels} onChange={(event) => host({ channels: event.currentTarget.value, memoryType: form.host.memoryType || 'ddr4-3200' })} />}
          </Field>
          <Field label={text.plan.memoryType}>
            {(parts) => (
              <select {...parts} value={form.host.memoryType} onChange={(event) => host({ memoryType: event.currentTarget.value, channels: event.currentTarget.value ? form.host.channels || '2' : '' })}>
                <option value="">{text.plan.auto}</option>
                {form.host.memoryType && !MEMORY_TYPES.includes(form.host.memoryType) ? <option value={form.host.memoryType}>{form.host.memoryType}</option> : null}
                {MEMORY_TYPES.map((type) => <option key={type} value={type}>{type}</option>)}
              </select>
            )}
          </Field>
          <Field label={text.plan.hostMemory}>
            {(parts) => <input {...parts} type="number" min="1" max="65536" value={form.host.memory} onChange={(event) => host({ memory: event.currentTarget.value })} />}
          </Field>
        </div>
      </details>
    </>
  );
}
