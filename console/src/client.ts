// Asking the server: typed by its description, with problems as something that can be shown.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';
import type { Lang } from './words';

export type Shape = components['schemas'];
export type Told = Shape['Problem'];

/** The least of a password [characters], as the server has it. */
export const LEAST_PASSWORD = 12;
/** The most of one that is given. */
export const MOST_PASSWORD = 128;

/** A token that was typed in; it lives as long as the page. */
let token: string | undefined;
export const useToken = (given: string | undefined) => {
  token = given;
};
/** What shows the server that a change comes from a page of ours; it came with the session. */
let csrf: string | undefined;
export const useCsrf = (given: string | null | undefined) => {
  csrf = given ?? undefined;
};
export const bearer = (): Record<string, string> => (token ? { Authorization: `Bearer ${token}` } : {});
export const hasToken = () => token !== undefined;

const left = new Set<() => void>();
/** Tells when a session is over. */
export const onSignedOut = (hear: () => void) => {
  left.add(hear);
  return () => void left.delete(hear);
};

export const signedOut = () => left.forEach((hear) => hear());

/** What went wrong. */
export class Problem extends Error {
  constructor(readonly told: Partial<Told> & { status: number }) {
    super(told.code ?? String(told.status));
  }
}

/** Has somebody sign in once more, and tells whether they did. */
let again: (() => Promise<boolean>) | undefined;
/** Tells when the server wants that, before what weighs most. */
export const onAgain = (ask: () => Promise<boolean>) => {
  again = ask;
  return () => {
    again = undefined;
  };
};

/** Sends a request; where it wants a sign-in of late first, once more after it. */
const sent = async (request: Request): Promise<Response> => {
  const twin = request.method === 'GET' ? undefined : request.clone();
  const answer = await fetch(request);
  if (answer.status !== 403 || !twin || !again) return answer;
  const told = (await answer.clone().json().catch(() => ({}))) as Partial<Told>;
  if (told.code !== 'sign_in_again' || !(await again())) return answer;
  if (csrf) twin.headers.set('X-Waihu-Csrf', csrf);
  return fetch(twin);
};

export const client = createClient<paths>({ baseUrl: '/', credentials: 'same-origin', fetch: sent });
client.use({
  onRequest({ request }) {
    if (token) request.headers.set('Authorization', `Bearer ${token}`);
    // Pages of others do not know it, and so change nothing in somebody's name.
    if (csrf && request.method !== 'GET') request.headers.set('X-Waihu-Csrf', csrf);
    return request;
  },
  onResponse({ response, request }) {
    // There a wrong password or code is refused, and nobody's session is over.
    if (response.status === 401 && !/\/v1\/session(\/password|\/second-factor\/remove)?$/.test(new URL(request.url).pathname)) signedOut();
  },
});

type Answered<T> = { data?: T; error?: unknown; response: Response };

/** What was answered, or the problem. */
export const ask = async <T>(asked: Promise<Answered<T>>): Promise<T> => {
  let answer: Answered<T>;
  try {
    answer = await asked;
  } catch {
    throw new Problem({ status: 0 });
  }
  if (answer.response.ok) return answer.data as T;
  const told = typeof answer.error === 'object' && answer.error ? (answer.error as Partial<Told>) : {};
  throw new Problem({ ...told, status: answer.response.status });
};

/** Hands a file of the server over: straight from it, as it comes; a token can only go with a whole one. */
export const fetchFile = async (path: string, name: string): Promise<void> => {
  if (token) {
    const answer = await fetch(path, { headers: bearer() });
    if (!answer.ok) throw new Problem({ ...((await answer.json().catch(() => ({}))) as object), status: answer.status });
    handOver(await answer.blob(), name);
    return;
  }
  const link = document.createElement('a');
  link.href = path;
  link.download = name;
  link.click();
};

/** Hands a file over that is asked for by a body, which others do not log as they do an address. */
export const fetchPosted = async (path: string, body: object, name: string): Promise<void> => {
  const headers = { 'Content-Type': 'application/json', ...bearer(), ...(csrf ? { 'X-Waihu-Csrf': csrf } : {}) };
  const asked = sent(new Request(path, { method: 'POST', headers, body: JSON.stringify(body), credentials: 'same-origin' }));
  const answer = await asked.catch(() => {
    throw new Problem({ status: 0 });
  });
  if (answer.status === 401) signedOut();
  if (!answer.ok) throw new Problem({ ...((await answer.json().catch(() => ({}))) as object), status: answer.status });
  handOver(await answer.blob(), name);
};

/** Hands something over as a file. */
export const handOver = (content: Blob, name: string) => {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};

const CJK = /[\u3000-\u9fff\uff00-\uffef]/;

/** The part of a text in both languages, English first, that a reader wants. */
export const part = (text: string, lang: Lang): string => {
  const at = text.search(CJK);
  if (at < 0) return text;
  const [head, tail] = [text.slice(0, at).trim(), text.slice(at).trim()];
  if (lang === 'zh' || !head) return tail;
  // What follows both is a value that belongs to either: `… cannot be read 无法读取: VALUE`.
  const value = /: ?([^:\u3000-\u9fff]+)$/.exec(tail)?.[1];
  return value ? `${head}: ${value}` : head;
};

const NETWORK = { zh: '服务器没有应答，请检查网络', en: 'The server does not answer. Is the network there?' };

/** A problem in a reader's language. */
export const said = (problem: unknown, lang: Lang): string => {
  if (!(problem instanceof Problem)) return problem instanceof Error ? problem.message : String(problem);
  const { status, title, title_zh, detail } = problem.told;
  if (status === 0) return NETWORK[lang];
  const what = lang === 'zh' ? title_zh : title;
  const more = detail ? part(detail, lang) : undefined;
  return [what ?? `HTTP ${status}`, more].filter(Boolean).join(lang === 'zh' ? '：' : ': ');
};

/** What is wrong with a password or a code, which is in the detail: the title speaks of tokens. Nothing where nothing is. */
export const saidOfSecret = (problem: unknown, lang: Lang): string | undefined => {
  if (problem instanceof Problem && problem.told.detail) return part(problem.told.detail, lang);
  return problem === undefined ? undefined : said(problem, lang);
};
