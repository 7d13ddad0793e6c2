// Strategies: which there are, and one of them as tables that can be changed and saved as its next version.
import { App, Button, Input, Switch } from 'antd';
import { useMemo, useState } from 'react';
import { ask, client, part, Problem, said } from '../client';
import { Link } from '../link';
import { Card, Head, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { go } from '../router';
import { useSession, useWords } from '../session';
import { readStrategy, writeStrategy } from '../strategy-file';
import { StrategyView } from '../strategy-view';
import type { Shape } from '../client';

type Record = Shape['StrategyRecord'];

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** All faults of a strategy, in a reader's language. */
const Faults = ({ problem }: { problem: unknown }) => {
  const { lang } = useWords();
  const errors = problem instanceof Problem ? (problem.told.errors ?? []) : [];
  return (
    <div role="alert">
      <p className="note bad">{said(problem, lang)}</p>
      {errors.map(({ detail }, index) => <p key={index} className="note warn">{part(detail, lang)}</p>)}
    </div>
  );
};

const Edit = ({ of }: { of: Record }) => {
  const { t, time } = useWords();
  const { may } = useSession();
  const { message } = App.useApp();
  const [text, setText] = useState(of.content);
  const [raw, setRaw] = useState(false);
  const [name, setName] = useState(of.name);
  const [revision, setRevision] = useState(of.revision);
  const [kept, setKept] = useState(of.content);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const parsed = useMemo(() => readStrategy(text), [text]);
  const writes = may('campaigns:write');
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const header = { 'If-Match': `"${name === of.name ? revision : 0}"` };
      const saved = await ask(client.PUT('/v1/strategies/{name}', { params: { path: { name }, header }, body: { content: text } }));
      void message.success(t('strategies.saved', { name, n: saved.revision }));
      setKept(text);
      setRevision(saved.revision);
      if (name !== of.name) go(`/strategies/${name}`);
    } catch (problem) {
      setProblem(problem);
    } finally {
      setBusy(false);
    }
  };
  const isSame = text === kept && name === of.name;
  return (
    <>
      <Head title={<>{t('campaign.strategy')} · {of.name}</>} lead={revision ? t('strategies.version', { n: revision, by: of.saved_by ?? '', at: time(of.saved_at) }) : t('strategies.file')}>
        <label className="small soft"><Switch size="small" checked={raw} onChange={setRaw} aria-label={t('strategy.file')} /> {t('strategy.file')}</label>
      </Head>
      {problem !== undefined && <Faults problem={problem} />}
      <Card>
        {raw || !parsed ? (
          <>
            {!parsed && <p className="note warn" role="status">{t('strategies.unreadable')}</p>}
            <Input.TextArea className="source" aria-label={t('strategy.file')} rows={30} maxLength={65536} readOnly={!writes} value={text} onChange={(event) => setText(event.target.value)} />
          </>
        ) : (
          <StrategyView of={parsed} change={writes ? (strategy) => setText(writeStrategy(strategy)) : undefined} />
        )}
      </Card>
      {writes && (
        <div className="filters save">
          <label>{t('strategies.name')}<Input style={{ width: 220 }} value={name} maxLength={64} status={NAME.test(name) ? undefined : 'error'} onChange={(event) => setName(event.target.value)} /></label>
          <Button type="primary" loading={busy} disabled={isSame || !NAME.test(name)} onClick={() => void save()}>{t(name === of.name ? 'strategies.save' : 'strategies.save.new')}</Button>
          {!isSame && <Button onClick={() => { setText(kept); setName(of.name); }}>{t('strategies.undo')}</Button>}
          <span className="soft small">{t('strategies.save.help')}</span>
        </div>
      )}
    </>
  );
};

export const StrategyPage = ({ at }: { at: { [name: string]: string } }) => {
  const name = at.name ?? '';
  const query = useQuery(() => ask(client.GET('/v1/strategies/{name}', { params: { path: { name } } })), name);
  return <Shown query={query}>{(of) => <Edit key={of.name} of={of} />}</Shown>;
};

const Strategies = () => {
  const { t, time } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/strategies')), 'strategies');
  return (
    <>
      <Head title={t('nav.strategies')} lead={t('strategies.lead')} />
      <Shown query={query}>
        {(strategies) => (
          <Card className="flush">
            <Scroll>
              <table className="plain-table">
                <thead><tr><th>{t('campaign.strategy')}</th><th>{t('scripts.version')}</th><th>{t('strategies.by')}</th><th>{t('campaign.changed')}</th></tr></thead>
                <tbody>{strategies.map((of) => (
                  <tr key={of.name}><td><Link to={`/strategies/${of.name}`}>{of.name}</Link></td><td className="num">{of.revision || t('strategies.file')}</td><td>{of.saved_by ?? '–'}</td><td className="num">{time(of.saved_at)}</td></tr>
                ))}</tbody>
              </table>
            </Scroll>
          </Card>
        )}
      </Shown>
    </>
  );
};

export default Strategies;
