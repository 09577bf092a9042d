// Where a model is named: from the catalogue with a quant, by path, or by dropping a file whose header is read here.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError, Shape } from '../api/answers';
import { ask } from '../api/client';
import type { Names } from '../api/names';
import { joined, readGguf, shapeOf, weightsOf } from '../gguf/read';
import { useText } from '../shell/settings';
import { print, printCount } from '../units';
import { Combobox } from './combobox';
import { Field, Reason } from './field';

const LARGEST_CONFIG = 1 << 20;

interface ModelFieldProps { label: string; value: string; names: Names; error?: ApiError | null; onChange(value: string): void }

// "qwen3-32b:q4_k_m" -> name and quant; paths and dropped files have no quant of their own to choose.
export function splitModel(spec: string): [string, string] {
  const colon = spec.lastIndexOf(':');
  if (colon <= 0 || spec.startsWith('dropped:') || /[\\/]/.test(spec.slice(colon))) return [spec, ''];
  return [spec.slice(0, colon), spec.slice(colon + 1)];
}
export const joinModel = (name: string, quant: string): string => (quant ? `${name}:${quant}` : name);

export function ModelField({ label, value, names, error, onChange }: ModelFieldProps): VNode {
  const text = useText();
  const [name, quant] = splitModel(value);
  const dropped = value.startsWith('dropped:');
  const options = names.models.map((model) => ({ value: model.key, name: model.name, note: printCount(model.params) }));
  return (
    <div class="model-field">
      <Field label={label} error={error} take={onChange} help={dropped ? undefined : text.plan.modelHelp}>
        {(parts) => (dropped
          ? <div class="dropped"><output {...parts}>{value.slice(8).split('~')[0]}</output><button type="button" onClick={() => onChange('')}>{text.plan.forget}</button></div>
          : <Combobox parts={parts} value={name} options={options} placeholder="qwen3-32b" onTake={(next) => {
              const [bare, own] = splitModel(next);
              onChange(joinModel(bare, own || quant));
            }} />)}
      </Field>
      {dropped ? null : (
        <Field label={text.plan.quant}>
          {(parts) => (
            <Combobox parts={parts} value={quant} placeholder={text.plan.quantNative} options={names.quants.map((one) => ({ value: one, name: one }))} onTake={(next) => onChange(joinModel(name, next))} />
          )}
        </Field>
      )}
      <DropZone onShape={onChange} />
    </div>
  );
}

// Reads the header in the browser, sends only the shape, and names the model by what the program answers.
function DropZone({ onShape }: { onShape(model: string): void }): VNode {
  const text = useText();
  const [over, setOver] = useState(false);
  const [told, setTold] = useState('');
  const [fault, setFault] = useState<ApiError | null>(null);
  const take = async (files: File[]) => {
    const parts = [...files].sort((a, b) => a.name.localeCompare(b.name));
    const file = parts[0];
    if (!file) return;
    setFault(null);
    setTold(text.state.waiting);
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
        throw new Error(text.plan.notAModel);
      }
      const query = new URLSearchParams({ name: file.name, rest: String(rest) });
      const asked = await ask<Shape>('shape?' + query.toString(), body);
      if (asked.ok) {
        setTold(text.plan.dropped(file.name, print(read, 'B'), print(parts.reduce((sum, part) => sum + part.size, 0), 'B')));
        onShape(asked.answer.model);
      } else {
        setTold('');
        setFault(asked.error);
      }
    } catch (problem) {
      setTold('');
      setFault({ field: 'file', reason: `${file.name}: ${(problem as Error).message}`, nearest: '' });
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
