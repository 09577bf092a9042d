// A context to type or to slide to: the slider has the round numbers between a short chat and the model's longest context.

import type { VNode } from 'preact';
import type { ApiError } from '../api/answers';
import { useText } from '../shell/settings';
import { printTokens } from '../units';
import { TextField } from './field';

const SHORTEST = 1024;

// 1k, 1.5k, 2k, 3k, 4k, 6k ... and the longest itself.
export function stepsTo(longest: number): number[] {
  const steps: number[] = [];
  for (let power = SHORTEST; power < longest; power *= 2) {
    steps.push(power);
    if (power * 1.5 < longest) steps.push(power * 1.5);
  }
  return [...steps, longest];
}

// "32k" or "32768" -> 32768; null for what only the API may judge.
export function tokensOf(text: string): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(k|m)?\s*$/i.exec(text.normalize('NFKC'));   // full-width digits too
  return found ? Math.round(Number(found[1]) * (found[2] ? (found[2].toLowerCase() === 'k' ? 1024 : 1024 * 1024) : 1)) : null;
}

interface ContextFieldProps { value: string; now: number | null; longest: number | null; fits: number | null; error?: ApiError | null; onChange(value: string): void }

// `now`: the context of the answer in sight; `longest`: the model's; `fits`: the longest that fits where it is known.
export function ContextField({ value, now, longest, fits, error, onChange }: ContextFieldProps): VNode {
  const text = useText();
  const steps = stepsTo(longest && longest > SHORTEST ? longest : 131072);
  const tokens = tokensOf(value) ?? now ?? steps[0]!;
  const at = steps.reduce((best, step, i) => (Math.abs(Math.log(step / Math.max(1, tokens))) < Math.abs(Math.log(steps[best]! / Math.max(1, tokens))) ? i : best), 0);
  return (
    <div class="context-field">
      <div class="typed"><TextField label={text.plan.context} value={value} placeholder={now ? printTokens(now) : ''} help={text.plan.contextHelp} error={error} onChange={onChange} /></div>
      <div class="slid"><input type="range" min={0} max={steps.length - 1} step={1} value={at} aria-label={text.plan.contextSlider} aria-valuetext={printTokens(steps[at]!)}
        onInput={(event) => onChange(typed(steps[Number(event.currentTarget.value)]!))} />
      <p class="ends" aria-hidden="true"><span>{printTokens(steps[0]!)}</span>{fits && longest && fits < longest ? <span>{text.plan.fitsTo(printTokens(fits))}</span> : null}<span>{printTokens(steps[steps.length - 1]!)}</span></p></div>
    </div>
  );
}

const typed = (tokens: number): string => (tokens % 1024 === 0 ? tokens / 1024 + 'k' : String(tokens));
