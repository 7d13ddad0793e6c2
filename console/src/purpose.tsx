// What personal data is seen in clear for: stated of one record at a time, and remembered for a quarter of an hour. The
// server masks whatever comes without it, and writes down what came with it.
import { Select } from 'antd';
import { useEffect, useId, useState } from 'react';
import { useSession, useWords } from './session';

const PURPOSES = ['complaint', 'dispute', 'subject_access', 'audit', 'quality'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** For so long what was stated holds. */
const HOLDS_MS = 15 * 60_000;

/** What was stated, by person and record: it lives as long as the page, and is nobody else's. */
const stated = new Map<string, { purpose: Purpose; until: number }>();

export interface Clear {
  purpose: Purpose | undefined;
  /** Until when that holds [ms since the Unix epoch]. */
  until: number | undefined;
  state: (purpose: Purpose | undefined) => void;
}

/** What a record is seen in clear for; nothing where that was not stated, or some time ago. */
export const useClear = (record: string): Clear => {
  const { person } = useSession();
  // Two may be called the same; a token has no login.
  const key = `${person?.login ?? person?.name ?? ''} ${record}`;
  const [, draw] = useState(0);
  const found = stated.get(key);
  const holds = found && found.until > Date.now() ? found : undefined;
  useEffect(() => {
    if (!holds) return undefined;
    // A little later: a timer may come before its time.
    const timer = setTimeout(() => draw((turn) => turn + 1), holds.until - Date.now() + 100);
    return () => clearTimeout(timer);
  }, [holds]);
  const state = (purpose: Purpose | undefined) => {
    if (purpose) stated.set(key, { purpose, until: Date.now() + HOLDS_MS });
    else stated.delete(key);
    draw((turn) => turn + 1);
  };
  return { purpose: holds?.purpose, until: holds?.until, state };
};

/** The header that states it. */
export const stating = (purpose: Purpose | undefined) => (purpose ? { 'X-Waihu-Purpose': purpose } : {});

/** Shows a record in clear once it was chosen what for; nothing for whose role sees none in clear. */
export const InClear = ({ of }: { of: Clear }) => {
  const { t, n, clockTime } = useWords();
  const { may } = useSession();
  const [help, stands] = [useId(), useId()];
  if (!may('numbers:read')) return null;
  return (
    <span className="small soft">
      <label title={t('clear.help')}>
        {t('clear.show')}{' '}
        <Select<Purpose | ''> size="small" style={{ width: 160 }} aria-label={t('clear.show')} aria-describedby={`${stands} ${help}`} value={of.purpose ?? ''} onChange={(chosen) => of.state(chosen || undefined)} options={[{ value: '', label: t('clear.masked') }, ...PURPOSES.map((value) => ({ value, label: n('purpose', value) }))]} />
      </label>
      <span className="sr" id={help}>{t('clear.help')}</span>
      {/* Told when it begins, and when it is over. */}
      <span id={stands} role="status">{of.until ? ` ${t('clear.until', { at: clockTime(new Date(of.until).toISOString()) })}` : <span className="sr">{t('clear.masked')}</span>}</span>
    </span>
  );
};
