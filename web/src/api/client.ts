// Asking the API: JSON in, JSON or an ApiError out, never an exception for what a user can cause.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from './answers';

export type Asked<T> = { ok: true; answer: T } | { ok: false; error: ApiError };

const unreachable: ApiError = { field: '', reason: '', nearest: '', kind: 'unreachable' };

async function read<T>(response: Response): Promise<Asked<T>> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as unknown;
    return response.ok ? { ok: true, answer: body as T } : { ok: false, error: body as ApiError };
  } catch {
    return { ok: false, error: { ...unreachable, reason: `${response.status} ${response.statusText}` } };
  }
}

export async function ask<T>(path: string, body?: unknown, signal?: AbortSignal, method = body === undefined ? 'GET' : 'POST'): Promise<Asked<T>> {
  try {
    const raw = body instanceof Blob;
    const response = await fetch('/api/' + path, {
      method,
      signal,
      headers: body === undefined ? {} : { 'content-type': raw ? 'application/octet-stream' : 'application/json' },
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
    });
    return await read<T>(response);
  } catch (fault) {
    if ((fault as Error).name === 'AbortError') throw fault;
    return { ok: false, error: unreachable };
  }
}

export interface Question { path: string; body?: unknown }

// What a view shows of an answer: the last one there was, whether a newer one is on its way, and the fault if the newest question failed;
// then `answer` is that of the question before.
export interface Answered<T> { answer: T | null; error: ApiError | null; waiting: boolean; again(): void }

// Asks whenever the question changes (null asks nothing); an older question still under way is dropped, and the last answer stays
// in sight while the next one is fetched and where there is none: half a word typed must not empty the page.
export function useAnswer<T>(question: Question | null, delay = 0): Answered<T> {
  const key = question ? question.path + '\n' + JSON.stringify(question.body ?? null) : '';
  const [state, setState] = useState<{ answer: T | null; error: ApiError | null; waiting: boolean }>({ answer: null, error: null, waiting: question !== null });
  const [round, setRound] = useState(0);
  const path = useRef('');
  useEffect(() => {
    if (!question) {
      setState({ answer: null, error: null, waiting: false });
      return;
    }
    const control = new AbortController();
    const same = path.current === question.path;
    path.current = question.path;
    setState((old) => ({ answer: same ? old.answer : null, error: same ? old.error : null, waiting: true }));
    const timer = setTimeout(() => {
      ask<T>(question.path, question.body, control.signal).then(
        (asked) => setState((old) => (asked.ok ? { answer: asked.answer, error: null, waiting: false } : { answer: old.answer, error: asked.error, waiting: false })),
        () => { /* dropped for a newer question */ },
      );
    }, delay);
    return () => { clearTimeout(timer); control.abort(); };
  }, [key, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}
