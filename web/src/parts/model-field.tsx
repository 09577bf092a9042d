// Where a model is named: from the catalogue with a quant, by path, or by dropping a file whose header is read here.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError, Shape } from '../api/answers';
import { ask } from '../api/client';
import type { Names } from '../api/names';
import { GgufFault, joined, readGguf, shapeOf, weightsOf } from '../gguf/read';
import { useSettings, useText } from '../shell/settings';
import { print } from '../units';
import { Combobox } from './combobox';
import { Field, Reason } from './field';

const LARGEST_CONFIG = 1 << 20;

interface ModelFieldProps { label: string; value: string; names: Names; error?: ApiError | null; taken?: string; onChange(value: string): void }

// "qwen3-32b:q4_k_m" -> name and quant; paths have no quant of their own to choose. A dropped file ends in its hash.
export function splitModel(spec: string): [string, string] {
  const dropped = /^(dropped:.*~[0-9a-f]+)(?::(.*))?$/.exec(spec);
  if (dropped) return [dropped[1]!, dropped[2] ?? ''];
  const colon = spec.lastIndexOf(':');
  if (colon <= 0 || spec.startsWith('dropped:') || /[\\/]/.test(spec.slice(colon))) return [spec, ''];
  return [spec.slice(0, colon), spec.slice(colon + 1)];
}
// What a dropped file is called; of a GGUF the format is as it is, a config.json says nothing of it.
export const droppedName = (spec: string): string => spec.slice(8).replace(/~[^~]*$/, '');
export const takesQuant = (spec: string): boolean => !spec.startsWith('dropped:') || /\.json$/i.test(droppedName(spec));
// Of what an error names as nearest: a format, or a model with one.
export const quantOf = (nearest: string): string => splitModel(nearest)[1] || nearest;
export const joinModel = (name: string, quant: string): string => (quant ? `${name}:${quant}` : name);

// `taken`: the format of the answer in sight, where nobody names one.
export function ModelField({ label, value, names, error, taken, onChange }: ModelFieldProps): VNode {
  const text = useText();
  const [name, quant] = splitModel(value);
  const ofQuant = error?.part === 'quant' && takesQuant(value);
  const dropped = value.startsWith('dropped:');
  return (
    <div class="model-field">
      <Field label={label} error={ofQuant ? null : error} take={onChange} help={dropped ? undefined : text.plan.modelHelp}>
        {(parts) => (dropped
          ? <div class="dropped"><output {...parts}>{droppedName(value)}</output><button type="button" onClick={() => onChange('')}>{text.plan.forget}</button></div>
          : <Combobox parts={parts} value={name} options={names.options.models} placeholder="qwen3-32b" onTake={(next) => {
              const [bare, own] = splitModel(next);
              onChange(joinModel(bare, own || quant));
            }} />)}
      </Field>
      {!takesQuant(value) ? null : (
        <Field label={text.plan.quant} error={ofQuant ? error : null} take={(nearest) => onChange(joinModel(name, quantOf(nearest)))}>
          {(parts) => (
            <Combobox parts={parts} value={quant} placeholder={taken || text.plan.quantNative} options={names.options.quants} onTake={(next) => onChange(joinModel(name, next))} />
          )}
        </Field>
      )}
      <DropZone onShape={onChange} />
    </div>
  );
}

// The parts of one split GGUF, all of them.
function areParts(files: File[]): boolean {
  const of = files.map((file) => /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i.exec(file.name));
  return of.every((one) => one !== null && one[1] === of[0]![1] && Number(one[3]) === files.length) && new Set(of.map((one) => one![2])).size === files.length;
}

// A model as people know it.
export const shownModel = (spec: string): string => (spec.startsWith('dropped:') ? joinModel(droppedName(spec), splitModel(spec)[1]) : spec);

// Reads the header in the browser, sends only the shape, and names the model by what the program answers.
function DropZone({ onShape }: { onShape(model: string): void }): VNode {
  const { text, language } = useSettings();
  const [over, setOver] = useState(false);
  const [told, setTold] = useState('');
  const [fault, setFault] = useState<ApiError | null>(null);
  const take = async (files: File[]) => {
    const parts = [...files].sort((a, b) => a.name.localeCompare(b.name));
    const file = parts[0];
    if (!file) return;
    setFault(null);
    setTold(text.state.waiting);
    const refuse = (reason: string) => { setTold(''); setFault({ field: 'file', reason: `${file.name}: ${reason}`, nearest: '' }); };
    if (parts.length > 1 && !areParts(parts)) return refuse(text.files.several);
    try {
      let body: Blob = file, read = file.size, rest = 0;
      if (/\.gguf$/i.test(file.name)) {
        const headers = [];
        for (const part of parts) {
          const header = await readGguf(part);
          headers.push({ header, weights: weightsOf(header, part.size) });
        }
        const whole = joined(headers);
        body = shapeOf(whole);
        read = whole.bytes;
        rest = headers.reduce((sum, one) => sum + one.weights, 0);
      } else if (file.size > LARGEST_CONFIG) {
        return refuse(text.plan.notAModel);
      }
      const query = new URLSearchParams({ name: file.name, rest: String(rest), lang: language });
      const asked = await ask<Shape>('shape?' + query.toString(), body);
      if (asked.ok) {
        setTold(text.plan.dropped(file.name, print(read, 'B'), print(parts.reduce((sum, part) => sum + part.size, 0), 'B')));
        onShape(asked.answer.model);
      } else {
        setTold('');
        setFault(asked.error);
      }
    } catch (problem) {
      refuse(problem instanceof GgufFault ? text.files[problem.code](problem.at) : text.files.unread);
    }
  };
  return (
    <div class={over ? 'drop over' : 'drop'} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); void take([...(event.dataTransfer?.files ?? [])]); }}>
      <label>
        {text.plan.drop} <span class="button">{text.plan.choose}</span>
        <input type="file" multiple accept=".gguf,.json" aria-label={text.plan.choose} onChange={(event) => { void take([...(event.currentTarget.files ?? [])]); event.currentTarget.value = ''; }} />
      </label>
      <p class="help">{text.plan.dropHelp}</p>
      <p class="help" role="status">{told}</p>
      {fault ? <p class="wrong" role="alert"><Reason error={fault} /></p> : null}
    </div>
  );
}
