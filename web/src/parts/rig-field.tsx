// The rig builder: cards and host as a form, or the same as one line of text; both write the same spec.

import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/answers';
import type { Names } from '../api/names';
import { useText } from '../shell/settings';
import { Combobox } from './combobox';
import { Field, Reason, type FieldParts } from './field';
import { composeRig, emptyHost, isCount, mend, MOST_OF_A_KIND, parseRig, placeIn, type Card, type RigForm } from './rig-spec';

const MEMORY_TYPES = ['ddr3-1600', 'ddr4-2400', 'ddr4-2666', 'ddr4-2933', 'ddr4-3200', 'ddr4-3600', 'ddr5-4800', 'ddr5-5600', 'ddr5-6000', 'ddr5-6400', 'ddr5-8000', 'lpddr5x-8000'];

interface RigFieldProps { label: string; value: string; names: Names; error?: ApiError | null; host?: number; onChange(value: string): void }   // `host`: counts the wishes to name it

export function RigField({ label, value, names, error, host, onChange }: RigFieldProps): VNode {
  const text = useText();
  const parsed = parseRig(value);
  const [wantsText, setWantsText] = useState(false);
  const [blank, setBlank] = useState<Card | null>(null);   // an added row that names no card yet is not in the spec
  const asText = wantsText || !parsed;
  // Only what the error points at is replaced.
  const take = (nearest: string) => onChange(mend(value, error?.column ?? 0, nearest));
  return (
    <fieldset class="rig">
      <legend>{label}</legend>
      {parsed ? <button type="button" class="quiet switch" onClick={() => setWantsText(!wantsText)}>{asText ? text.plan.asForm : text.plan.asText}</button> : null}
      {asText ? (
        <Field label={text.plan.asText} error={error} take={take} help={text.plan.rigHelp}>
          {(parts) => <input {...parts} type="text" value={value} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />}
        </Field>
      ) : <Form form={parsed} spec={value} blank={blank ?? (parsed.cards.length === 0 ? NO_CARD : null)} setBlank={setBlank} names={names} error={error ?? null} wish={host ?? 0} onChange={(form) => onChange(composeRig(form))} take={take} />}
    </fieldset>
  );
}

const isHere = (form: RigForm): boolean => form.cards.some((card) => card.card === 'here');
const NO_CARD: Card = { count: '1', card: '', cap: '' };

interface FormProps { form: RigForm; spec: string; blank: Card | null; setBlank(blank: Card | null): void; names: Names; error: ApiError | null; wish: number; onChange(form: RigForm): void; take(nearest: string): void }

function Form({ form, spec, blank, setBlank, names, error, wish, onChange, take }: FormProps): VNode {
  const text = useText();
  const rows: Card[] = blank ? [...form.cards, blank] : form.cards;
  const change = (i: number, part: Partial<Card>) => {
    const next = { ...rows[i]!, ...part };
    if (i >= form.cards.length) {
      setBlank(next.card ? null : next);   // what is typed before the card is named is kept until it is
      if (next.card) onChange({ ...form, cards: [...form.cards, next] });
    } else {
      onChange({ ...form, cards: form.cards.map((card, c) => (c === i ? next : card)) });
    }
  };
  const place = error ? placeIn(spec, error.column ?? 0) ?? (HOST_PARTS.has(error.part ?? '') ? { kind: 'host' as const } : null) : null;
  const at = place?.kind === 'card' ? place.index : place === null && rows.length === 1 ? 0 : -1;
  const ofHost = place?.kind === 'host';
  const elsewhere = error && !ofHost && (at < 0 || at >= rows.length);
  return (
    <>
      {rows.map((card, i) => {
        const own = i === at && !ofHost ? error : null, ofCap = own?.part === 'power';
        return (
          <div class="card-row" key={i}>
            <Field label={text.plan.count}>
              {(parts) => <CountInput parts={parts} value={card.count} onTake={(count) => change(i, { count })} />}
            </Field>
            <Field label={text.plan.card} error={ofCap ? null : own} take={take}>
              {(parts) => <Combobox parts={parts} value={card.card} options={names.options.devices} placeholder="rtx-3090" onTake={(next) => change(i, { card: next })} />}
            </Field>
            <Field label={text.plan.cap} error={ofCap ? own : null} take={take}>
              {(parts) => <NumberInput parts={parts} value={card.cap} most={5000} onTake={(cap) => change(i, { cap })} />}
            </Field>
            <button type="button" class="quiet remove" aria-label={`${text.parts.remove} ${card.card}`} onClick={() => {
              if (i >= form.cards.length) setBlank(null);
              else onChange({ ...form, cards: form.cards.filter((_, c) => c !== i) });
            }}>{'\u00d7'}</button>
          </div>
        );
      })}
      {elsewhere ? <p class="wrong" role="alert"><Reason error={error} take={take} /></p> : null}
      <div class="rig-actions">
        <button type="button" onClick={() => setBlank(blank ?? NO_CARD)}>{text.plan.addCard}</button>
        {form.cards.reduce((sum, card) => sum + Number(card.count || 1), 0) > 1 ? (
          <label class="check"><input type="checkbox" checked={form.nvlink} onChange={(event) => onChange({ ...form, nvlink: event.currentTarget.checked })} /> NVLink</label>
        ) : null}
      </div>
      <Host form={form} names={names} error={ofHost ? error : null} wish={wish} take={take} onChange={onChange} />
    </>
  );
}

const HOST_PARTS = new Set(['host', 'processor', 'os', 'host-reserved']);

function Host({ form, names, error, wish, take, onChange }: { form: RigForm; names: Names; error: ApiError | null; wish: number; take(nearest: string): void; onChange(form: RigForm): void }): VNode {
  const text = useText();
  const { host } = form;
  const [open, setOpen] = useState(Boolean(host.processor || host.memory || host.channels));
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (!wish) return;
    setOpen(true);
    box.current!.open = true;   // before it is drawn anew: what is closed takes no focus
    box.current!.querySelector('input')?.focus();
    box.current!.scrollIntoView({ block: 'center' });
  }, [wish]);
  const change = (part: Partial<typeof emptyHost>) => onChange({ ...form, host: { ...host, ...part } });
  const ofProcessor = error?.part === 'processor';
  return (
    <details ref={box} open={open || error !== null} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{text.plan.host}{text.state.colon}{host.processor || [host.channels && host.memoryType ? `${host.channels} x ${host.memoryType}` : '', host.memory ? `${host.memory} GiB` : ''].filter(Boolean).join(', ') || (isHere(form) ? text.plan.hostHere : text.plan.hostAny)}</summary>
      <div class="host-row">
        <Field label={text.plan.processor} wide error={ofProcessor ? error : null} take={take}>
          {(parts) => <Combobox parts={parts} value={host.processor} options={names.options.processors} placeholder="epyc-7532" onTake={(next) => change({ processor: next })} />}
        </Field>
        <Field label={text.plan.channels}>
          {(parts) => <NumberInput parts={parts} value={host.channels} most={128} onTake={(channels) => change(channels ? { channels, memoryType: host.memoryType || 'ddr4-3200' } : { channels: '', memoryType: '' })} />}
        </Field>
        <Field label={text.plan.memoryType}>
          {(parts) => (
            <select {...parts} value={host.memoryType} onChange={(event) => change({ memoryType: event.currentTarget.value, channels: event.currentTarget.value ? host.channels || '2' : '' })}>
              <option value="">{text.plan.auto}</option>
              {host.memoryType && !MEMORY_TYPES.includes(host.memoryType) ? <option value={host.memoryType}>{host.memoryType}</option> : null}
              {MEMORY_TYPES.map((type) => <option key={type} value={type}>{type}</option>)}
            </select>
          )}
        </Field>
        <Field label={text.plan.hostMemory}>
          {(parts) => <NumberInput parts={parts} value={host.memory} most={65536} step="any" onTake={(memory) => change({ memory })} />}
        </Field>
      </div>
      {error && !ofProcessor ? <p class="wrong" role="alert"><Reason error={error} take={take} /></p> : null}
    </details>
  );
}

// A number that is taken when its box is left: an answer that arrives meanwhile must not wipe out what is half typed.
function NumberInput({ parts, value, most, step, onTake }: { parts: FieldParts; value: string; most: number; step?: string; onTake(value: string): void }): VNode {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <input {...parts} type="number" min="1" max={most} step={step} value={typed ?? value} onInput={(event) => setTyped(event.currentTarget.value)}
      onChange={(event) => { setTyped(null); onTake(event.currentTarget.value); }} />
  );
}

// A count of cards. What is none stays in the box, with the reason beside it, and out of the question.
function CountInput({ parts, value, onTake }: { parts: FieldParts; value: string; onTake(count: string): void }): VNode {
  const text = useText();
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const wrong = !isCount(typed);
  return (
    <>
      <input {...parts} type="text" inputMode="numeric" class="count-box" value={typed} aria-invalid={wrong ? 'true' : undefined} aria-describedby={wrong ? parts.id + '-count' : undefined}
        onInput={(event) => {
          const next = event.currentTarget.value.trim();
          setTyped(next);
          if (isCount(next)) onTake(String(Number(next)));
        }} />
      {wrong ? <span class="wrong" id={parts.id + '-count'} role="alert">{text.plan.countIs(MOST_OF_A_KIND)}</span> : null}
    </>
  );
}
