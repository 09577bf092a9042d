// Taking an answer along: as a link, and as the same reports that --html, --markdown and --json write, made by the program.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../api/answers';
import { ask } from '../api/client';
import { useSettings } from '../shell/settings';
import { Reason } from './field';

const KINDS = [['html', 'text/html'], ['markdown', 'text/markdown'], ['json', 'application/json']] as const;

interface ShareProps { verb: 'plan' | 'compare'; request: unknown; name: string; summary?: string }   // `summary`: the answer in a few lines of text

export function Share({ verb, request, name, summary }: ShareProps): VNode {
  const { text, language } = useSettings();
  const [fault, setFault] = useState<ApiError | null>(null);
  const [copied, setCopied] = useState<'' | 'link' | 'summary'>('');
  const [link, setLink] = useState('');   // shown to be copied by hand where the clipboard is refused
  const names = { html: text.share.html, markdown: text.share.markdown, json: text.share.json };
  const save = async (kind: 'html' | 'markdown' | 'json', type: string) => {
    const asked = await ask<{ text: string }>('report', { verb, format: kind, request });
    if (!asked.ok) return setFault(asked.error);
    setFault(null);
    const url = URL.createObjectURL(new Blob([asked.answer.text], { type }));
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = `rigcast-${name}.${kind === 'markdown' ? 'md' : kind}`.replace(/[^\w.-]+/g, '-');
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const copy = async (what: 'link' | 'summary') => {
    const url = new URL(location.href);
    url.searchParams.set('lang', language);   // the friend sees what the sender saw
    const words = what === 'link' ? url.href : summary ?? '';
    try {
      await navigator.clipboard.writeText(words);
      setLink('');
      setCopied(what);
      setTimeout(() => setCopied(''), 2000);
    } catch {
      setLink(words);
    }
  };
  return (
    <section class="block share">
      <h2>{text.share.title}</h2>
      <p class="actions">
        <button type="button" onClick={() => void copy('link')}>{copied === 'link' ? text.parts.copied : text.share.link}</button>
        {summary ? <button type="button" onClick={() => void copy('summary')}>{copied === 'summary' ? text.parts.copied : text.share.summary}</button> : null}
        {KINDS.map(([kind, type]) => <button key={kind} type="button" onClick={() => void save(kind, type)}>{names[kind]}</button>)}
        <span class="unseen" role="status">{copied ? text.parts.copied : ''}</span>
      </p>
      {link ? <textarea readOnly rows={Math.min(8, link.split('\n').length)} value={link} aria-label={text.share.link} onFocus={(event) => event.currentTarget.select()} /> : null}
      <p class="help">{text.share.help}</p>
      {fault ? <p class="wrong" role="alert"><Reason error={fault} /></p> : null}
    </section>
  );
}
