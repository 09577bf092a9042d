// A rig spec as a form: "4xmi50-32g@200w nvlink; host=epyc-7532:8xddr4-3200:512g" taken apart and put together again. What the form
// cannot say (null) stays text; the program's own reader decides what is right.

export interface Card { count: string; card: string; cap: string }
export interface HostForm { processor: string; channels: string; memoryType: string; memory: string }
export interface RigForm { cards: Card[]; nvlink: boolean; host: HostForm }

export const emptyHost: HostForm = { processor: '', channels: '', memoryType: '', memory: '' };
export const MOST_OF_A_KIND = 999;

const CHANNELS = /^(\d+)x((?:(?:lp)?ddr|mrdimm)\S*)$/i;
const NVLINK = /\s*[\s,\uff0c\u3001]\s*nvlink$/i;
const SIZE = /^(\d+(?:\.\d+)?)(?:g|gb|gib)$/i;

// Each piece is what it looks like, wherever it stands: a host need not name its processor.
function parseHost(text: string): HostForm | null {
  const host = { ...emptyHost };
  for (const piece of text.split(':').map((one) => one.trim()).filter(Boolean)) {
    const channels = CHANNELS.exec(piece), memory = SIZE.exec(piece);
    if (channels && !host.memoryType) { host.channels = channels[1]!; host.memoryType = channels[2]!.toLowerCase(); }
    else if (memory && !host.memory) host.memory = memory[1]!;
    else if (!channels && !memory && !host.processor) host.processor = piece;
    else return null;
  }
  return host;
}

export function parseRig(spec: string): RigForm | null {
  const form: RigForm = { cards: [], nvlink: false, host: { ...emptyHost } };
  const pieces = spec.split(';').map((piece) => piece.trim()).filter(Boolean);
  let hosts = 0;
  for (const [i, piece] of pieces.entries()) {
    const host = /^host\s*=\s*(.+)$/i.exec(piece);
    if (host) {
      const parsed = parseHost(host[1]!);
      if (!parsed || ++hosts > 1) return null;
      form.host = parsed;
      continue;
    }
    if (i > 0 || /[/\\=|]/.test(piece) || piece.endsWith('.toml')) return null;
    let cards = piece;
    if (NVLINK.test(cards)) { form.nvlink = true; cards = cards.replace(NVLINK, ''); }
    for (const one of cards.split('+')) {
      const found = /^(?:(\d+)x)?([^@\s]+(?: [^@]*)?)(?:@(\d+)w)?$/i.exec(one.trim());
      if (!found) return null;
      form.cards.push({ count: found[1] ?? '1', card: found[2]!.trim(), cap: found[3] ?? '' });
    }
  }
  return form;
}

export const isCount = (text: string): boolean => /^[0-9]{1,3}$/.test(text) && Number(text) >= 1;

// A memory alone is that of the plain desktop which is assumed where no host is named: its type has to be said.
const DESKTOP = { channels: '2', memoryType: 'ddr5-5600' };

export function composeRig(form: RigForm): string {
  const cards = form.cards.filter((card) => card.card).map((card) => {
    const count = card.count && card.count !== '1' ? card.count + 'x' : '';
    return count + card.card + (card.cap ? `@${card.cap}w` : '');
  }).join('+');
  const { processor, memory } = form.host;
  const { channels, memoryType } = memory && !processor && !form.host.memoryType ? DESKTOP : form.host;
  const parts = [processor, channels && memoryType ? `${channels}x${memoryType}` : '', memory ? memory + 'g' : ''];
  const host = parts.some(Boolean) ? 'host=' + parts.filter(Boolean).join(':') : '';
  return [cards + (form.nvlink && cards ? ' nvlink' : ''), host].filter(Boolean).join('; ');
}

// Where in a spec a column (from 1, in bytes) points: its character, counted from 0.
function indexOf(spec: string, column: number): number {
  const bytes = new TextEncoder().encode(spec).slice(0, Math.max(0, column - 1));
  return new TextDecoder().decode(bytes).length;
}

export type RigPlace = { kind: 'card'; index: number } | { kind: 'host' };

// Which row of the form a column of the spec belongs to; null: none of them.
export function placeIn(spec: string, column: number): RigPlace | null {
  if (column < 1) return null;
  const before = spec.slice(0, indexOf(spec, column));
  if (/(^|[;\s])host\s*=[^;]*$/i.test(before)) return { kind: 'host' };
  return before.includes(';') || /[\s,\uff0c\u3001]nvlink/i.test(before) ? null : { kind: 'card', index: before.split('+').length - 1 };
}

// The spec with what the column points at replaced, and nothing else.
export function mend(spec: string, column: number, nearest: string): string {
  if (column < 1) return nearest;
  const at = indexOf(spec, column), before = spec.slice(0, at), rest = spec.slice(at);
  const inHost = /(^|[;\s])host\s*=[^;]*$/i.test(before);
  if (inHost) return before + mendHost(rest, nearest);
  if (/^host\s*=/i.test(nearest)) {   // what stands among the cards is a host
    const cards = (before.replace(/\+\s*$/, '') + rest.replace(/^[^+;]*/, '')).replace(/^\s*\+/, '').trim();
    return cards ? `${cards}; ${nearest}` : nearest;
  }
  const group = /(^|[+;|]\s*|\d\s*[x*\u00d7]\s*)$/i.test(before);
  const end = rest.search(group ? /[+;|@]/ : /[\s+;|@,]/);
  const old = end < 0 ? rest : rest.slice(0, end), count = /^\d+\s*[x*\u00d7]\s*/i.exec(old)?.[0] ?? '';
  const kept = group && count && !/^\d+x/i.test(nearest) ? count : '';
  const space = /\s*$/.exec(old)![0];
  return before.replace(/(\d+)\s*[x*\u00d7]\s*$/i, (whole) => (/^\d+x/i.test(nearest) ? '' : whole)) + kept + nearest + space + (end < 0 ? '' : rest.slice(end));
}

// The piece the text begins with, or the size where the nearest is one.
function mendHost(rest: string, nearest: string): string {
  const end = rest.search(/[;|]/), host = end < 0 ? rest : rest.slice(0, end), behind = end < 0 ? '' : rest.slice(end);
  const pieces = host.split(':'), sized = SIZE.test(nearest) ? pieces.findIndex((piece) => SIZE.test(piece.trim())) : 0;
  if (sized < 0) return [...pieces, nearest].join(':') + behind;
  pieces[sized] = nearest;
  return pieces.join(':') + behind;
}
