// Taking the answer along: the same reports as --html, --markdown and --json write, made by the program.

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError, Plan, PlanRequest } from '../../api/answers';
import { ask } from '../../api/client';
import { Reason } from '../../parts/field';
import { useText } from '../../shell/settings';

const KINDS = [['html', 'text/html'], ['markdown', 'text/markdown'], ['json', 'application/json']] as const;

export function Share({ plan, request, verb = 'plan' }: { plan: Plan; request: PlanRequest; verb?: string }): VNode {
  const text = useText();
  const [fault, setFault] = useState<ApiError | null>(null);
  const names = { html: text.plan.saveHtml, markdown: text.plan.saveMarkdown, json: text.plan.saveJson };
  const save = async (kind: 'html' | 'markdown' | 'json', type: string) => {
    const asked = await ask<{ text: string }>('report', { verb, format: kind, request });
    if (!asked.ok) return setFault(asked.error);
    setFault(null);
    const url = URL.createObjectURL(new Blob([asked.answer.text], { type }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `rigcast-${plan.model.key}.${kind === 'markdown' ? 'md' : kind}`.replace(/[^\w.-]+/g, '-');
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return (
    <section class="block share">
      <h2>{text.plan.share}</h2>
      <p>{KINDS.map(([kind, type]) => <button key={kind} type="button" onClick={() => void save(kind, type)}>{names[kind]}</button>)}</p>
      {fault ? <p class="wrong" role="alert"><Reason error={fault} /></p> : null}
    </section>
  );
}
