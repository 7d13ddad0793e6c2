// What a page shows of the server: asked when it is shown, again as often as wanted, and kept while it is asked again
// so that nothing flickers.
import { useCallback, useEffect, useRef, useState } from 'react';

export interface Query<T> {
  data?: T;
  problem?: unknown;
  loading: boolean;
  reload: () => void;
}

export const useQuery = <T,>(load: () => Promise<T>, key: string, everyMs?: number): Query<T> => {
  const [state, setState] = useState<{ key: string; data?: T; problem?: unknown; loading: boolean }>({ key, loading: true });
  const loader = useRef(load);
  loader.current = load;
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const once = async () => {
      try {
        const data = await loader.current();
        if (!over) setState({ key, data, loading: false });
      } catch (problem) {
        if (!over) setState((before) => ({ key, data: before.key === key ? before.data : undefined, problem, loading: false }));
      }
      // The next one begins when this one is done, and not while nobody looks.
      if (!over && everyMs) timer = setTimeout(() => (document.hidden ? wait() : once()), everyMs);
    };
    const wait = () => {
      timer = setTimeout(() => (document.hidden ? wait() : once()), 1000);
    };
    setState((before) => (before.key === key ? { ...before, loading: true } : { key, loading: true }));
    void once();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [key, turn, everyMs]);
  const reload = useCallback(() => setTurn((turn) => turn + 1), []);
  return { data: state.data, problem: state.problem, loading: state.loading, reload };
};
