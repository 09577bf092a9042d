// A box to type a name into, with the catalogue's matches below it (the ARIA combobox with a list): arrows choose, Enter takes,
// Escape closes; whatever was typed is taken as it stands on leaving, for names the list does not know.

import type { VNode } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { useText } from '../shell/settings';
import type { FieldParts } from './field';
import { holds, rank, wordsOf, type Named } from './search';

export interface Option extends Named { note?: string }   // `key` is what is taken

interface ComboboxProps { parts: FieldParts; value: string; options: Option[]; placeholder?: string; onTake(value: string): void }

const SHOWN = 1000;   // all there are: a list that ends early hides what nobody thought to type

// Names that begin with the text come first.
export function matching(options: Option[], typed: string): Option[] {
  const words = wordsOf(typed);
  if (!words.length) return options.slice(0, SHOWN);
  const found = options.filter((option) => holds(option, words)).map((option): [number, Option] => [rank(option, typed), option]);
  return found.sort((a, b) => a[0] - b[0]).slice(0, SHOWN).map(([, option]) => option);
}

export function Combobox({ parts, value, options, placeholder, onTake }: ComboboxProps): VNode {
  const text = useText();
  const list = useId();
  const [typed, setTyped] = useState(value);
  const [open, setOpen] = useState(false);
  const [touched, setTouched] = useState(false);
  const [active, setActive] = useState(-1);
  const box = useRef<HTMLInputElement>(null);
  const popup = useRef<HTMLUListElement>(null);
  useEffect(() => { setTyped(value); setTouched(false); }, [value]);
  const wanted = touched ? typed : '';
  const shown = useMemo(() => (open ? matching(options, wanted) : []), [open, options, wanted]);
  useEffect(() => {
    const row = popup.current?.children[active] as HTMLElement | undefined;
    row?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  const take = (next: string) => {
    setOpen(false);
    setActive(-1);
    setTyped(next);
    setTouched(false);
    if (next.trim() !== value) onTake(next.trim());
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) { setOpen(true); return; }
      const last = shown.length - 1;
      setActive((old) => (event.key === 'ArrowDown' ? (old >= last ? 0 : old + 1) : old <= 0 ? last : old - 1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      take(open && active >= 0 && shown[active] ? shown[active].key : typed);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      setOpen(false);
      setActive(-1);
    }
  };
  return (
    <div class="combobox">
      <input {...parts} ref={box} type="text" role="combobox" value={typed} placeholder={placeholder} autocomplete="off" autocapitalize="off" spellcheck={false}
        aria-expanded={open && shown.length > 0} aria-controls={list} aria-autocomplete="list" aria-activedescendant={active >= 0 ? `${list}-${active}` : undefined}
        onInput={(event) => { setTyped(event.currentTarget.value); setTouched(true); setOpen(true); setActive(-1); }}
        onFocus={(event) => event.currentTarget.select()} onClick={() => setOpen(true)} onKeyDown={keys}
        onBlur={() => { if (touched) take(typed); else setOpen(false); }} />
      <ul id={list} ref={popup} role="listbox" aria-label={text.parts.matches} hidden={!open || shown.length === 0}>
        {shown.map((option, i) => (
          <li key={option.key} id={`${list}-${i}`} role="option" aria-selected={i === active} class={i === active ? 'active' : undefined}
            onPointerDown={(event) => { event.preventDefault(); take(option.key); box.current?.focus(); }}>
            <span>{option.name}</span>
            {option.note ? <small>{option.note}</small> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
