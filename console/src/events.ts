// Live events: read by fetch, since a token has no place in the browser's own reader; gone on with after a break.
import { useEffect, useRef } from 'react';
import { bearer, type Shape } from './client';

export type Happened = Shape['EventRecord'];

/** Follows events of some kinds as long as the page is shown. */
export const useEvents = (kinds: string, hear: (event: Happened) => void) => {
  const hearer = useRef(hear);
  hearer.current = hear;
  useEffect(() => {
    const end = new AbortController();
    let last: string | undefined;
    const follow = async () => {
      const headers = { ...bearer(), ...(last ? { 'Last-Event-ID': last } : {}) };
      const answer = await fetch(`/v1/events?kinds=${kinds}`, { headers, signal: end.signal, credentials: 'same-origin' });
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let held = ''; ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        held += value;
        const whole = held.split('\n\n');
        held = whole.pop() ?? '';
        for (const block of whole) {
          const field = (name: string) =>
            block.split('\n').filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart()).join('\n');
          last = field('id') || last;
          const data = field('data');
          if (data) hearer.current(JSON.parse(data) as Happened);
        }
      }
    };
    const on = async () => {
      for (let wait = 1000; !end.signal.aborted; ) {
        const begun = Date.now();
        await follow().catch(() => undefined);
        // Who is refused again and again asks more and more rarely.
        wait = Date.now() - begun > 30_000 ? 1000 : Math.min(wait * 2, 30_000);
        await new Promise((go) => setTimeout(go, wait));
      }
    };
    void on();
    return () => end.abort();
  }, [kinds]);
};
