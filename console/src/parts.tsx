// Small pieces that several pages show.
import { Alert, Button, Empty, Spin } from 'antd';
import { Children, type CSSProperties, type ReactNode } from 'react';
import { said } from './client';
import type { Query } from './query';
import { useWords } from './session';

/**
 * Dialogs stay within the page's tree: put elsewhere, the library holds the page's scrolling by a style without a nonce,
 * which the policy does not let in.
 */
export const HERE = { getContainer: false } as const;

/** A page's title, what it is for, and what can be done on it. */
export const Head = ({ title, lead, children }: { title: ReactNode; lead?: ReactNode; children?: ReactNode }) => (
  <header className="head">
    <div>
      <h1>{title}</h1>
      {lead && <p>{lead}</p>}
    </div>
    {children && <div className="acts">{children}</div>}
  </header>
);

/** A block of a page. */
export const Card = ({ title, extra, className, children }: { title?: ReactNode; extra?: ReactNode; className?: string; children: ReactNode }) => (
  <section className={`card ${className ?? ''}`}>
    {title && (
      <div className="card-head">
        <h2>{title}</h2>
        {extra}
      </div>
    )}
    {children}
  </section>
);

const TONES: Record<string, string> = {
  running: 'good', promise_to_pay: 'good', already_paid: 'good', handed_over: 'good', callback_agreed: 'good', allowed: 'good',
  confirmed: 'good', approved: 'good', same: 'good', locked: 'warn', pass: 'good', fail: 'bad',
  paused: 'warn', hardship: 'warn', hung_up: 'warn', not_understood: 'warn', dispute: 'warn', third_party: 'warn', despite: 'warn',
  no_commitment: 'warn', refused_to_pay: 'warn', waits: 'warn', missing: 'warn',
  complaint: 'bad', distress: 'bad', stop_calling: 'bad', legal_representation: 'bad', engine_failed: 'bad', trunk_failed: 'bad',
  denied: 'bad', changed: 'bad', unknown: 'bad', holds: 'bad',
  kept: 'good', kept_in_part: 'warn', broken: 'bad',
  delivered: 'good', sent: 'good', refused: 'warn', failed: 'bad',
};

/** A word for how something stands: a dot of its tone, so that colour is not all that tells it. */
export const Mark = ({ of, children }: { of: string; children: ReactNode }) => (
  <span className={`mark ${TONES[of] ?? 'plain'}`}>{children}</span>
);

/** How a call ended: as an agent put it down, where one did. */
export const endedAs = (of: { disposition: string; handover?: { disposition?: string } | null }) => of.handover?.disposition ?? of.disposition;

/** What became of a promise; nothing where that is not told. */
export const Became = ({ of }: { of?: string | null }) => {
  const { n } = useWords();
  // That it cannot be known is nobody's fault, as it is of a call.
  return of ? <Mark of={of === 'unknown' ? 'plain' : of}>{n('fate', of)}</Mark> : null;
};

/** What went wrong, with a way to try again. */
export const Trouble = ({ problem, again }: { problem: unknown; again?: () => void }) => {
  const { lang, t } = useWords();
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={said(problem, lang)}
      action={again && <Button size="small" onClick={again}>{t('do.reload')}</Button>}
    />
  );
};

/** What a query brought, or why there is nothing. */
export function Shown<T>({ query, children }: { query: Query<T>; children: (data: T) => ReactNode }) {
  const { t } = useWords();
  if (query.data !== undefined) {
    return (
      <>
        {query.problem !== undefined && <Trouble problem={query.problem} again={query.reload} />}
        {children(query.data)}
      </>
    );
  }
  if (query.problem !== undefined) return <Trouble problem={query.problem} again={query.reload} />;
  return <div className="wait" role="status" aria-label={t('loading')}><Spin /></div>;
}

/** Nothing to show, and what to do about it. */
export const Nothing = ({ title, lead, children }: { title: string; lead?: string; children?: ReactNode }) => (
  <Empty
    image={Empty.PRESENTED_IMAGE_SIMPLE}
    description={<><strong>{title}</strong>{lead && <><br /><span className="soft">{lead}</span></>}</>}
  >
    {children}
  </Empty>
);

/** What is wider or higher than its place is scrolled there, by keys too. */
export const Scroll = ({ style, children }: { style?: CSSProperties; children: ReactNode }) => <div className="scroll" style={style} tabIndex={0}>{children}</div>;

/** Rows of a table that comes page by page: what stands there where there are none, and how more of them are asked for. */
export const Listed = ({ head, none, more, children }: { head: ReactNode; none: ReactNode; more: (() => void) | undefined; children: ReactNode }) => {
  const { t } = useWords();
  return (
    <Card className="flush">
      {Children.count(children) ? (
        <Scroll>
          <table className="plain-table">
            <thead>{head}</thead>
            <tbody>{children}</tbody>
          </table>
        </Scroll>
      ) : none}
      {more && <div className="more"><Button onClick={more}>{t('do.more')}</Button></div>}
    </Card>
  );
};

/** A figure and what it is. */
export const Figure = ({ name, value, help, tone }: { name: string; value: ReactNode; help?: string; tone?: 'good' | 'warn' | 'bad' }) => (
  <div className={`figure ${tone ?? ''}`} title={help}>
    <div className="figure-value">{value}</div>
    <div className="figure-name">{name}{help && <span className="sr">: {help}</span>}</div>
  </div>
);

/** The head of a column of figures, with what they are. */
export const Heading = ({ name, help }: { name: string; help: string }) => <th className="r" title={help}>{name}<span className="sr">: {help}</span></th>;

/** Facts by name. */
export const Facts = ({ of }: { of: [string, ReactNode][] }) => (
  <dl className="facts">
    {of.filter(([, value]) => value !== undefined && value !== null && value !== '').map(([name, value]) => (
      <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
    ))}
  </dl>
);

/** A moment by the viewer's clock, with the callee's beside it where that is another. */
export const Moment = ({ at, zone }: { at?: string | null; zone?: string }) => {
  const { time, there, t } = useWords();
  if (!at) return null;
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // Where both clocks show the same, one is enough.
  const other = zone && there(at, zone) !== there(at, own) ? there(at, zone) : undefined;
  return (
    <>
      <time dateTime={at}>{time(at)}</time>
      {other && <span className="soft"> · {t('time.there')} {other} ({zone})</span>}
    </>
  );
};
