// Lists that are read a page at a time.
import { useState } from 'react';
import { useQuery } from './query';

interface Page<T> {
  items: T[];
  next?: string | null;
}

export const usePages = <T,>(load: (cursor?: string) => Promise<Page<T>>, key: string) => {
  const query = useQuery(() => load(), key);
  const [further, setFurther] = useState<Page<T> & { of?: Page<T> }>({ items: [] });
  // What was read after another first page belongs to that one.
  const rest = further.of === query.data ? further : undefined;
  const items = query.data && [...query.data.items, ...(rest?.items ?? [])];
  const next = rest ? rest.next : query.data?.next;
  const more = async () => {
    const of = query.data;
    const page = await load(next ?? undefined);
    setFurther((before) => ({ of, items: [...(before.of === of ? before.items : []), ...page.items], next: page.next }));
  };
  return { query: { ...query, data: items }, next, more: () => void more() };
};
