// What a reader chose once and keeps: language and light or dark. Kept in the browser; `lang` in the address wins, so that a link
// shows the friend what the sender saw.

import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { en, type Text } from '../text/en';
import { zh } from '../text/zh';

export type Language = 'en' | 'zh';
export type Theme = 'auto' | 'light' | 'dark';

export interface Settings {
  language: Language;
  theme: Theme;
  text: Text;
  setLanguage(language: Language): void;
  setTheme(theme: Theme): void;
}

const SettingsContext = createContext<Settings | null>(null);
export const SettingsProvider = SettingsContext.Provider;

export function useSettings(): Settings {
  const settings = useContext(SettingsContext);
  if (!settings) throw new Error('outside the shell');
  return settings;
}
export const useText = (): Text => useSettings().text;

const tables: Record<Language, Text> = { en, zh };

function read(name: string): string | null {
  try { return localStorage.getItem(name); } catch { return null; }
}
function keep(name: string, value: string): void {
  try { localStorage.setItem(name, value); } catch { /* private windows forget; nothing else is lost */ }
}

// A link's language holds for as long as its tab is open, wherever one goes from there.
const tab = {
  get: (): string | null => { try { return sessionStorage.getItem('language'); } catch { return null; } },
  set: (language: string): void => { try { sessionStorage.setItem('language', language); } catch { /* as above */ } },
};

function firstLanguage(): Language {
  const linked = new URLSearchParams(location.search).get('lang');
  if (linked) tab.set(linked);
  const wanted = tab.get() ?? linked ?? read('language') ?? navigator.language;
  return wanted.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function useStoredSettings(): Settings {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [theme, setTheme] = useState<Theme>(() => (read('theme') as Theme | null) ?? 'auto');
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  useEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return {
    language,
    theme,
    text: tables[language],
    setLanguage(next) { keep('language', next); tab.set(next); setLanguage(next); },
    setTheme(next) { keep('theme', next); setTheme(next); },
  };
}
