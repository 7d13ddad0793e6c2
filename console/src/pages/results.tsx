// What came of calls: from dialling to promises kept, and by what tells them apart.
import { Button, DatePicker, Segmented, Select } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useMemo, useState } from 'react';
import { Chart, type Drawing } from '../chart';
import { ask, client, type Shape } from '../client';
import { download } from '../csv';
import { Card, Figure, Head, Heading, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { go, useLocation } from '../router';
import { clock, useWords } from '../session';

type Cell = Shape['Cell'];
type By = 'disposition' | 'script' | 'kind' | 'grade' | 'hour';

/** What a label of a drawing is given. */
interface Labelled {
  name: string;
  value: unknown;
}

interface Sum {
  name: string;
  calls: number;
  answered: number;
  person: number;
  promises: number;
  due: number;
  kept: number;
  part: number;
  promised: number;
  talk: number;
}

const sum = (name: string, cells: Cell[]): Sum => {
  const of = (take: (cell: Cell) => number) => cells.reduce((all, cell) => all + take(cell), 0);
  const person = (cell: Cell) => (cell.answered_by === 'human' ? cell.calls : 0);
  return {
    name, calls: of((c) => c.calls), person: of(person), promises: of((c) => c.promises), due: of((c) => c.due), kept: of((c) => c.kept), part: of((c) => c.kept_in_part), promised: of((c) => c.promised), talk: of((c) => c.talk_ms),
    answered: of((c) => (c.answered_by === 'nobody' || c.answered_by === 'announcement' ? 0 : c.calls)),
  };
};

const by = (cells: Cell[], key: By): Sum[] => {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const name = String(cell[key]);
    groups.set(name, [...(groups.get(name) ?? []), cell]);
  }
  return [...groups].map(([name, cells]) => sum(name, cells)).sort((a, b) => (key === 'hour' ? Number(a.name) - Number(b.name) : b.calls - a.calls));
};

const SPANS = { today: 0, week: 6, month: 29 } as const;

const axis = { axisLine: { lineStyle: { color: '#9fb0ba' } }, axisTick: { show: false }, splitLine: { lineStyle: { color: '#eef1f4' } } };

/** What calls cost, where the trunk's file tells rates. */
const Costs = ({ campaign, since, until }: { campaign: string; since: string; until: string }) => {
  const { t, num } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/results/costs', { params: { query: { campaign: campaign || undefined, since, until } } })), `costs ${campaign} ${since} ${until}`);
  if (!query.data?.length) return null;
  const sum = (amount: string | null | undefined, currency: string) => (amount == null ? '–' : `${amount} ${currency}`);
  return (
    <Card title={t('results.costs')} className="flush" extra={<span className="soft small">{t('results.costs.lead')}</span>}>
      <Scroll>
        <table className="plain-table">
          <thead><tr><th>{t('campaign')}</th><th>{t('campaign.trunk')}</th><th className="r">{t('results.calls')}</th><th className="r">{t('results.costs.calls')}</th><th className="r">{t('results.costs.agents')}</th><th className="r">{t('results.costs.contact')}</th><th className="r">{t('results.costs.promise')}</th><th className="r">{t('results.costs.kept')}</th></tr></thead>
          <tbody>{query.data.map((cost) => (
            <tr key={`${cost.campaign} ${cost.trunk} ${cost.currency}`}><td>{cost.campaign ?? '–'}</td><td>{cost.trunk ?? '–'}</td><td className="r">{num(cost.calls)}</td><td className="r">{sum(cost.calls_cost, cost.currency)}</td><td className="r">{sum(cost.agents_cost, cost.currency)}</td><td className="r">{sum(cost.per_contact, cost.currency)}</td><td className="r">{sum(cost.per_promise, cost.currency)}</td><td className="r">{sum(cost.per_kept, cost.currency)}</td></tr>
          ))}</tbody>
        </table>
      </Scroll>
    </Card>
  );
};

const Results = () => {
  const { t, n, num, pct, lang } = useWords();
  const { query: asked } = useLocation();
  const campaign = asked.get('campaign') ?? '';
  const [days, setDays] = useState<[Dayjs, Dayjs]>(() => [dayjs().subtract(SPANS.week, 'day'), dayjs()]);
  const since = days[0].startOf('day').toISOString();
  const until = days[1].add(1, 'day').startOf('day').toISOString();
  const campaigns = useQuery(() => ask(client.GET('/v1/campaigns', { params: { query: { limit: 200 } } })), 'names');
  const ahead_min = -new Date().getTimezoneOffset();
  const query = useQuery(() => ask(client.GET('/v1/results', { params: { query: { campaign: campaign || undefined, since, until, ahead_min } } })), `${campaign} ${since} ${until}`, 30_000);
  const span = (Object.keys(SPANS) as (keyof typeof SPANS)[]).find((name) => days[1].isSame(dayjs(), 'day') && days[1].diff(days[0], 'day') === SPANS[name]);
  const label = (key: By, name: string) => (name === '' ? t('results.unset') : key === 'disposition' ? n('ended', name) : key === 'kind' ? n('kind', name) : key === 'hour' ? `${name.padStart(2, '0')}:00` : name);
  const drawn = useMemo(() => {
    const cells = query.data ?? [];
    const all = sum('', cells);
    const confirmed = cells.reduce((sum, cell) => sum + (cell.identity === 'confirmed' ? cell.calls : 0), 0);
    const steps: [string, number][] = [
      [t('results.funnel.dialled'), all.calls], [t('results.funnel.answered'), all.answered], [t('results.funnel.person'), all.person],
      [t('results.funnel.confirmed'), confirmed], [t('results.funnel.promised'), all.promises],
      [t('results.funnel.kept'), all.kept],
    ];
    const funnel: Drawing = {
      tooltip: {},
      series: [{ type: 'funnel', sort: 'none', left: 20, right: 170, top: 10, bottom: 10, minSize: '4%', gap: 3,
        label: { position: 'right', formatter: ({ name, value }: Labelled) => `${name}  ${num(Number(value))}  ${pct(Number(value), all.calls)}` },
        labelLine: { length: 12 }, itemStyle: { borderWidth: 0 },
        data: steps.map(([name, value], index) => ({ name, value, itemStyle: { color: ['#07363b', '#0a5c63', '#2f7f85', '#6fb0b5', '#e0a526', '#5b8c3a'][index] } })) }],
    };
    const ends = by(cells, 'disposition').slice(0, 14).reverse();
    const dispositions: Drawing = {
      tooltip: {}, grid: { left: 8, right: 56, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: 'value', show: false }, yAxis: { type: 'category', data: ends.map(({ name }) => n('ended', name)), ...axis },
      series: [{ type: 'bar', barMaxWidth: 18, data: ends.map(({ calls }) => calls), label: { show: true, position: 'right', formatter: ({ value }: Labelled) => num(Number(value)) } }],
    };
    const hours = Array.from({ length: 24 }, (_, hour) => sum(String(hour), cells.filter((cell) => cell.hour === hour)));
    const rate: Drawing = {
      tooltip: { trigger: 'axis' }, legend: { top: 0 }, grid: { left: 8, right: 8, top: 36, bottom: 4, containLabel: true },
      xAxis: { type: 'category', data: hours.map(({ name }) => name.padStart(2, '0')), ...axis }, yAxis: { type: 'value', minInterval: 1, ...axis },
      series: [
        { name: t('results.calls'), type: 'bar', data: hours.map(({ calls }) => calls), itemStyle: { color: '#6fb0b5' } },
        { name: t('results.funnel.person'), type: 'bar', data: hours.map(({ person }) => person), itemStyle: { color: '#0a5c63' } },
        { name: t('results.promises'), type: 'bar', data: hours.map(({ promises }) => promises), itemStyle: { color: '#e0a526' } },
        { name: t('results.kept'), type: 'bar', data: hours.map(({ kept }) => kept), itemStyle: { color: '#5b8c3a' } },
      ],
    };
    return { all, funnel, dispositions, rate, height: Math.max(160, ends.length * 26) };
  }, [query.data, t, n, num, pct]);
  const asFile = () =>
    download('results.csv', [
      ['disposition', 'answered_by', 'identity', 'script', 'kind', 'risk_grade', 'hour', 'calls', 'promises', 'due', 'kept', 'kept_in_part', 'promised', 'talk_s'],
      ...(query.data ?? []).map((c) => [c.disposition, c.answered_by, c.identity, c.script, c.kind, c.grade, c.hour, c.calls, c.promises, c.due, c.kept, c.kept_in_part, (c.promised / 100).toFixed(2), Math.round(c.talk_ms / 1000)]),
    ]);
  const table = (key: By, title: string) => (
    <Card title={title} className="flush">
      <Scroll>
        <table className="plain-table">
          <thead><tr><th>{title}</th><th className="r">{t('results.calls')}</th><th className="r">{t('results.person_rate')}</th><th className="r">{t('results.promises')}</th><Heading name={t('results.promise_rate')} help={t('results.promise_rate.help')} /><th className="r">{t('results.due')}</th><th className="r">{t('results.kept')}</th><th className="r">{t('results.kept_in_part')}</th><Heading name={t('results.kept_rate')} help={t('results.kept_rate.help')} /><th className="r">{t('results.promised')}</th></tr></thead>
          <tbody>
            {by(query.data ?? [], key).map((row) => (
              <tr key={row.name}><td>{label(key, row.name)}</td><td className="r">{num(row.calls)}</td><td className="r">{pct(row.person, row.calls)}</td><td className="r">{num(row.promises)}</td><td className="r">{pct(row.promises, row.person)}</td><td className="r">{num(row.due)}</td><td className="r">{num(row.kept)}</td><td className="r">{num(row.part)}</td><td className="r">{pct(row.kept, row.due)}</td><td className="r">{num(row.promised / 100)}</td></tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
  return (
    <>
      <Head title={t('nav.results')} lead={t('results.lead')}>
        <Select style={{ minWidth: 180 }} aria-label={t('campaign')} value={campaign} onChange={(id) => go(id ? `/results?campaign=${id}` : '/results', 'replace')} options={[{ value: '', label: `${t('campaign')}: ${t('all')}` }, ...(campaigns.data?.items ?? []).map(({ id }) => ({ value: id, label: id }))]} />
        <Segmented aria-label={t('calls.days')} value={span ?? ''} options={(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((name) => ({ value: name, label: t(`results.${name}`) }))} onChange={(name) => setDays([dayjs().subtract(SPANS[name as keyof typeof SPANS], 'day'), dayjs()])} />
        <DatePicker.RangePicker allowClear={false} value={days} onChange={(days) => days?.[0] && days[1] && setDays([days[0], days[1]])} />
        <Button onClick={asFile}>{t('do.export')}</Button>
      </Head>
      <Shown query={query}>
        {() => drawn.all.calls === 0 ? <Card><Nothing title={t('results.none')} lead={t('results.none.lead')} /></Card> : (
          <>
            <div className="figures">
              <Figure name={t('results.calls')} value={num(drawn.all.calls)} />
              <Figure name={t('results.person_rate')} value={pct(drawn.all.person, drawn.all.calls)} />
              <Figure name={t('results.promises')} value={num(drawn.all.promises)} />
              <Figure name={t('results.promise_rate')} value={pct(drawn.all.promises, drawn.all.person)} help={t('results.promise_rate.help')} />
              <Figure name={t('results.due')} value={num(drawn.all.due)} />
              <Figure name={t('results.kept_rate')} value={pct(drawn.all.kept, drawn.all.due)} help={t('results.kept_rate.help')} />
              <Figure name={t('results.promised')} value={num(drawn.all.promised / 100)} />
              <Figure name={t('results.talk')} value={clock(drawn.all.talk / Math.max(1, drawn.all.answered))} />
            </div>
            <div className="grid" key={lang}>
              <Card title={t('results.funnel')}><Chart of={drawn.funnel} label={t('results.funnel')} /></Card>
              <Card title={t('results.dispositions')}><Chart of={drawn.dispositions} label={t('results.dispositions')} height={drawn.height} /></Card>
            </div>
            <Card title={t('results.by_hour')} extra={<span className="soft small">{Intl.DateTimeFormat().resolvedOptions().timeZone}</span>}><Chart of={drawn.rate} label={t('results.by_hour')} /></Card>
            <Costs campaign={campaign} since={since} until={until} />
            <div className="grid">
              {table('script', t('results.by_script'))}
              {table('kind', t('results.by_kind'))}
              {table('grade', t('results.by_grade'))}
              {table('hour', t('results.by_hour'))}
              {table('disposition', t('results.dispositions'))}
            </div>
          </>
        )}
      </Shown>
    </>
  );
};

export default Results;
