import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { useText } from '../shell/settings';

// A line to type, and the button that copies it. Where the clipboard is refused the line is selected instead.
export function Code({ line, label }: { line: string; label: string }): VNode {
  const text = useText();
  const [copied, setCopied] = useState(false);
  const copy = async (event: MouseEvent) => {
    const code = (event.currentTarget as Element).parentElement!.querySelector('code')!;
    try {
      await navigator.clipboard.writeText(line);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      getSelection()?.selectAllChildren(code);
    }
  };
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}><code>{line}</code></pre>
      <button type="button" class="copy" onClick={copy}>{copied ? text.parts.copied : text.parts.copy}</button>
      <span class="unseen" role="status">{copied ? text.parts.copied : ''}</span>
    </div>
  );
}
