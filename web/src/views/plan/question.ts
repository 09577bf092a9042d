// The question of this view as the address holds it, and as the API takes it.

import type { PlanRequest } from '../../api/answers';
import { tokensOf } from '../../parts/context-field';
import type { Names } from '../../api/names';
import { joinModel, splitModel, takesQuant } from '../../parts/model-field';
import type { Text } from '../../text/en';

export interface Question {
  model: string; rig: string; engine: string; backend: string; context: string; flags: string; prompt: string; depth: string; streams: string; acceptance: string; engineDate: string;
  objective: string;   // what the placement is chosen for; '': writing
  split: string; offload: string; kv: string; ubatch: string;   // switches that stand for flags of the engine
  atLeast: string;   // token/s that each stream must be written with
  own: string;   // '0': without the user's own measurements
}

// Short names: these links are sent to friends.
export const NAMES: Record<keyof Question, string> = {
  model: 'm', rig: 'on', engine: 'e', backend: 'b', context: 'c', flags: 'f', prompt: 'p', depth: 'd', streams: 'n', acceptance: 'accept', engineDate: 'as', objective: 'for', split: 'split', offload: 'offload', kv: 'kv', ubatch: 'ub', atLeast: 'least', own: 'own',
};

// Changes of a question under the names of the address.
export const named = (changes: Partial<Question>): Record<string, string> => Object.fromEntries(Object.entries(changes).map(([field, value]) => [NAMES[field as keyof Question], value]));

export function readQuestion(params: URLSearchParams): Question {
  const question = {} as Question;
  for (const [field, name] of Object.entries(NAMES)) question[field as keyof Question] = params.get(name) ?? '';
  return question;
}

// The choice to name no engine, with those that were taken then.
export function usualEngine(text: Text, taken: string[], names: Names): string {
  const called = taken.map((key) => names.engines.find((one) => one.key === key)?.name ?? key);
  return text.plan.usualEngine + (called.length ? ` (${called.join(', ')})` : '');
}

// The engine that flags and switches are of: the one that is named, or was taken where none is.
export const engineOf = (question: Question, taken?: string): string => question.engine || taken || 'llama.cpp';

// The switches are words for the engine's own flags, so that one rule says what they do. Engines with other flags offer none.
const SPLITS: Record<string, string> = { layer: '-sm layer', none: '-sm none', tensor: '-sm tensor', row: '-sm row' };
const OFFERED: Record<string, string[]> = { '': ['layer', 'none', 'tensor'], 'llama.cpp': ['layer', 'none', 'tensor'], 'ik_llama.cpp': ['layer', 'none'] };   // rows ended; links that ask for them are still answered
const OFFLOADS: Record<string, string> = { experts: '--cpu-moe', none: '-ngl all', cpu: '-ngl 0' };
const takesLlamaFlags = (engine: string) => engine === '' || engine === 'llama.cpp' || engine === 'ik_llama.cpp';

export const splits = (engine: string): string[] => OFFERED[engine] ?? [];
export const offloads = (engine: string): string[] => (takesLlamaFlags(engine) ? Object.keys(OFFLOADS) : []);

// The number format of the cache, in each engine's own words.
const llamaCache = (type: string): [string, string] => [type, `-ctk ${type} -ctv ${type}`];
const CACHES: Record<string, Record<string, string>> = {
  'llama.cpp': Object.fromEntries(['bf16', 'q8_0', 'q5_1', 'q4_0'].map(llamaCache)),
  'ik_llama.cpp': Object.fromEntries(['bf16', 'q8_0', 'q4_0'].map(llamaCache)),
  ollama: { q8_0: 'OLLAMA_KV_CACHE_TYPE=q8_0', q4_0: 'OLLAMA_KV_CACHE_TYPE=q4_0' },
  vllm: { fp8: '--kv-cache-dtype fp8', fp8_e5m2: '--kv-cache-dtype fp8_e5m2' },
  sglang: { fp8_e4m3: '--kv-cache-dtype fp8_e4m3', fp8_e5m2: '--kv-cache-dtype fp8_e5m2' },
  exllamav2: { q8: '--cache-mode Q8', q6: '--cache-mode Q6', q4: '--cache-mode Q4' },
};
const caches = (engine: string): Record<string, string> => CACHES[engine || 'llama.cpp'] ?? {};
export const cacheTypes = (engine: string): string[] => Object.keys(caches(engine));
export const takesUbatch = takesLlamaFlags;
export const NO_SWITCHES = { split: '', offload: '', kv: '', ubatch: '' };

export function flagsOf(question: Question): string {
  const own = takesLlamaFlags(question.engine) ? [SPLITS[question.split], OFFLOADS[question.offload]] : [];
  const ubatch = question.ubatch.trim();
  return [...own, caches(question.engine)[question.kv], takesUbatch(question.engine) && ubatch ? `-ub ${ubatch}` : '', question.flags.trim()].filter(Boolean).join(' ');
}

// Flags as the switches that stand for them, and what no switch says.
export function switchesOf(engine: string, flags: string): Pick<Question, 'split' | 'offload' | 'kv' | 'ubatch' | 'flags'> {
  const found = { ...NO_SWITCHES };
  let rest = ` ${flags.trim().replace(/\s+/g, ' ')} `;
  const lift = (name: 'split' | 'offload' | 'kv', offered: string[], words: Record<string, string>) => {
    for (const one of offered) if (!found[name] && rest.includes(` ${words[one]} `)) {
      found[name] = one;
      rest = rest.replace(` ${words[one]} `, ' ');
    }
  };
  lift('split', splits(engine), SPLITS);
  lift('offload', offloads(engine), OFFLOADS);
  lift('kv', cacheTypes(engine), caches(engine));
  if (takesUbatch(engine)) rest = rest.replace(/ -ub (\d+) /, (_, size: string) => { found.ubatch = size; return ' '; });
  return { ...found, flags: rest.trim() };
}

// The words of a command line, as a shell takes them apart.
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g)].map(([word]) => word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, one?: string) => double?.replace(/\\(.)/g, '$1') ?? single ?? one ?? ''));
}

const OPTIONS: Record<string, keyof Question> = {
  '--engine': 'engine', '-e': 'engine', '--backend': 'backend', '-b': 'backend', '--flags': 'flags', '-f': 'flags', '--context': 'context', '-c': 'context', '--prompt': 'prompt', '-p': 'prompt',
  '--depth': 'depth', '-d': 'depth', '--sequences': 'streams', '-n': 'streams', '--acceptance': 'acceptance', '--engine-date': 'engineDate', '--for': 'objective', '--at-least': 'atLeast',
};

// What "rigcast plan MODEL --on RIG ..." asks, as changes to the question it was suggested for: it says all of the question, so that what it
// does not name is as by default. A dropped file has a name of its own there and keeps the one it has here.
export function suggested(command: string, question: Question): Partial<Question> {
  const words = wordsOf(command), model = words[2] ?? '';
  const next: Partial<Question> = Object.fromEntries(Object.values(OPTIONS).map((field) => [field, '']));
  for (let i = 3; i < words.length; ++i) {
    const field = OPTIONS[words[i]!];
    if (field) next[field] = words[++i] ?? '';
  }
  if (next.objective === 'decode') next.objective = '';
  const tokens = Number(next.context);
  if (next.context) next.context = tokensOf(question.context) === tokens ? question.context : tokens % 1024 === 0 ? tokens / 1024 + 'k' : next.context;
  const [name] = splitModel(question.model), [, wanted] = splitModel(model);
  return { ...next, ...switchesOf(next.engine ?? '', next.flags ?? ''), model: takesQuant(question.model) ? joinModel(name, wanted) : question.model };
}

// The same question for compare.
export function compareSettings(question: Question): Record<string, string> {
  return { m: question.model, on: question.rig, ...sharedSettings(question) };
}
// What both views ask alike, under the names of the address.
const SHARED = ['engine', 'backend', 'context', 'flags', 'prompt', 'depth', 'streams', 'acceptance', 'engineDate', 'objective', 'split', 'offload', 'kv', 'ubatch', 'atLeast', 'own'] as const;
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
  if (question.acceptance.trim()) asked.acceptance = question.acceptance.trim();
  if (question.engineDate.trim()) asked.engine_date = question.engineDate.trim();
  if (isObjective(question.objective)) asked.for = question.objective;
  if (question.atLeast.trim()) asked.at_least = question.atLeast.trim();
  if (question.own === '0') asked.own = false;
  return asked;
}
