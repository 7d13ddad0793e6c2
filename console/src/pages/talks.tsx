// Supervision: the talks of agents that go on, and a seat in one of them.
import { App, Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { ask, client, part } from '../client';
import { Card, Facts, Head, HERE, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { useSeat, type Sitting } from '../seat-link';
import { clock, useSession, useWords } from '../session';
import { Link } from '../link';

const EVERY_MS = 2000;
const WAYS: [Sitting, string, 'talks.listen' | 'talks.whisper' | 'talks.join'][] = [['listens', 'listen', 'talks.listen'], ['whispers', 'whisper', 'talks.whisper'], ['joins', 'join', 'talks.join']];

const Seat = ({ attempt, leave }: { attempt: string; leave: () => void }) => {
  const { t, n, lang, clockTime } = useWords();
  const { modal } = App.useApp();
  const { sat, over, refused, send } = useSeat(attempt);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [sat?.lines.length]);
  const takeOver = () => modal.confirm({ ...HERE, title: t('talks.take_over.sure'), content: t('talks.take_over.what'), okText: t('talks.take_over'), cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: () => send({ type: 'take_over' }) });
  const has = sat?.sitting === 'has_the_call';
  return (
    <Card className="offer" title={<>{sat ? `${sat.talk.name} · ${sat.card.name}` : attempt} {sat && !over && <Mark of={sat.sitting === 'listens' ? 'paused' : 'running'}>{n('sitting', sat.sitting)}</Mark>}</>} extra={
      <div className="acts">
        {sat && !over && !has && WAYS.map(([sitting, type, word]) => <Button key={type} type={sat.sitting === sitting ? 'primary' : 'default'} aria-pressed={sat.sitting === sitting} onClick={() => send({ type })}>{t(word)}</Button>)}
        {sat && !over && (has ? <Button danger onClick={() => send({ type: 'hang_up' })}>{t('desk.hang_up')}</Button> : <Button danger onClick={takeOver}>{t('talks.take_over')}</Button>)}
        {!has && <Button onClick={leave}>{t('talks.leave')}</Button>}
        {has && over && <Button onClick={leave}>{t('do.close')}</Button>}
      </div>
    }>
      <div aria-live="assertive">
        {over && <p className="note warn">{t('talks.over')}</p>}
        {refused && <p className="note bad">{part(refused, lang)}</p>}
      </div>
      {sat && (
        <div className="grid">
          <Facts of={[
            [t('call.identity'), <Mark key="i" of={sat.card.identity}>{n('identity', sat.card.identity)}</Mark>],
            [t('desk.reason'), sat.card.reason && n('intent', sat.card.reason)],
            [t('desk.due'), `${sat.card.amount} ${sat.card.currency} · ${sat.card.due_date}`],
            [t('call.case'), sat.card.case],
            [t('talks.held'), t(sat.talk.held ? 'yes' : 'no')],
          ]} />
          <div className="talk desk-talk" ref={box} tabIndex={0} role="log" aria-label={t('call.words')} aria-live="polite">
            {sat.lines.map((line, index) => (
              <div className={`line ${line.speaker}`} key={index}><span className="at">{clockTime(line.at).slice(0, 5)}</span><span><span className="bubble"><span className="name">{n('who', line.speaker)}</span>{line.text}</span></span></div>
            ))}
          </div>
        </div>
      )}
    </Card>
  );
};

const Talks = () => {
  const { t, n, num } = useWords();
  const { may } = useSession();
  const [seat, setSeat] = useState<string>();
  const query = useQuery(() => ask(client.GET('/v1/talks')), 'talks', EVERY_MS);
  const now = Date.now();
  return (
    <>
      <Head title={t('nav.talks')} lead={t('talks.lead')} />
      {seat && <Seat key={seat} attempt={seat} leave={() => setSeat(undefined)} />}
      <Shown query={query}>
        {({ items }) => (
          <Card className="flush">
            {items.length ? (
              <Scroll>
                <table className="plain-table">
                  <thead><tr><th>{t('talks.agent')}</th><th>{t('call.case')}</th><th>{t('campaign')}</th><th>{t('desk.reason')}</th><th>{t('call.mood')}</th><th className="r">{t('talks.since')}</th><th className="r">{t('talks.supervisors')}</th><th /></tr></thead>
                  <tbody>{items.map((talk) => (
                    <tr key={talk.attempt}>
                      <td>{talk.name} {talk.held && <Mark of="paused">{t('talks.held')}</Mark>}</td>
                      <td>{may('calls:read') ? <Link to={`/calls/${talk.attempt}`}>{talk.case}</Link> : talk.case}</td>
                      <td>{talk.campaign ?? '–'}</td><td>{n('intent', talk.reason)}</td>
                      <td className="small">{talk.mood && `${t('call.mood.agitation')} ${talk.mood.agitation} · ${t('call.mood.distress')} ${talk.mood.distress}`}</td>
                      <td className="r">{clock(now - Date.parse(talk.since))}</td><td className="r">{num(talk.supervisors)}</td>
                      <td>{talk.attempt !== seat && <Button size="small" onClick={() => setSeat(talk.attempt)}>{t('talks.listen')}</Button>}</td>
                    </tr>
                  ))}</tbody>
                </table>
              </Scroll>
            ) : <Nothing title={t('talks.none')} lead={t('talks.none.lead')} />}
          </Card>
        )}
      </Shown>
    </>
  );
};

export default Talks;
