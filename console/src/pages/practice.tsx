// The practice ground: a whole campaign against simulated callees, to see that all works before anybody is called.
import { App, Button } from 'antd';
import { useState } from 'react';
import { ask, client, said, type Shape } from '../client';
import { Card, Figure, Head, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { clock, useSession, useWords } from '../session';

/** How often a run is looked at [ms], and how often whether there is one. */
const EVERY_MS = { running: 1500, else: 10_000 };

const Practice = () => {
  const { t, n, lang, num, time } = useWords();
  const { may } = useSession();
  const { message } = App.useApp();
  const [running, setRunning] = useState(false);
  const query = useQuery(
    async () => {
      const told = await ask(client.GET('/v1/practice'));
      setRunning(told.state === 'running');
      return told;
    },
    'practice',
    running ? EVERY_MS.running : EVERY_MS.else,
  );
  const act = async (asked: Promise<Shape['PracticeRecord']>) => {
    try {
      await asked;
      setRunning(true);
      query.reload();
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  const begin = may('campaigns:write') && <Button type="primary" disabled={running} onClick={() => void act(ask(client.POST('/v1/practice', { body: {} })))}>{t('practice.begin')}</Button>;
  return (
    <>
      <Head title={t('nav.practice')} lead={t('practice.lead')}>
        {running && may('campaigns:write') && <Button onClick={() => void act(ask(client.DELETE('/v1/practice')))}>{t('practice.end')}</Button>}
        {begin}
      </Head>
      <Shown query={query}>
        {({ state, cases, fault, by, began_at }) => {
          const done = cases.filter((one) => one.actual != null);
          const right = cases.filter((one) => one.right).length;
          return state === 'idle' ? (
            <Card><Nothing title={t('practice.none')} lead={t('practice.none.lead')}>{begin}</Nothing></Card>
          ) : (
            <>
              <div className="figures" aria-live="polite">
                <Figure name={t('campaign.state')} value={t(state === 'running' ? 'practice.running' : 'practice.ended')} />
                <Figure name={t('practice.done')} value={`${num(done.length)} / ${num(cases.length)}`} />
                <Figure name={t('practice.right')} value={num(right)} tone={!done.length ? undefined : right === done.length ? 'good' : 'bad'} />
              </div>
              {fault && <p className="note bad gap" role="alert">{t('practice.fault')} <code>{fault}</code></p>}
              <Card className="flush" title={t('practice.calls')} extra={<span className="soft small">{by} · {time(began_at)}</span>}>
                <Scroll>
                  <table className="plain-table">
                    <thead><tr><th>{t('call.case')}</th><th>{t('practice.expected')}</th><th>{t('practice.actual')}</th><th>{t('practice.right')}</th><th className="r">{t('call.talk')}</th></tr></thead>
                    <tbody>{cases.map((one) => (
                      <tr key={one.case}>
                        <td><code>{one.case}</code></td><td>{n('ended', one.expected)}</td>
                        <td>{one.actual ? n('ended', one.actual) : <span className="soft">…</span>}</td>
                        <td>{one.right != null && <Mark of={one.right ? 'pass' : 'fail'}>{t(one.right ? 'yes' : 'no')}</Mark>}</td>
                        <td className="r">{one.talk_s != null ? clock(one.talk_s * 1000) : ''}</td>
                      </tr>
                    ))}</tbody>
                  </table>
                </Scroll>
              </Card>
            </>
          );
        }}
      </Shown>
    </>
  );
};

export default Practice;
