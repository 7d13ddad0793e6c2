// How it goes now: figures, alerts, campaigns, calls that are up. Looked at all day, so that nothing jumps.
import { Button } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import { ask, client, type Shape } from '../client';
import { useEvents, type Happened } from '../events';
import { Link } from '../link';
import { Card, endedAs, Facts, Figure, Head, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { go } from '../router';
import { clock, useSession, useWords } from '../session';

type Board = Shape['Board'];

const EVERY_MS = 2000;
/** How many ends of calls are kept in view. */
const ENDS = 12;
/** So many who wanted an agent before the share of those who found none means something. */
const MISSED_LEAST = 20;
const ROW_PX = 34;
/** From this part of the limit on it is near. */
const NEAR = 0.8;
/** So many calls of ten minutes before their faults mean something, and the share of them that is too much. */
const FAULTS = { least: 5, share: 0.2 };
/** So many events, or so long in vain, before a reader hangs. */
const HANGS = { events: 10_000, ms: 300_000 };

/**
 * Calls in rows of their own: one that ends gives its row to a new one, or to the last, so that the others stay where
 * they are, however many come and go.
 */
const seat = (before: string[], calls: Board['calls']): Board['calls'] => {
  const left = new Map(calls.map((call) => [call.attempt, call]));
  const rows: (Board['calls'][number] | undefined)[] = before.map((attempt) => {
    const call = left.get(attempt);
    left.delete(attempt);
    return call;
  });
  const fresh = [...left.values()];
  for (let row = 0; row < rows.length; row += 1) {
    if (rows[row]) continue;
    let next = fresh.shift();
    while (!next && rows.length > row + 1) next = rows.pop();
    if (next) rows[row] = next;
    else rows.length = row;
  }
  return [...rows.filter((call) => call !== undefined), ...fresh];
};

/** Calls that are up: only the rows in view are drawn, so that a thousand cost what twenty do. */
const Live = ({ calls: told }: { calls: Board['calls'] }) => {
  const { t } = useWords();
  const { may } = useSession();
  const [top, setTop] = useState(0);
  const [now, setNow] = useState(Date.now);
  const frame = useRef<HTMLDivElement>(null);
  const rows = useRef<string[]>([]);
  const calls = useMemo(() => seat(rows.current, told), [told]);
  useEffect(() => {
    rows.current = calls.map((call) => call.attempt);
  }, [calls]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (!calls.length) return <Nothing title={t('board.live.none')} lead={t('board.live.none.lead')} />;
  const first = Math.max(0, Math.floor(top / ROW_PX) - 5);
  const shown = calls.slice(first, first + 30);
  return (
    <div className="live" ref={frame} tabIndex={0} role="region" aria-label={t('board.live')} onScroll={() => setTop(frame.current?.scrollTop ?? 0)}>
      <div className="live-head" aria-hidden="true"><span>{t('campaign.state')}</span><span>{t('campaign')}</span><span>{t('call.case')}</span><span>{t('board.since')}</span></div>
      <div style={{ height: calls.length * ROW_PX, position: 'relative' }}>
        {shown.map((call, index) => (
          <div className="live-row" key={first + index} style={{ top: (first + index) * ROW_PX }}>
            <Mark of={call.answered_at ? 'running' : 'paused'}>{t(call.answered_at ? 'board.talking' : 'board.ringing')}</Mark>
            <span>{call.campaign ?? '–'}</span>
            {may('calls:read') ? <Link to={`/calls/${call.attempt}`}>{call.case}</Link> : <span>{call.case}</span>}
            <span className="num">{clock(now - Date.parse(call.answered_at ?? call.dialled_at))}</span>
          </div>
        ))}
      </div>
    </div>
  );
};

export const Progress = ({ of }: { of: { waiting: number; ready: number; leased: number; done: number } }) => {
  const { t, num } = useWords();
  const all = of.waiting + of.ready + of.leased + of.done;
  const told = (['done', 'leased', 'ready', 'waiting'] as const).map((name) => `${t(`case.${name}`)} ${num(of[name])}`).join(' · ');
  return (
    <div title={told}>
      <div className="bar" role="img" aria-label={told}>
        {(['done', 'leased', 'ready'] as const).map((name) => <i key={name} className={name} style={{ width: `${all ? (of[name] / all) * 100 : 0}%` }} />)}
      </div>
      <span className="small soft num">{num(of.done)} / {num(all)}</span>
    </div>
  );
};

/** How full something is: so much of at most so much; without a bar where that is not known. Nothing that grows moves anything else. */
const Load = ({ name, of, most }: { name: string; of: number; most?: number | null }) => {
  const { num } = useWords();
  const told = most ? `${num(of)} / ${num(most)}` : num(of);
  return (
    <div className="load">
      <div className="small soft">{name}</div>
      {!!most && <div className="bar" role="img" aria-label={`${name}: ${told}`}><i className="done" style={{ width: `${Math.min(1, of / most) * 100}%` }} /></div>}
      <div className="small num">{told}</div>
    </div>
  );
};

/** Campaigns of which more found no agent within a day than they may abandon. */
const missing = ({ campaigns, abandoned }: Board) => {
  const limits = new Map(abandoned.map(({ campaign, limit }) => [campaign, limit]));
  return campaigns.flatMap(({ id, day }) => {
    const limit = limits.get(id);
    const share = day.missed_agent / day.wanted_agent;
    return limit !== undefined && day.wanted_agent >= MISSED_LEAST && share > limit ? [{ id, share, limit }] : [];
  });
};

/** The carrier's machines: those that take calls, and all. */
const carrier = (by: Board['machines']): { well: number; all: number } => ({
  well: (by.up ?? 0) + (by.suspected ?? 0),
  all: Object.values(by).reduce((sum, n) => sum + n, 0),
});

const alerts = (board: Board, { t, pct, num, clockTime }: ReturnType<typeof useWords>): { tone: string; text: string }[] => {
  const found: { tone: string; text: string }[] = [];
  const alive = board.nodes.filter((node) => node.alive);
  if (board.campaigns.some((campaign) => campaign.state === 'running') && !alive.some((node) => !node.draining)) found.push({ tone: 'bad', text: t('board.alert.nobody') });
  for (const node of board.nodes) {
    if (!node.alive) found.push({ tone: 'warn', text: t('board.alert.node', { name: node.name }) });
    else if (node.draining) found.push({ tone: 'warn', text: t('board.alert.draining', { name: node.name }) });
  }
  if ((board.recognition_wait_s ?? 0) > 1) found.push({ tone: 'bad', text: t('board.alert.slow') });
  const { well, all: machines } = carrier(board.machines);
  if (machines && !well) found.push({ tone: 'bad', text: t('board.alert.carrier') });
  if ((board.media_late ?? 0) > 0.01) found.push({ tone: 'bad', text: t('board.alert.late') });
  for (const { id, share, limit } of missing(board)) found.push({ tone: 'bad', text: t('board.alert.missed', { id, share: pct(share, 1), limit: pct(limit, 1) }) });
  const { calls, trunk, engine } = board.faults;
  if (calls >= FAULTS.least && trunk / calls >= FAULTS.share) found.push({ tone: 'bad', text: t('board.alert.trunk', { n: num(trunk), all: num(calls) }) });
  if (calls >= FAULTS.least && engine / calls >= FAULTS.share) found.push({ tone: 'bad', text: t('board.alert.engine', { n: num(engine), all: num(calls) }) });
  for (const { campaign, share, limit, room } of board.abandoned) {
    if (share === 0) continue;
    const places = { id: campaign, share: pct(share, 1), limit: pct(limit, 1), n: num(room) };
    if (room < 1) found.push({ tone: 'bad', text: t('board.alert.abandoned', places) });
    else if (share >= limit * NEAR) found.push({ tone: 'warn', text: t('board.alert.abandoning', places) });
  }
  for (const { name, behind, stuck_since, set_aside } of board.readers) {
    if (stuck_since && Date.parse(board.at) - Date.parse(stuck_since) > HANGS.ms) found.push({ tone: 'bad', text: t('board.alert.stuck', { name, at: clockTime(stuck_since), n: num(behind) }) });
    else if (behind > HANGS.events) found.push({ tone: 'warn', text: t('board.alert.behind', { name, n: num(behind) }) });
    if (set_aside > 0) found.push({ tone: 'warn', text: t('board.alert.set_aside', { name, n: num(set_aside) }) });
  }
  // What is worst comes first.
  return found.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
};

const Ends = () => {
  const { t, n, clockTime } = useWords();
  const { may } = useSession();
  const [ends, setEnds] = useState<Happened[]>([]);
  useEvents('outcome', (event) => setEnds((before) => [event, ...before.filter(({ key }) => key !== event.key)].slice(0, ENDS)));
  if (!ends.length) return <p className="soft">{t('board.events.none')}</p>;
  return (
    <ul className="list ends" aria-live="off">
      {ends.map((event) => {
        const { outcome } = event.body as { outcome?: Parameters<typeof endedAs>[0] };
        const ended = outcome ? endedAs(outcome) : 'unknown';
        return (
          <li key={event.key}>
            <span className="soft num">{clockTime(event.at)}</span>
            <Mark of={ended}>{n('ended', ended)}</Mark>
            {may('calls:read') && event.attempt ? <Link to={`/calls/${event.attempt}`}>{event.case}</Link> : <span>{event.case}</span>}
          </li>
        );
      })}
    </ul>
  );
};

const BoardPage = () => {
  const words = useWords();
  const { may } = useSession();
  const { t, num, pct, n } = words;
  const query = useQuery(() => ask(client.GET('/v1/board')), 'board', EVERY_MS);
  const told = useMemo(() => (query.data ? alerts(query.data, words) : []), [query.data, words]);
  return (
    <>
      <Head title={t('nav.board')} lead={t('board.lead')} />
      <Shown query={query}>
        {(board) => {
          const { calls, campaigns, day, nodes, trunks, recognition_wait_s, media_late, machines, agents } = board;
          const abandoned = new Map(board.abandoned.map((of) => [of.campaign, of]));
          const { well, all } = carrier(machines);
          const talking = calls.filter((call) => call.answered_at).length;
          return (
            <>
              <div className="figures" aria-live="off">
                <Figure name={t('board.talking')} value={num(talking)} />
                <Figure name={t('board.ringing')} value={num(calls.length - talking)} />
                <Figure name={t('board.calls')} value={num(day.calls)} />
                <Figure name={t('board.answered')} value={pct(day.answered, day.calls)} />
                <Figure name={t('board.completed')} value={pct(day.completed, day.human)} help={t('board.completed.help')} />
                <Figure name={t('board.promised')} value={num(day.promised)} />
                <Figure name={t('board.missed')} value={pct(day.missed_agent, day.wanted_agent)} tone={missing(board).length ? 'bad' : undefined} help={t('board.missed.help')} />
                <Figure name={t('board.load')} value={recognition_wait_s == null ? '–' : `${recognition_wait_s.toFixed(1)} s`} tone={(recognition_wait_s ?? 0) > 1 ? 'bad' : undefined} />
                <Figure name={t('board.late')} value={media_late == null ? '–' : pct(media_late, 1)} tone={media_late != null && media_late > 0.01 ? 'bad' : undefined} />
                <Figure name={t('board.carrier')} value={all ? `${num(well)} / ${num(all)}` : '–'} tone={all && !well ? 'bad' : undefined} />
              </div>
              <Card title={t('board.alerts')}>
                {told.length ? told.map(({ tone, text }) => <p key={text} className={`note ${tone}`}>{text}</p>) : <Mark of="running">{t('board.alert.none')}</Mark>}
              </Card>
              <div className="grid">
                <Card title={`${t('board.live')} (${num(calls.length)})`} className="flush"><Live calls={calls} /></Card>
                <div>
                  <Card title={t('board.campaigns')} className="flush">
                    {campaigns.length ? (
                      <Scroll>
                        <table className="plain-table">
                          <thead><tr><th>{t('campaign')}</th><th>{t('campaign.state')}</th><th>{t('campaign.progress')}</th><th className="r">{t('board.answered')}</th><th className="r">{t('board.promised')}</th><th className="r">{t('board.abandoned')}</th></tr></thead>
                          <tbody>
                            {campaigns.map((campaign) => {
                              const of = abandoned.get(campaign.id);
                              return (
                                <tr key={campaign.id}>
                                  <td><Link to={`/campaigns/${campaign.id}`}>{campaign.id}</Link></td>
                                  <td><Mark of={campaign.state}>{n('state', campaign.state)}</Mark></td>
                                  <td><Progress of={campaign} /></td>
                                  <td className="r">{pct(campaign.day.answered, campaign.day.calls)}</td>
                                  <td className="r">{num(campaign.day.promised)}</td>
                                  <td className="r">{of ? `${pct(of.share, 1)} / ${pct(of.limit, 1)}` : '–'}</td>
                                </tr>
                              );
                            })}
                          </tbody>
                        </table>
                      </Scroll>
                    ) : <Nothing title={t('board.campaigns.none')} lead={may('campaigns:write') ? t('board.campaigns.none.lead') : undefined}>{may('campaigns:write') && <Button type="primary" onClick={() => go('/campaigns/new')}>{t('campaigns.new')}</Button>}</Nothing>}
                  </Card>
                  <Card title={t('board.events')}><Ends /></Card>
                  {agents && Object.keys(agents.presences).length > 0 && (
                    <Card title={t('board.agents')}>
                      <Facts of={[
                        ...Object.entries(agents.presences).filter(([, of]) => of > 0).map(([presence, of]): [string, string] => [n('presence', presence), num(of)]),
                        [t('board.agents.waiting'), num(agents.waiting)],
                        [t('board.agents.longest'), agents.waiting > 0 && clock(agents.longest_wait_s * 1000)],
                      ]} />
                    </Card>
                  )}
                  <Card title={t('board.trunks')}>
                    {trunks.length ? trunks.flatMap(({ name, calls: up, max_calls, cps, max_cps }) => [
                      <Load key={`${name} calls`} name={t('board.trunk.calls', { name })} of={up} most={max_calls} />,
                      <Load key={`${name} cps`} name={t('board.trunk.cps', { name })} of={cps} most={max_cps} />,
                    ]) : <p className="soft">{t('board.trunks.none')}</p>}
                  </Card>
                  <Card title={t('board.nodes')}>
                    {nodes.length ? nodes.map((node) => <p key={node.name}><Mark of={node.alive && !node.draining ? 'running' : node.alive ? 'paused' : 'denied'}>{node.name}</Mark></p>) : <p className="soft">{t('board.trunks.none')}</p>}
                  </Card>
                </div>
              </div>
            </>
          );
        }}
      </Shown>
    </>
  );
};

export default BoardPage;
