// Where the page is: the path of the address bar, and a way to another.
import { useSyncExternalStore } from 'react';

const heard = new Set<() => void>();
const tell = () => heard.forEach((hear) => hear());
window.addEventListener('popstate', tell);

const subscribe = (hear: () => void) => {
  heard.add(hear);
  return () => void heard.delete(hear);
};

/** The path and the query that are shown. */
export const useLocation = () => {
  const at = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const [path = '/', query = ''] = at.split('?');
  return { path, query: new URLSearchParams(query) };
};

export const go = (to: string, how: 'push' | 'replace' = 'push') => {
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  tell();
  if (how === 'push') window.scrollTo(0, 0);
};

/** What stands in the places of a pattern, as `/calls/:attempt`; none where the path is another. */
export const match = (pattern: string, path: string): Record<string, string> | undefined => {
  const [want, have] = [pattern.split('/'), path.replace(/\/$/, '').split('/')];
  if (want.length !== have.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    const there = have[index] ?? '';
    if (part.startsWith(':')) {
      try {
        found[part.slice(1)] = decodeURIComponent(there);
      } catch {
        return undefined;
      }
    } else if (part !== there) return undefined;
  }
  return found;
};
