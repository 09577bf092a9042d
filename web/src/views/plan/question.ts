// The question of this view as the address holds it, and as the API takes it.

import type { PlanRequest } from '../../api/answers';

export interface Question {
  model: string; rig: string; engine: string; backend: string; context: string; flags: string; prompt: string; depth: string; streams: string; engineDate: string;
  objective: string;   // what the placement is chosen for; '': writing
  split: string; offload: string;
  own: string;   // '0': without the user's own measurements
}

// Short names: these links are sent to friends.
export const NAMES: Record<keyof Question, string> = {
  model: 'm', rig: 'on', engine: 'e', backend: 'b', context: 'c', flags: 'f', prompt: 'p', depth: 'd', streams: 'n', engineDate: 'as', objective: 'for', split: 'split', offload: 'offload', own: 'own',
};

export function readQuestion(params: URLSearchParams): Question {
  const question = {} as Question;
  for (const [field, name] of Object.entries(NAMES)) question[field as keyof Question] = params.get(name) ?? '';
  return question;
}

// The switches are words for the engine's own flags, so that one rule says what they do. Engines with other flags offer none.
const SPLITS: Record<string, string> = { layer: '-sm layer', none: '-sm none', tensor: '-sm tensor', row: '-sm row' };
const OFFERED: Record<string, string[]> = { '': ['layer', 'none', 'tensor'], 'llama.cpp': ['layer', 'none', 'tensor'], 'ik_llama.cpp': ['layer', 'none'] };   // rows ended; links that ask for them are still answered
const OFFLOADS: Record<string, string> = { experts: '--cpu-moe', none: '-ngl all', cpu: '-ngl 0' };
const takesLlamaFlags = (engine: string) => engine === '' || engine === 'llama.cpp' || engine === 'ik_llama.cpp';

export const splits = (engine: string): string[] => OFFERED[engine] ?? [];
export const offloads = (engine: string): string[] => (takesLlamaFlags(engine) ? Object.keys(OFFLOADS) : []);

export function flagsOf(question: Question): string {
  const own = takesLlamaFlags(question.engine) ? [SPLITS[question.split], OFFLOADS[question.offload]] : [];
  return [...own, question.flags.trim()].filter(Boolean).join(' ');
}

// The same question for compare, whose flags are those the switches stand for.
export function compareSettings(question: Question): Record<string, string> {
  return { m: question.model, on: question.rig, ...sharedSettings({ ...question, flags: flagsOf(question) }) };
}
// What both views ask alike, under the names of the address.
const SHARED = ['engine', 'backend', 'context', 'flags', 'prompt', 'depth', 'streams', 'engineDate', 'objective', 'own'] as const;
export function sharedSettings(question: Question): Record<string, string> {
  return Object.fromEntries(SHARED.map((field) => [NAMES[field], question[field]]));
}

export const OBJECTIVES = ['decode', 'prefill', 'context', 'throughput'] as const;
type Objective = (typeof OBJECTIVES)[number];
export const isObjective = (name: string): name is Objective => (OBJECTIVES as readonly string[]).includes(name);

export function request(question: Question, lang: string): PlanRequest {
  const asked: PlanRequest = { model: question.model, rig: question.rig, ...sharedRequest(question, lang) };
  if (question.engine) asked.engine = question.engine;
  return asked;
}

// What plan and compare are asked alike; the engine is a list there.
export function sharedRequest(question: Question, lang: string): Omit<PlanRequest, 'model' | 'rig' | 'engine'> {
  const asked: Omit<PlanRequest, 'model' | 'rig' | 'engine'> = { lang: lang as PlanRequest['lang'] };
  const flags = flagsOf(question);
  if (question.backend) asked.backend = question.backend;
  if (flags) asked.flags = flags;
  if (question.context.trim()) asked.context = question.context.trim();
  if (question.prompt.trim()) asked.prompt = question.prompt.trim();
  if (question.depth.trim()) asked.depth = question.depth.trim();
  if (question.streams.trim()) asked.sequences = question.streams.trim();
  if (question.engineDate.trim()) asked.engine_date = question.engineDate.trim();
  if (isObjective(question.objective)) asked.for = question.objective;
  if (question.own === '0') asked.own = false;
  return asked;
}
