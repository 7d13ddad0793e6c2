// Finding calls: by how they ended, and by what was said.
import { App, Button, DatePicker, Input, Select } from 'antd';
import type { Dayjs } from 'dayjs';
import { useState, type ReactNode } from 'react';
import { ask, client, said, type Shape } from '../client';
import { download } from '../csv';
import { Link } from '../link';
import { Card, Head, Listed, Mark, Nothing, Shown } from '../parts';
import { usePages } from '../pages';
import { Places } from '../places';
import { InClear, stating, useClear } from '../purpose';
import { go, useLocation } from '../router';
import { clock, useSession, useWords } from '../session';
import { namesOf } from '../words';

type Seek = Shape['Seek'];
type Call = Shape['Call'];

/** The most calls of a file that is exported here: a day's work of one desk; more is what `waihu outcomes` is for. */
const MOST_EXPORTED = 5000;

/** The words that were sought, where they stand in a text. */
const Marked = ({ text, words }: { text: string; words: string }) => {
  const phrases = words.trim().split(/\s+/).filter(Boolean).map((phrase) => phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (!phrases.length) return text;
  const parts: ReactNode[] = text.split(new RegExp(`(${phrases.join('|')})`, 'gi'));
  return <>{parts.map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part))}</>;
};

export const talkMs = (call: { answered_at?: string | null; ended_at: string }) => (call.answered_at ? Date.parse(call.ended_at) - Date.parse(call.answered_at) : 0);

const Calls = () => {
  const { t, n, time, lang } = useWords();
  const { may } = useSession();
  const { message } = App.useApp();
  const { query: asked } = useLocation();
  const campaigns = asked.get('campaign') ?? undefined;
  const seekOf = (): Seek => ({
    words: asked.get('words') ?? undefined, campaign: campaigns, case: asked.get('case') ?? undefined, disposition: asked.get('disposition') ?? undefined,
    speaker: (asked.get('speaker') as Seek['speaker']) ?? undefined, since: asked.get('since') ?? undefined, until: asked.get('until') ?? undefined,
  });
  // Words are personal: they stay in the page, and do not stand in an address.
  const [seek, setSeek] = useState<Seek>(seekOf);
  const [form, setForm] = useState<Seek>(seek);
  const [days, setDays] = useState<[Dayjs | null, Dayjs | null] | null>(null);
  const clear = useClear('calls');
  const params = { header: stating(clear.purpose) };
  const load = (cursor?: string) => ask(client.POST('/v1/search', { params, body: { ...seek, cursor, limit: 50 } }));
  const { query, next, more } = usePages<Call>(load, `${JSON.stringify(seek)} ${clear.purpose}`);
  const set = (change: Partial<Seek>) => setForm((before) => ({ ...before, ...change }));
  const search = () =>
    setSeek({
      ...form, words: form.words?.trim() || undefined, campaign: form.campaign?.trim() || undefined, case: form.case?.trim() || undefined,
      since: days?.[0]?.startOf('day').toISOString(), until: days?.[1]?.add(1, 'day').startOf('day').toISOString(),
    });
  const empty = () => {
    setForm({});
    setDays(null);
    setSeek({});
    if (location.search) go('/calls', 'replace');
  };
  const asFile = async () => {
    try {
      const rows: Call[] = [];
      for (let cursor: string | undefined; rows.length < MOST_EXPORTED; ) {
        const page = await ask(client.POST('/v1/search', { params, body: { ...seek, cursor, limit: 200 } }));
        rows.push(...page.items);
        cursor = page.next ?? undefined;
        if (!cursor) break;
      }
      download('calls.csv', [
        ['attempt', 'campaign', 'case', 'dialled_at', 'answered_at', 'ended_at', 'talk_s', 'answered_by', 'disposition', 'speaker', 'text'],
        ...rows.map((c) => [c.attempt, c.campaign, c.case, c.dialled_at, c.answered_at, c.ended_at, Math.round(talkMs(c) / 1000), c.answered_by, c.disposition, c.said?.speaker, c.said?.text]),
      ]);
    } catch (problem) {
      void message.error(said(problem, lang));
    }
  };
  const filtered = Object.values(seek).some(Boolean);
  return (
    <>
      <Head title={t('nav.calls')} lead={t('calls.lead')}><InClear of={clear} /><Button onClick={() => void asFile()}>{t('do.export')}</Button></Head>
      <Card>
        <form className="filters" role="search" onSubmit={(event) => { event.preventDefault(); search(); }}>
          <label title={t('calls.words.help')}>{t('calls.words')}<Input style={{ width: 200 }} value={form.words ?? ''} maxLength={100} allowClear onChange={(e) => set({ words: e.target.value })} /></label>
          <label>{t('calls.who')}<Select style={{ width: 110 }} value={form.speaker ?? ''} aria-label={t('calls.who')} onChange={(v) => set({ speaker: (v || undefined) as Seek['speaker'] })} options={[{ value: '', label: t('all') }, ...(['callee', 'bot', 'agent'] as const).map((who) => ({ value: who, label: n('who', who) }))]} /></label>
          <label>{t('call.disposition')}<Select style={{ width: 140 }} showSearch={{ optionFilterProp: 'label' }} aria-label={t('call.disposition')} value={form.disposition ?? ''} onChange={(v) => set({ disposition: v || undefined })} options={[{ value: '', label: t('all') }, ...namesOf('ended').map((name) => ({ value: name, label: n('ended', name) }))]} /></label>
          <label>{t('campaign')}<Input style={{ width: 130 }} value={form.campaign ?? ''} maxLength={64} onChange={(e) => set({ campaign: e.target.value || undefined })} /></label>
          <label>{t('call.case')}<Input style={{ width: 110 }} value={form.case ?? ''} maxLength={64} onChange={(e) => set({ case: e.target.value || undefined })} /></label>
          <label>{t('calls.days')}<DatePicker.RangePicker style={{ width: 240 }} allowEmpty={[true, true]} value={days} onChange={setDays} /></label>
          <Button type="primary" htmlType="submit">{t('do.search')}</Button>
          {filtered && <Button onClick={empty}>{t('do.clear')}</Button>}
        </form>
      </Card>
      {seek.case && may('cases:read') && <Card title={t('place.of', { id: seek.case })}><Places of={seek.case} /></Card>}
      <Shown query={query}>
        {(calls) => (
          <Listed
            head={<tr><th>{t('call.dialled')}</th><th>{t('call.case')}</th><th>{t('campaign')}</th><th>{t('call.disposition')}</th><th>{t('call.answered_by')}</th><th className="r">{t('call.talk')}</th>{seek.words && <th>{t('calls.said')}</th>}</tr>}
            none={filtered ? <Nothing title={t('calls.none')} lead={t('calls.none.lead')} /> : <Nothing title={t('calls.none.yet')} lead={t('calls.none.yet.lead')} />}
            more={next ? more : undefined}
          >
            {calls.map((call, index) => (
              <tr key={`${call.attempt} ${index}`}>
                <td className="num"><Link to={`/calls/${call.attempt}${call.said ? `?at=${call.said.at_ms}` : ''}`}>{time(call.dialled_at)}</Link></td>
                <td className="num">{call.case}</td>
                <td className="num">{call.campaign ?? '–'}</td>
                <td><Mark of={call.disposition}>{n('ended', call.disposition)}</Mark></td>
                <td>{n('by', call.answered_by)}</td>
                <td className="r">{call.answered_at ? clock(talkMs(call)) : '–'}</td>
                {seek.words && <td className="said">{call.said && <><span className="soft">{n('who', call.said.speaker)} {clock(call.said.at_ms)} </span><Marked text={call.said.text} words={seek.words} /></>}</td>}
              </tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default Calls;
