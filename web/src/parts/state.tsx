// The three states beside "here it is": under way, nothing there, and went wrong. Designed once, used by every view.

import type { ComponentChildren, VNode } from 'preact';
import type { ApiError } from '../api/answers';
import { useText } from '../shell/settings';
import { Reason } from './field';

// `view`: all of a view is waited for, and what stands below it must not jump when it comes.
export function Waiting({ lines = 4, view }: { lines?: number; view?: boolean }): VNode {
  const text = useText();
  return (
    <div class={view ? 'waiting view' : 'waiting'} role="status">
      <span class="late">{text.state.waiting}</span>
      {Array.from({ length: lines }, (_, i) => <i key={i} style={{ width: `${92 - ((i * 37) % 45)}%` }} />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return <section class="empty"><h2>{title}</h2>{children}</section>;
}

// `kept`: the answer before is still in sight below.
export function Failed({ error, again, take, kept }: { error: ApiError; again?: () => void; take?: (nearest: string) => void; kept?: boolean }): VNode {
  const text = useText();
  if (kept) return <p class="failed brief" role="alert"><b>{text.state.failed}</b>: <Reason error={error} take={take} /> <span>{text.state.kept}</span> {error.kind === 'unreachable' && again ? <button type="button" onClick={again}>{text.state.again}</button> : null}</p>;
  return (
    <section class="failed" role="alert">
      <h2>{text.state.failed}</h2>
      <p><Reason error={error} take={take} /></p>
      {again ? <button type="button" onClick={again}>{text.state.again}</button> : null}
    </section>
  );
}
