// The three states beside "here it is": under way, nothing there, and went wrong. Designed once, used by every view.

import type { ComponentChildren, VNode } from 'preact';
import type { ApiError } from '../api/answers';
import { useText } from '../shell/settings';
import { Reason } from './field';

export function Waiting({ lines = 4 }: { lines?: number }): VNode {
  const text = useText();
  return (
    <div class="waiting" role="status">
      <span class="unseen">{text.state.waiting}</span>
      {Array.from({ length: lines }, (_, i) => <i key={i} style={{ width: `${92 - ((i * 37) % 45)}%` }} />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return <section class="empty"><h2>{title}</h2>{children}</section>;
}

export function Failed({ error, again, take }: { error: ApiError; again?: () => void; take?: (nearest: string) => void }): VNode {
  const text = useText();
  return (
    <section class="failed" role="alert">
      <h2>{text.state.failed}</h2>
      <p><Reason error={error} take={take} /></p>
      {again ? <button type="button" onClick={again}>{text.state.again}</button> : null}
    </section>
  );
}
