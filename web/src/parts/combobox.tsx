// A box to type a name into, with the catalogue's matches below it (the ARIA combobox with a list): arrows choose, Enter takes,
// Escape closes; whatever was typed is taken as it stands on leaving, for names the list does not know.

import type { VNode } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { useText } from '../shell/settings';
import type { FieldParts } from './field';
import { holds, rank, wordsOf, type Named } from './search';

export interface Option extends Named { note?: string }   // `key` is what is taken

interface ComboboxProps { parts: FieldParts; value: string; options: Option[]; placeholder?: string; onTake(value: string): void }

const AT_ONCE = 60;   // rows made when the list opens; scrolling and keys make more, up to all there are

// Names that begin with the text come first.
export function matching(options: Option[], typed: string): Option[] {
  const words = wordsOf(typed);
  if (!words.length) return options;
  const found = options.filter((option) => holds(option, words)).map((option): [number, Option] => [rank(option, typed), option]);
  return found.sort((a, b) => a[0] - b[0]).map(([, option]) => option);
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
  const [room, setRoom] = useState(AT_ONCE);
  useEffect(() => setRoom(AT_ONCE), [open, wanted]);
  const shown = useMemo(() => (open ? matching(options, wanted) : []), [open, options, wanted]);
  useEffect(() => {
    if (active >= room) setRoom(active + AT_ONCE);
    const row = popup.current?.children[active] as HTMLElement | undefined;
    row?.scrollIntoView({ block: 'nearest' });
  }, [active, room]);
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
      <ul id={list} ref={popup} role="listbox" aria-label={text.parts.matches} hidden={!open || shown.length === 0}
        onScroll={({ currentTarget: list }) => { if (room < shown.length && list.scrollTop + 2 * list.clientHeight > list.scrollHeight) setRoom(room + 2 * AT_ONCE); }}>
        {shown.slice(0, room).map((option, i) => (
          <li key={option.key} id={`${list}-${i}`} role="option" aria-setsize={shown.length} aria-posinset={i + 1} aria-selected={i === active} class={i === active ? 'active' : undefined}
            onPointerDown={(event) => { event.preventDefault(); take(option.key); box.current?.focus(); }}>
            <span>{option.name}</span>
            {option.note ? <small>{option.note}</small> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}
