// Who is signed in, what they may do, and in which language and zone they read.
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { ask, client, onSignedOut, useCsrf, useToken, type Shape } from './client';
import { named, word, type Lang, type Word } from './words';

type Signed = Shape['Signed'];

export interface Person {
  /** None where a token asks. */
  login?: string | null;
  name: string;
  role: string;
  scopes: string[];
  /** Whether they sign in with a code as well. */
  secondFactor: boolean;
  /** What they have to do before anything else: `password`, `second_factor`. */
  owed?: string | null;
}

interface Session {
  /** Undefined while it is not known yet, null where nobody is signed in. */
  person: Person | null | undefined;
  /** That a session ended by itself. */
  over: boolean;
  signIn: (name: string, password: string, code?: string) => Promise<void>;
  withToken: (token: string) => Promise<void>;
  signOut: () => Promise<void>;
  /** Takes another password; the session that comes with it takes the place of this one. */
  changePassword: (password: string, fresh: string, code?: string) => Promise<void>;
  /** Takes over what the server tells of who is signed in, where they have changed it. */
  renew: (signed: Signed) => void;
  may: (scope: string) => boolean;
  lang: Lang;
  setLang: (lang: Lang) => void;
}

const Context = createContext<Session | undefined>(undefined);

const known = ({ login, name, role, scopes, second_factor, owed, csrf }: Signed): Person => {
  useCsrf(csrf);
  return { login, name, role, scopes, secondFactor: second_factor, owed };
};
const told = async () => known(await ask(client.GET('/v1/session')));

const first = (): Lang => {
  const kept = localStorage.getItem('lang');
  if (kept === 'zh' || kept === 'en') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
};

export const SessionOf = ({ children }: { children: ReactNode }) => {
  const [person, setPerson] = useState<Person | null>();
  const [over, setOver] = useState(false);
  const [lang, setLang] = useState<Lang>(first);
  useEffect(() => {
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  }, [lang]);
  useEffect(() => {
    told().then(setPerson, () => setPerson(null));
    return onSignedOut(() => {
      useToken(undefined);
      setPerson((before) => {
        if (before) setOver(true);
        return null;
      });
    });
  }, []);
  const session = useMemo<Session>(
    () => ({
      person,
      over,
      lang,
      setLang: (lang) => {
        localStorage.setItem('lang', lang);
        setLang(lang);
      },
      may: (scope) => person?.scopes.includes(scope) ?? false,
      signIn: async (name, password, code) => {
        setPerson(known(await ask(client.POST('/v1/session', { body: { login: name, password, code } }))));
        setOver(false);
      },
      withToken: async (token) => {
        useToken(token);
        try {
          setPerson(await told());
          setOver(false);
        } catch (problem) {
          useToken(undefined);
          throw problem;
        }
      },
      changePassword: async (password, fresh, code) => {
        setPerson(known(await ask(client.PUT('/v1/session/password', { body: { password, new: fresh, code } }))));
      },
      renew: (signed) => setPerson(known(signed)),
      signOut: async () => {
        await client.DELETE('/v1/session').catch(() => undefined);
        useToken(undefined);
        setOver(false);
        setPerson(null);
      },
    }),
    [person, over, lang],
  );
  return <Context.Provider value={session}>{children}</Context.Provider>;
};

export const useSession = (): Session => {
  const session = useContext(Context);
  if (!session) throw new Error('outside of a session');
  return session;
};

/** The texts and forms of the reader's language. */
export const useWords = () => {
  const { lang } = useSession();
  return useMemo(() => {
    const locale = lang === 'zh' ? 'zh-CN' : 'en-GB';
    const time = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
    const ofDay = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' });
    const numbers = new Intl.NumberFormat(locale);
    const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
    const there = (at: string, zone: string) => {
      try {
        return new Intl.DateTimeFormat(locale, { timeZone: zone, dateStyle: 'short', timeStyle: 'short', hourCycle: 'h23' }).format(new Date(at));
      } catch {
        return undefined;
      }
    };
    return {
      lang,
      t: (key: Word, places?: Record<string, string | number>) => word(lang, key, places),
      n: (group: string, name: string) => named(lang, group, name),
      time: (at: string | null | undefined) => (at ? time.format(new Date(at)) : ''),
      clockTime: (at: string) => ofDay.format(new Date(at)),
      there,
      num: (n: number) => numbers.format(n),
      pct: (part: number, of: number) => (of ? share.format(part / of) : '–'),
    };
  }, [lang]);
};

export type Words = ReturnType<typeof useWords>;

/** Minutes and seconds. */
export const clock = (ms: number): string => {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  const mmss = `${String(Math.floor(s / 60) % 60).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
  return h ? `${h}:${mmss}` : mmss;
};
