// A labelled control with its help and, when the API refused its value, the reason and the nearest valid value beside it.

import type { ComponentChildren, VNode } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiError } from '../api/answers';
import { useText } from '../shell/settings';

export interface FieldParts { id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true' }

interface FieldProps {
  label: string;
  help?: string;
  error?: ApiError | null;
  take?: (nearest: string) => void;
  children: (parts: FieldParts) => ComponentChildren;
  wide?: boolean;
}

export function Field({ label, help, error, take, children, wide }: FieldProps): VNode {
  const id = useId();
  const described = [help ? id + '-help' : '', error ? id + '-error' : ''].filter(Boolean).join(' ');
  return (
    <div class={wide ? 'field wide' : 'field'}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': described || undefined, 'aria-invalid': error ? 'true' : undefined })}
      {help ? <p class="help" id={id + '-help'}>{help}</p> : null}
      {error ? <p class="wrong" id={id + '-error'} role="alert"><Reason error={error} take={take} /></p> : null}
    </div>
  );
}

// The reason as a sentence, and the nearest valid value as a button that takes it.
export function Reason({ error, take }: { error: ApiError; take?: (nearest: string) => void }): VNode {
  const text = useText();
  return (
    <>
      {error.kind === 'unreachable' ? text.state.unreachable + (error.reason ? ` (${error.reason})` : '') : error.reason + (error.nearest && !/[.!?\u3002]$/.test(error.reason) ? text.state.stop : '')}
      {error.nearest ? (
        <> {text.state.nearest} {take ? <button type="button" class="link" onClick={() => take(error.nearest)}>{error.nearest}</button> : <b>{error.nearest}</b>}</>
      ) : null}
    </>
  );
}

interface NumberFieldProps { label: string; value: string; placeholder?: string; help?: string; error?: ApiError | null; onChange(value: string): void; list?: string[] }

// A text box for a count that people write as "32k"; the API reads it.
export function TextField({ label, value, placeholder, help, error, onChange, list }: NumberFieldProps): VNode {
  const id = useId();
  return (
    <Field label={label} help={help} error={error} take={onChange}>
      {(parts) => (
        <>
          <input {...parts} type="text" value={value} placeholder={placeholder} autocomplete="off" spellcheck={false} list={list ? id + '-list' : undefined}
            onInput={(event) => onChange(event.currentTarget.value)} />
          {list ? <datalist id={id + '-list'}>{list.map((one) => <option key={one} value={one} />)}</datalist> : null}
        </>
      )}
    </Field>
  );
}

export interface Choice { value: string; label: string }

export function SelectField({ label, value, choices, help, error, onChange }: { label: string; value: string; choices: Choice[]; help?: string; error?: ApiError | null; onChange(value: string): void }): VNode {
  return (
    <Field label={label} help={help} error={error} take={onChange}>
      {(parts) => (
        <select {...parts} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {choices.some((choice) => choice.value === value) ? null : <option value={value}>{value}</option>}
          {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
        </select>
      )}
    </Field>
  );
}
