// Finding names as people write them: every word typed must occur in the key, the name or another name, whatever stands between the letters
// ("rtx4090", "RTX 4090", "昇腾910B"), as `rigcast list` finds them.

export interface Named { key: string; name: string; aliases?: string[] }

export const collapse = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/[\s_()/,-]+/g, '');
export const wordsOf = (text: string): string[] => text.normalize('NFKC').toLowerCase().split(/[\s_()/,-]+/).filter(Boolean);

// Rows come from one answer and stay: what they are found by is put together once.
const known = new WeakMap<object, string>();
function foundBy(row: Named, more: string): string {
  let hay = known.get(row);
  if (hay === undefined) known.set(row, (hay = [row.key, row.name, more, ...(row.aliases ?? [])].map(collapse).join('\n')));
  return hay;
}

export function holds(row: Named, words: string[], more = ''): boolean {
  const hay = foundBy(row, more);
  return words.every((word) => hay.includes(word));
}

// 0: the name itself; 1: names that begin with it; 2: the others.
export function rank(row: Named, typed: string): number {
  const start = collapse(typed), names = foundBy(row, '').split('\n');
  return names.includes(start) ? 0 : names.some((name) => name.startsWith(start)) ? 1 : 2;
}
