// On a phone a link that holds a whole question opens on its answer: the form is folded into one line above it. On wide screens it always
// stands beside; on paper it is always the line.

import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { useText } from '../shell/settings';

interface AskedProps { words: ComponentChildren; told: boolean; open: boolean; children: VNode }

// `told`: the question is whole; `open`: something in it has to be seen.
export function Asked({ words, told, open, children }: AskedProps): VNode {
  const text = useText();
  const [folded, setFolded] = useState(() => told && matchMedia('(max-width: 60rem)').matches);
  return (
    <>
      {told ? <p class="printed">{words}</p> : null}
      {!folded || open ? children : (
        <div class="asked">
          <p>{words}</p>
          <button type="button" onClick={() => setFolded(false)}>{text.plan.answerAt}</button>
        </div>
      )}
    </>
  );
}
