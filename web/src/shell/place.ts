// The Place: which view is open and with what settings. It lives in the address and nowhere else, so that every view is a link.

import { createContext } from 'preact';
import { useContext, useEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface Place {
  view: string;
  params: URLSearchParams;
  // Sets or (with '' or null) removes settings, a list as one of the name each; `keep`: one of a row of changes, as typing makes.
  set(changes: Record<string, string | string[] | null>, keep?: boolean): void;
  go(href: string): void;
}

const PlaceContext = createContext<Place | null>(null);
export const PlaceProvider = PlaceContext.Provider;

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (!place) throw new Error('outside the shell');
  return place;
}

// A link to a view with settings; settings that are empty are left out.
export function href(view: string, settings: Record<string, string | number | string[] | null | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) for (const one of Array.isArray(value) ? value : [value]) if (one != null && one !== '') params.append(name, String(one));
  const query = params.toString();
  return '/' + view + (query ? '?' + query : '');
}

// Typing makes one step of the history, not one per key: what was there before a pause can be gone back to.
const PAUSE = 3000;

// Where each step was scrolled to. An answer comes after its address, and what stood before may be long enough to scroll, too: going back looks again
// until the page waits for nothing, or somebody moves it himself.
const MOVES = ['wheel', 'touchmove', 'pointerdown', 'keydown'];
let restoring = false;
const leaveRestoring = () => { restoring = false; };
function keepScroll(): void {
  if (!restoring) history.replaceState({ ...(history.state as object | null), scroll: scrollY }, '');
}
function restoreScroll(): void {
  const wanted = (history.state as { scroll?: number } | null)?.scroll ?? 0, end = Date.now() + 10000;
  if (wanted === 0) return scrollTo(0, 0);
  let still = 0;   // looks in turn at which nothing had to be done
  restoring = true;
  const look = () => {
    if (!restoring) return;
    const page = document.documentElement, long = page.scrollHeight - innerHeight >= wanted;
    still = long && scrollY === wanted && !document.querySelector('.waiting, [aria-busy="true"]') ? still + 1 : 0;
    if (long && scrollY !== wanted) scrollTo(0, wanted);
    if (still > 10 || Date.now() > end) restoring = false;
    else setTimeout(look, 50);
  };
  setTimeout(look, 0);
}

export function useAddress(first: string): Place {
  const [address, setAddress] = useState(() => location.pathname + location.search);
  const typedAt = useRef(0);
  useEffect(() => {
    history.scrollRestoration = 'manual';
    let timer = 0;
    const back = () => { setAddress(location.pathname + location.search); restoreScroll(); };
    const scrolled = () => { clearTimeout(timer); timer = window.setTimeout(keepScroll, 150); };
    addEventListener('popstate', back);
    addEventListener('scroll', scrolled, { passive: true });
    for (const move of MOVES) addEventListener(move, leaveRestoring, { passive: true });
    restoreScroll();
    return () => {
      removeEventListener('popstate', back);
      removeEventListener('scroll', scrolled);
      for (const move of MOVES) removeEventListener(move, leaveRestoring);
    };
  }, []);
  return useMemo(() => {
    const url = new URL(address, location.origin);
    const view = url.pathname.slice(1) || first;
    const move = (next: string, keep: boolean) => {
      if (next === address) return;
      if (keep) history.replaceState(history.state, '', next);
      else {
        restoring = false;
        keepScroll();
        history.pushState(null, '', next);
      }
      setAddress(next);
    };
    return {
      view,
      params: url.searchParams,
      set(changes, keep = false) {
        const now = new URL(location.href);
        for (const [name, value] of Object.entries(changes)) {
          now.searchParams.delete(name);
          for (const one of Array.isArray(value) ? value : [value]) if (one != null && one !== '') now.searchParams.append(name, one);
        }
        const goesOn = keep && Date.now() - typedAt.current < PAUSE;
        if (keep) typedAt.current = Date.now();
        move('/' + view + now.search, goesOn);
      },
      go(next) {
        move(next, false);
        scrollTo(0, 0);
      },
    };
  }, [address, first]);
}
