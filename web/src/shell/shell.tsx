// The Shell: header, navigation, the open view, footer; catches plain clicks on links so that views change without loading.

import type { VNode } from 'preact';
import { useEffect, useErrorBoundary, useRef } from 'preact/hooks';
import { shownModel } from '../parts/model-field';
import { PlaceProvider, useAddress } from './place';
import { SettingsProvider, useStoredSettings, useText, type Theme } from './settings';
import { views } from './view';

export function Shell(): VNode {
  const settings = useStoredSettings();
  const place = useAddress(views[0]!.id);
  const { text } = settings;
  const open = views.find((view) => view.id === place.view);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(place.view);
  const nav = useRef<HTMLElement>(null);

  useEffect(() => {
    const about = [...place.params.getAll('m').map(shownModel), ...place.params.getAll('on'), place.params.get('name') ?? ''].filter(Boolean);   // tabs are told apart
    document.title = [about.slice(0, 3).join(', ') + (about.length > 3 ? '\u2026' : ''), open?.title(text) ?? '', 'rigcast'].filter(Boolean).join(' \u00b7 ');
    if (shown.current !== place.view) main.current?.focus({ preventScroll: true });
    shown.current = place.view;
    const link = nav.current?.querySelector<HTMLElement>('[aria-current]'), list = link?.closest('ul');
    if (link && list) list.scrollLeft = link.offsetLeft - list.offsetLeft - (list.clientWidth - link.clientWidth) / 2;   // on a phone not all fit
  }, [place.view, place.params, text]);

  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest('a');
    const target = link?.getAttribute('href');
    if (!link || !target?.startsWith('/') || target.startsWith('/api/') || link.hasAttribute('download') || link.target) return;
    event.preventDefault();
    place.go(target);
  };

  return (
    <SettingsProvider value={settings}>
      <PlaceProvider value={place}>
        <div class="shell" onClick={follow}>
          <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{text.shell.skip}</a>
          <header class="top">
            <a class="brand" href="/" aria-label={text.shell.home}><Mark />rigcast</a>
            <nav ref={nav} aria-label={text.shell.navigation}>
              <ul>
                {views.map((view) => (
                  <li key={view.id}>
                    <a href={'/' + view.id} aria-current={view === open ? 'page' : undefined}>{view.title(text)}</a>
                  </li>
                ))}
              </ul>
            </nav>
            <div class="preferences">
              <button type="button" class="quiet" lang={settings.language === 'en' ? 'zh-CN' : 'en'}
                onClick={() => { settings.setLanguage(settings.language === 'en' ? 'zh' : 'en'); place.set({ lang: null }, true); }}>
                {settings.language === 'en' ? '\u4e2d\u6587' : 'English'}
              </button>
              <label class="quiet">
                <span class="unseen">{text.shell.theme}</span>
                <select value={settings.theme} onChange={(event) => settings.setTheme(event.currentTarget.value as Theme)}>
                  <option value="auto">{text.shell.themeAuto}</option>
                  <option value="light">{text.shell.themeLight}</option>
                  <option value="dark">{text.shell.themeDark}</option>
                </select>
              </label>
            </div>
          </header>
          <main id="main" ref={main} tabIndex={-1}>
            {open ? <Guarded key={open.id}><open.component /></Guarded> : (
              <section class="empty">
                <h1>{text.shell.noView}</h1>
                <p><a href="/">{text.shell.home}</a></p>
              </section>
            )}
          </main>
          <footer class="bottom">
            <p>{text.shell.promise}</p>
            <p><a href="/api/openapi.json">{text.shell.api}</a></p>
          </footer>
        </div>
      </PlaceProvider>
    </SettingsProvider>
  );
}

// A fault in one view leaves the shell standing and says so.
function Guarded({ children }: { children: VNode }): VNode {
  const text = useText();
  const [fault, reset] = useErrorBoundary();
  if (!fault) return children;
  return (
    <section class="empty" role="alert">
      <h1>{text.shell.broke}</h1>
      <pre>{String(fault)}</pre>
      <button type="button" onClick={reset}>{text.state.again}</button>
    </section>
  );
}

function Mark(): VNode {
  return (
    <svg class="mark" viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <rect width="16" height="16" rx="3" />
      <path d="M3 12V8m3.3 4V5m3.4 7V7M13 12V3" />
    </svg>
  );
}
