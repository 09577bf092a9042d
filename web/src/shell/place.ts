// The Place: which view is open and with what settings. It lives in the address and nowhere else, so that every view is a link.

import { createContext } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';

export interface Place {
  view: string;
  params: URLSearchParams;
  // Sets or (with '' or null) removes settings; `keep` replaces the history entry, as typing does.
  set(changes: Record<string, string | null>, keep?: boolean): void;
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
export function href(view: string, settings: Record<string, string | number | null | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) if (value != null && value !== '') params.append(name, String(value));
  const query = params.toString();
  return '/' + view + (query ? '?' + query : '');
}

export function useAddress(first: string): Place {
  const [address, setAddress] = useState(() => location.pathname + location.search);
  useEffect(() => {
    const back = () => setAddress(location.pathname + location.search);
    addEventListener('popstate', back);
    return () => removeEventListener('popstate', back);
  }, []);
  return useMemo(() => {
    const url = new URL(address, location.origin);
    const view = url.pathname.slice(1) || first;
    const move = (next: string, keep: boolean) => {
      if (next === address) return;
      if (keep) history.replaceState(null, '', next);
      else history.pushState(null, '', next);
      setAddress(next);
    };
    return {
      view,
      params: url.searchParams,
      set(changes, keep = false) {
        const now = new URL(location.href);
        for (const [name, value] of Object.entries(changes)) {
          if (value == null || value === '') now.searchParams.delete(name);
          else now.searchParams.set(name, value);
        }
        move('/' + view + now.search, keep);
      },
      go(next) {
        move(next, false);
        scrollTo(0, 0);
      },
    };
  }, [address, first]);
}
