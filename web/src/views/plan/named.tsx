// What several parts of an answer name alike: cards by their numbers, and where something was read.

import type { VNode } from 'preact';

// 0, 1, 2, 5 -> "#0\u2013#2, #5"
export function numbered(indices: number[]): string {
  const runs: [number, number][] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = runs[runs.length - 1];
    if (last && index === last[1] + 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([first, last]) => (first === last ? `#${first}` : `#${first}\u2013#${last}`)).join(', ');
}

export function Source({ source }: { source: string }): VNode {
  const link = /https?:\/\/\S+/.exec(source)?.[0]?.replace(/[).,;]+$/, '');
  return <small class="source">{link ? <a href={link} title={link} target="_blank" rel="noreferrer noopener">{source.replace(link, brief(link))}</a> : source}</small>;
}

// "https://github.com/a/b/blob/0123abcd.../README.md" -> "github.com/a/b/\u2026/README.md": enough to know it by; the link is whole.
function brief(link: string): string {
  const plain = link.replace(/^https?:\/\/(www\.)?/, '').replace(/[?#].*$/, '').replace(/\/$/, '');
  if (plain.length <= 48) return plain;
  const parts = plain.split('/'), first = parts.slice(0, 3).join('/'), last = parts.length > 3 ? parts[parts.length - 1]! : '';
  return (first.length > 48 ? first.slice(0, 47) + '\u2026' : first) + (last ? (parts.length > 4 ? '/\u2026/' : '/') + (last.length > 28 ? last.slice(0, 27) + '\u2026' : last) : '');
}
