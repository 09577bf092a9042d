// A rig spec as a form: "4xmi50-32g@200w nvlink; host=epyc-7532:8xddr4-3200:512g" taken apart and put together again. What the form
// cannot say (null) stays text; the program's own reader decides what is right.

export interface Card { count: string; card: string; cap: string }
export interface HostForm { processor: string; channels: string; memoryType: string; memory: string }
export interface RigForm { cards: Card[]; nvlink: boolean; host: HostForm }

export const emptyHost: HostForm = { processor: '', channels: '', memoryType: '', memory: '' };

function parseHost(text: string): HostForm | null {
  const [processor = '', ...rest] = text.split(':').map((piece) => piece.trim());
  const host = { ...emptyHost, processor };
  for (const piece of rest) {
    const channels = /^(\d+)x((?:lp)?ddr\S+)$/i.exec(piece);
    const memory = /^(\d+(?:\.\d+)?)(?:g|gb|gib)$/i.exec(piece);
    if (channels) { host.channels = channels[1]!; host.memoryType = channels[2]!.toLowerCase(); }
    else if (memory) host.memory = memory[1]!;
    else return null;
  }
  return host;
}

export function parseRig(spec: string): RigForm | null {
  const form: RigForm = { cards: [], nvlink: false, host: { ...emptyHost } };
  const pieces = spec.split(';').map((piece) => piece.trim()).filter(Boolean);
  for (const [i, piece] of pieces.entries()) {
    const host = /^host\s*=\s*(.+)$/i.exec(piece);
    if (host) {
      const parsed = parseHost(host[1]!);
      if (!parsed) return null;
      form.host = parsed;
      continue;
    }
    if (i > 0 || piece.includes('/') || piece.includes('\\') || piece.endsWith('.toml')) return null;
    let cards = piece;
    if (/\snvlink$/i.test(cards)) { form.nvlink = true; cards = cards.replace(/\snvlink$/i, ''); }
    for (const one of cards.split('+')) {
      const found = /^(?:(\d+)x)?([^@\s]+(?: [^@]*)?)(?:@(\d+)w)?$/i.exec(one.trim());
      if (!found) return null;
      form.cards.push({ count: found[1] ?? '1', card: found[2]!.trim(), cap: found[3] ?? '' });
    }
  }
  return form;
}

export function composeRig(form: RigForm): string {
  const cards = form.cards.filter((card) => card.card).map((card) => {
    const count = /^\d+$/.test(card.count) && card.count !== '1' && card.count !== '0' ? card.count + 'x' : '';
    return count + card.card + (card.cap ? `@${card.cap}w` : '');
  }).join('+');
  const { processor, channels, memoryType, memory } = form.host;
  const parts = [processor, channels && memoryType ? `${channels}x${memoryType}` : '', memory ? memory + 'g' : ''];
  const host = parts.some(Boolean) ? 'host=' + parts.filter(Boolean).join(':') : '';
  return [cards + (form.nvlink && cards ? ' nvlink' : ''), host].filter(Boolean).join('; ');
}
