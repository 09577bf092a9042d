// Long work: a job is started once, its news are asked for by bounded waits, and it is dropped when the view is left.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError, Job } from './answers';
import { useSettings } from '../shell/settings';
import { ask } from './client';

export interface Followed<T> { answer: T | null; job: Job | null; error: ApiError | null; cancel(): void; again(): void }

// `verb` empty: nothing is started.
export function useJob<T>(verb: string, request: Record<string, unknown> = {}): Followed<T> {
  const { language } = useSettings();
  const [job, setJob] = useState<Job | null>(null);
  const [fault, setFault] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const id = useRef('');
  const key = verb + language + JSON.stringify(request);
  useEffect(() => {
    setFault(null);
    setJob(null);
    if (!verb) return;
    const control = new AbortController();
    const drop = (job: string) => void ask(`jobs/${job}`, undefined, undefined, 'DELETE');
    const follow = async () => {
      let asked = await ask<Job>(`jobs?lang=${language}`, { verb, request: { ...request, lang: language } });   // not given up half way: a job whose name nobody learned could not be stopped
      if (control.signal.aborted) {
        if (asked.ok) drop(asked.answer.id);
        return;
      }
      while (asked.ok && asked.answer.state === 'running') {
        id.current = asked.answer.id;
        setJob(asked.answer);
        asked = await ask<Job>(`jobs/${asked.answer.id}?after=${asked.answer.sequence}&wait=10&lang=${language}`, undefined, control.signal);
      }
      id.current = '';
      if (asked.ok) setJob(asked.answer);
      else setFault(asked.error);
    };
    follow().catch(() => { /* the view was left */ });
    return () => {
      control.abort();
      if (id.current) drop(id.current);
      id.current = '';
    };
  }, [key, round]);
  return {
    answer: job?.state === 'done' ? (job.answer as T) : null, job, error: fault ?? job?.error ?? null,
    cancel: () => { if (id.current) void ask(`jobs/${id.current}`, undefined, undefined, 'DELETE'); },
    again: () => setRound((n) => n + 1),
  };
}
