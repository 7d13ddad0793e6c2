// The agent's desk: what rings, who it is and what was said, the call in hand, what came of it. Keys first.
import { Button, Form, Input, Segmented, Select } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useEffect, useRef, useState } from 'react';
import { part } from '../client';
import { useDesk, type Call, type Card as About, type Promised, type Said, type Wish } from '../desk-link';
import { CallIn, Others, Transfer } from '../desk-transfer';
import { bring, DatePicker } from '../later';
import { Card, Facts, Head, Mark, Moment, Nothing } from '../parts';
import { clock, useWords } from '../session';
import { namesOf, type Word } from '../words';

const PRESENCE: Record<string, string> = { available: 'running', talking: 'running', offered: 'paused', looking: 'paused', awaiting: 'running', wrapping_up: 'paused', on_break: 'paused', away: 'plain' };
/** How a refusal of a promise begins. */
const PROMISE = 'promise: ';

/** From so many seconds on a timer asks for attention. */
const SOON_S = 10;

const useNow = (ahead: number) => {
  const [now, setNow] = useState(() => Date.now() + ahead);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() + ahead), 500);
    return () => clearInterval(timer);
  }, [ahead]);
  return now;
};

const Left = ({ until, now }: { until: string; now: number }) => {
  const ms = Date.parse(until) - now;
  return <span className={`num left ${ms < SOON_S * 1000 ? 'soon' : ''}`} role="timer">{clock(ms)}</span>;
};

const sum = ({ amount, currency }: { amount: string; currency: string }) => `${amount} ${currency}`;
const plan = (promise: Promised) => (promise.parts?.length ? promise.parts.map((part) => `${part.date} ${sum(part)}`).join(' + ') : `${promise.date} ${sum(promise)}`) + (promise.discount ? ` (−${sum(promise.discount)})` : '');

const Lines = ({ lines }: { lines: Said[] }) => {
  const { t, n, clockTime } = useWords();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length]);
  if (!lines.length) return <p className="soft">{t('call.transcript.wait')}</p>;
  return (
    <div className="talk desk-talk" ref={box} tabIndex={0} role="log" aria-live="polite" aria-label={t('call.words')}>
      {lines.map((line, index) => (
        <div className={`line ${line.speaker}`} key={index}><span className="at">{clockTime(line.at).slice(0, 5)}</span><span><span className="bubble"><span className="name">{n('who', line.speaker)}</span>{line.text}</span>{line.intent && <span className="meant">{n('intent', line.intent)}</span>}</span></div>
      ))}
    </div>
  );
};

const AboutCall = ({ card, now }: { card: About; now: number }) => {
  const { t, n } = useWords();
  return (
    <>
      <p className="who-is"><strong>{card.name}</strong> {card.title} <Mark of={card.identity}>{n('identity', card.identity)}</Mark></p>
      <Facts of={[
        [t('desk.reason'), card.reason && <b key="r">{n('intent', card.reason)}</b>],
        [t('desk.asked_by'), card.asked_by && <b key="a">{card.asked_by}</b>],
        [t('desk.now'), <Moment key="n" at={new Date(now).toISOString()} zone={card.time_zone} />],
        [t('desk.waits'), card.reason && <span key="w" className="num">{clock(now - Date.parse(card.wanted_at))}</span>],
        [t('desk.due'), `${sum(card)} · ${card.due_date}`],
        [t('desk.product'), `${card.creditor} · ${card.product}`],
        [t('call.case'), card.case],
        [t('call.disclosed'), t(card.debt_disclosed ? 'yes' : 'no')],
        [t('call.mood'), card.mood && `${t('call.mood.agitation')} ${card.mood.agitation} · ${t('call.mood.distress')} ${card.mood.distress} · ${t('call.mood.willingness')} ${card.mood.willingness}`],
        [t('desk.table'), card.table && plan(card.table)],
      ]} />
    </>
  );
};

/** What may be offered, each easier than the one before. */
const Plans = ({ of }: { of: Promised[] }) => {
  const { t } = useWords();
  if (!of.length) return null;
  return (
    <>
      <h3>{t('desk.offers')}</h3>
      <ul className="list">{of.map((each) => <li key={plan(each)} className="num">{plan(each)}</li>)}</ul>
    </>
  );
};

/** What came of the case's calls of before. */
const Earlier = ({ of }: { of: About['history'] }) => {
  const { t, n, time } = useWords();
  if (!of.length) return <p className="soft">{t('desk.history.none')}</p>;
  return <ul className="list">{of.map((before) => <li key={before.at}><span className="num soft">{time(before.at)}</span><Mark of={before.disposition}>{n('ended', before.disposition)}</Mark><span>{before.promised}</span></li>)}</ul>;
};

/** A case before its call: who it is, what came of the calls of before; the agent asks for the call, or leaves it. */
const Look = ({ card, until, asked, now, call, leave }: { card: About; until: string; asked: boolean; now: number; call: () => void; leave: () => void }) => {
  const { t } = useWords();
  return (
    <section className="card offer" role="region" aria-label={t('desk.look')}>
      <div className="card-head">
        <h2>{t(asked ? 'desk.calling' : 'desk.look')} {!asked && until && <Left until={until} now={now} />}</h2>
        {!asked && <div className="acts"><Button type="primary" size="large" autoFocus onClick={call}>{t('desk.look.call')} <Key of="A" /></Button><Button size="large" onClick={leave}>{t('desk.look.leave')} <Key of="D" /></Button></div>}
      </div>
      {asked && <p className="note good" role="status">{t('desk.calling.lead')}</p>}
      <div className="grid">
        <div><AboutCall card={card} now={now} /><Plans of={card.offers} /></div>
        <div>
          <h3>{t('desk.history')}</h3>
          <Earlier of={card.history} />
        </div>
      </div>
    </section>
  );
};

interface Outcome {
  disposition?: string;
  notes?: string;
  parts?: { date?: Dayjs; amount?: string }[];
}

const cents = (amount: string) => Math.round(Number(amount) * 100);
const inAll = (amounts: string[]) => (amounts.reduce((all, amount) => all + cents(amount), 0) / 100).toFixed(2);

/** What was typed, as it is promised: its first day, all sums together, and the payments where there are several. */
const promised = (typed: Outcome['parts'], currency: string): Promised | undefined => {
  const parts = (typed ?? []).flatMap(({ date, amount }) => (date && amount ? [{ date: date.format('YYYY-MM-DD'), amount: inAll([amount]), currency }] : []));
  const [first] = parts;
  return first && { ...first, amount: inAll(parts.map(({ amount }) => amount)), ...(parts.length > 1 && { parts }) };
};

/** The payments of a promise, each with its day. */
const Payments = ({ card }: { card: About }) => {
  const { t } = useWords();
  const typed = Form.useWatch('parts') as Outcome['parts'];
  const all = promised(typed, card.currency);
  const { authority } = card;
  return (
    <Form.List name="parts">
      {(rows, { add, remove }) => (
        <>
          {rows.map(({ key, name }) => (
            <div className="form" key={key}>
              <Form.Item name={[name, 'date']} label={t('desk.promise.date')} rules={[{ required: true, message: t('desk.need') }]}><DatePicker style={{ width: '100%' }} minDate={dayjs()} maxDate={dayjs().add(name ? authority.max_span_days : authority.max_delay_days, 'day')} /></Form.Item>
              <Form.Item name={[name, 'amount']} label={`${t('desk.promise.amount')} (${card.currency})`} rules={[{ required: true, pattern: /^\d+(\.\d{1,2})?$/, message: t('desk.promise.sum') }]}><Input inputMode="decimal" maxLength={13} /></Form.Item>
              {name > 0 && <Button size="small" onClick={() => remove(name)}>{t('desk.promise.less')}</Button>}
            </div>
          ))}
          {rows.length < authority.max_parts && <Button size="small" onClick={() => add({})}>{t('desk.promise.more')}</Button>}
          {rows.length > 1 && all && <p className="soft small num">{t('desk.promise.all', { sum: sum(all) })}</p>}
        </>
      )}
    </Form.List>
  );
};

/** What came of it: filled in while the call is up, kept when it is sent, and again until it is done. */
const WrapUp = ({ call, send, kept, refused, wrapping }: { call: Call; send: (message: object) => void; kept: boolean; refused?: string; wrapping: boolean }) => {
  const { t, n } = useWords();
  const [form] = Form.useForm<Outcome>();
  const [offer, setOffer] = useState<Promised>();
  /** Something was changed since it was kept. */
  const [dirty, setDirty] = useState(false);
  const disposition = Form.useWatch('disposition', form);
  const { authority } = call.card;
  const keep = ({ disposition, notes, parts }: Outcome) => {
    send({ type: 'wrap_up', attempt: call.attempt, disposition, notes: notes ?? '', promise: disposition === 'promise_to_pay' ? (offer ?? promised(parts, call.card.currency)) : undefined });
    setDirty(false);
  };
  const promises = disposition === 'promise_to_pay';
  const chosen = promises && offer ? plan(offer) : undefined;
  const choose = (each: Promised) => {
    setOffer(chosen === plan(each) ? undefined : each);
    form.setFieldsValue({ disposition: 'promise_to_pay' });
    setDirty(true);
  };
  const stands = kept && !dirty && !refused;
  return (
    <Card title={t('desk.result')} extra={stands ? <Mark of="same">{t('desk.kept')}</Mark> : undefined}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={{ parts: [{}] }} onFinish={keep} onValuesChange={() => setDirty(true)}>
        {call.card.offers.length > 0 && (
          <div role="group" aria-label={t('desk.offers')} className="plans">
            <p className="soft small">{t('desk.offers')}</p>
            {call.card.offers.map((each) => <Button key={plan(each)} block type={chosen === plan(each) ? 'primary' : 'default'} aria-pressed={chosen === plan(each)} onClick={() => choose(each)}>{plan(each)}</Button>)}
          </div>
        )}
        <Form.Item name="disposition" label={t('call.disposition')} rules={[{ required: true, message: t('desk.need') }]}>
          <Select showSearch={{ optionFilterProp: 'label' }} options={namesOf('ended').map((name) => ({ value: name, label: n('ended', name) }))} />
        </Form.Item>
        {promises && (
          <fieldset className="promise">
            <legend>{t('call.promise')}</legend>
            {!offer && <Payments card={call.card} />}
            {refused && <p className="note bad" role="alert">{refused}</p>}
            <p className="soft small">{t('desk.authority', { days: authority.max_delay_days, parts: authority.max_parts, least: sum(authority.least_part) })}{authority.approver && ` · ${t('desk.approver', { name: authority.approver })}`}</p>
          </fieldset>
        )}
        <Form.Item name="notes" label={t('desk.notes')}><Input.TextArea rows={3} maxLength={4000} /></Form.Item>
        <div className="acts">
          <Button htmlType="submit" type={wrapping && stands ? 'default' : 'primary'}>{t('desk.keep')}</Button>
          {wrapping && <Button type={stands ? 'primary' : 'default'} onClick={() => send({ type: 'done' })}>{t('desk.done')}</Button>}
          {wrapping && <Button onClick={() => send({ type: 'longer' })}>{t('desk.longer')}</Button>}
        </div>
      </Form>
    </Card>
  );
};

const Key = ({ of }: { of: string }) => <kbd aria-hidden="true">{of}</kbd>;

const Desk = () => {
  const { t, lang } = useWords();
  const { line, stands, offer, wrapped, colleagues, told, ahead, send, listen, silence, again } = useDesk();
  const now = useNow(ahead);
  useEffect(bring, []);
  const looks = stands?.presence === 'looking' || stands?.presence === 'awaiting';
  const look = looks ? (stands.call ?? undefined) : undefined;
  const call = looks ? undefined : (stands?.call ?? undefined);
  const talking = stands?.presence === 'talking' && call;
  /** Why a promise was not kept: it is told where it was typed. */
  const beyond = call && told?.kind === 'refused' && told.text.startsWith(PROMISE) ? part(told.text.slice(PROMISE.length), lang) : undefined;
  const wish = (wish: Wish) => {
    // Asked for here, by a person's own hand, and not when it rings.
    if (wish === 'available') void listen().catch(() => undefined);
    send({ type: 'presence', wish });
  };
  const [asks, setAsks] = useState<'transfer' | 'call_in'>();
  const acts = useRef<Record<string, () => void>>({});
  const attempt = talking ? talking.attempt : '';
  const busy = talking && (talking.asked || talking.called_in);
  acts.current = {
    ...(offer && { a: () => send({ type: 'answer', attempt: offer.attempt }), d: () => send({ type: 'decline', attempt: offer.attempt }) }),
    ...(look && stands?.presence === 'looking' && { a: () => send({ type: 'answer', attempt: look.attempt }), d: () => send({ type: 'decline', attempt: look.attempt }) }),
    ...(talking && { h: () => send({ type: 'hold', attempt: talking.attempt, on: !talking.held }), m: () => send({ type: 'mute', attempt: talking.attempt, on: !talking.muted }), x: () => send({ type: 'hang_up', attempt: talking.attempt }) }),
    ...(talking && !busy && { t: () => setAsks('transfer'), c: () => setAsks('call_in') }),
    ...(talking && talking.asked && { o: () => send({ type: 'hand_over', attempt }), b: () => send({ type: 'return', attempt }) }),
    ...(talking && talking.called_in && { o: () => send({ type: 'let_go', attempt }), ...(talking.called_in.there && { l: () => send({ type: 'leave', attempt }) }) }),
    1: () => wish('available'), 2: () => wish('on_break'), 3: () => wish('away'),
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(on.tagName) || on.isContentEditable) return;
      const act = acts.current[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
  if (line === 'superseded') return <Nothing title={t('desk.superseded')} lead={t('desk.superseded.lead')}><Button type="primary" onClick={again}>{t('desk.take')}</Button></Nothing>;
  return (
    <>
      <Head title={t('nav.desk')} lead={stands && <><Mark of={PRESENCE[stands.presence] ?? 'plain'}>{t(`presence.${stands.presence}`)}</Mark> <span className="soft num">{clock(now - Date.parse(stands.since))}</span> {stands.until && stands.presence === 'wrapping_up' && <Left until={stands.until} now={now} />}</>}>
        <Segmented<Wish> aria-label={t('desk.wish')} value={stands?.wish ?? 'away'} disabled={line !== 'open'} onChange={wish}
          options={(['available', 'on_break', 'away'] as const).map((value, index) => ({ value, label: <span>{t(`presence.${value}`)} <Key of={String(index + 1)} /></span> }))} />
      </Head>
      <div aria-live="assertive">
        {line === 'lost' && <p className="note bad">{t('desk.lost')}</p>}
        {stands?.note === 'rang_out' && <p className="note warn">{t('desk.rang_out')}</p>}
        {told && !beyond && <p className={`note ${told.kind === 'revoked' ? 'warn' : 'bad'}`}>{told.kind === 'revoked' ? t(`revoked.${told.text}` as Word) : told.kind === 'refused' ? part(told.text, lang) : told.kind === 'sound' ? t('desk.sound') : t('desk.microphone', { why: told.text })} <Button type="link" size="small" onClick={silence}>{t('do.close')}</Button></p>}
      </div>
      {offer && (
        <section className="card offer" role="alertdialog" aria-label={t('desk.rings')}>
          <div className="card-head"><h2>{t('desk.rings')} <Left until={offer.until} now={now} /></h2>
            <div className="acts">{offer.auto && <span className="soft">{t('desk.auto')}</span>}<Button type="primary" size="large" autoFocus onClick={() => acts.current.a?.()}>{t('desk.answer')} <Key of="A" /></Button><Button size="large" danger onClick={() => acts.current.d?.()}>{t('desk.decline')} <Key of="D" /></Button></div>
          </div>
          <div className="grid"><div><AboutCall card={offer.card} now={now} /><Plans of={offer.card.offers} /></div><Lines lines={offer.lines} /></div>
        </section>
      )}
      {look && !offer && <Look card={look.card} until={stands?.until ?? ''} now={now} asked={stands?.presence === 'awaiting'} call={() => acts.current.a?.()} leave={() => acts.current.d?.()} />}
      {call && !offer && (
        <div className="grid desk">
          <div>
            <Card title={t('desk.call')} extra={talking && (
              <div className="acts">
                <Button aria-pressed={talking.held} type={talking.held ? 'primary' : 'default'} onClick={() => acts.current.h?.()}>{t(talking.held ? 'desk.resume' : 'desk.hold')} <Key of="H" /></Button>
                <Button aria-pressed={talking.muted} type={talking.muted ? 'primary' : 'default'} onClick={() => acts.current.m?.()}>{t(talking.muted ? 'desk.unmute' : 'desk.mute')} <Key of="M" /></Button>
                {!busy && <Button onClick={() => acts.current.t?.()}>{t('desk.transfer')} <Key of="T" /></Button>}
                {!busy && <Button onClick={() => acts.current.c?.()}>{t('desk.call_in')} <Key of="C" /></Button>}
                <Button danger onClick={() => acts.current.x?.()}>{t('desk.hang_up')} <Key of="X" /></Button>
              </div>
            )}>
              <AboutCall card={call.card} now={now} />
              {talking && <Others call={talking} acts={acts.current} />}
              {talking && <p style={{ margin: '10px 0' }}><Mark of={call.joined ? 'running' : 'paused'}>{t(call.joined ? 'desk.joined' : 'desk.joining')}</Mark></p>}
            </Card>
            <Card title={t('call.words')}><Lines lines={call.lines} /></Card>
          </div>
          <div>
            <WrapUp key={call.attempt} call={call} send={(message) => { silence(); send(message); }} kept={wrapped === call.attempt} refused={beyond} wrapping={stands?.presence === 'wrapping_up'} />
            <Card title={t('desk.history')}><Earlier of={call.card.history} /></Card>
          </div>
        </div>
      )}
      {talking && asks === 'transfer' && <Transfer call={talking} colleagues={colleagues} send={send} close={() => setAsks(undefined)} />}
      {talking && asks === 'call_in' && <CallIn call={talking} send={send} close={() => setAsks(undefined)} />}
      {!call && !offer && !look && (
        <Card>
          <Nothing title={t(stands?.presence === 'available' ? 'desk.waiting' : 'desk.idle')} lead={t(stands?.presence === 'available' ? 'desk.waiting.lead' : 'desk.idle.lead')}>
            {stands && stands.presence !== 'available' && <Button type="primary" onClick={() => wish('available')}>{t('desk.begin')}</Button>}
          </Nothing>
          <p className="soft small keys">{t('desk.keys')}</p>
        </Card>
      )}
    </>
  );
};

export default Desk;
