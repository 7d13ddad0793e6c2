// Reports that are made by themselves: the plans, what was made, how each is getting on, and one to look at.
import { App, Button } from 'antd';
import { useMemo, useState } from 'react';
import { ask, client, handOver, part, said, type Shape } from '../client';
import { Dialog } from '../dialog';
import { Card, Head, Mark, Moment, Nothing, Scroll, Shown } from '../parts';
import { usePages } from '../pages';
import { useQuery } from '../query';
import { useWords } from '../session';

type Content = Shape['ReportContent'];

/** A table of a report's page. */
interface Table {
  title: string;
  heads: string[];
  rows: string[][];
}

/** The tables of a page, as text: nothing of it is taken in as it stands. */
const tablesOf = (html: string, zh: boolean): Table[] => {
  // Its styles are for mail programs: the policy lets none of them in, not even unseen.
  const page = new DOMParser().parseFromString(html.replace(/ style="[^"]*"/g, ''), 'text/html');
  // A heading has both languages, a line each.
  const head = (cell: Element) => {
    const lines = [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent ?? '');
    return (zh ? lines[1] : lines[0]) ?? lines[0] ?? '';
  };
  return [...page.querySelectorAll('h3')].map((title) => {
    const next = title.nextElementSibling;
    const [first, ...rest] = next?.tagName === 'TABLE' ? [...next.querySelectorAll('tr')] : [];
    const heads = first ? [...first.children].map(head) : [];
    const rows = rest.map((row) => [...row.children].map((cell) => cell.textContent ?? ''));
    // What has a word in either language has two cells under one heading.
    if (heads[1] === '') {
      heads.splice(1, 1);
      rows.forEach((row) => row.splice(zh ? 0 : 1, 1));
    }
    return { title: title.textContent ?? '', heads, rows };
  });
};

const numeric = (text: string | undefined) => text !== undefined && /^[\d.,%]+$/.test(text);

/** What stands in a report, and both its files. */
const Seen = ({ of, preview, close }: { of: Content; preview: boolean; close: () => void }) => {
  const { t, lang } = useWords();
  const tables = useMemo(() => tablesOf(of.html, lang === 'zh'), [of.html, lang]);
  const name = `${of.report}-${of.period}`;
  return (
    <Dialog width={920} title={t('report.title', { report: of.report, period: of.period })} onCancel={close} footer={<div className="acts">
      <Button onClick={() => handOver(new Blob([of.csv], { type: 'text/csv;charset=utf-8' }), `${name}.csv`)}>{t('report.csv')}</Button>
      <Button onClick={() => handOver(new Blob([of.html], { type: 'text/html;charset=utf-8' }), `${name}.html`)}>{t('report.html')}</Button>
    </div>}>
      {preview && <p className="soft small">{t('report.preview.lead')}</p>}
      {tables.map(({ title, heads, rows }) => (
        <section key={title} style={{ marginTop: 12 }}>
          <h2>{part(title, lang)}</h2>
          {rows.length ? (
            <Scroll>
              <table className="plain-table">
                <thead><tr>{heads.map((head, index) => <th key={index} className={numeric(rows[0]?.[index]) ? 'r' : undefined}>{head}</th>)}</tr></thead>
                <tbody>{rows.map((row, at) => <tr key={at}>{row.map((cell, index) => <td key={index} className={numeric(cell) ? 'r' : undefined}>{cell}</td>)}</tr>)}</tbody>
              </table>
            </Scroll>
          ) : <p className="soft">{t('report.nothing')}</p>}
        </section>
      ))}
    </Dialog>
  );
};

const Reports = () => {
  const { t, n, lang, num, time } = useWords();
  const { message } = App.useApp();
  const [seen, setSeen] = useState<{ of: Content; preview: boolean }>();
  const plans = useQuery(() => ask(client.GET('/v1/reports')), 'reports');
  const { query: made, next, more } = usePages((cursor) => ask(client.GET('/v1/reports/made', { params: { query: { cursor, limit: 50 } } })), 'reports made');
  const see = async (content: Promise<Content>, preview: boolean) => {
    try {
      setSeen({ of: await content, preview });
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  return (
    <>
      <Head title={t('nav.reports')} lead={t('reports.lead')} />
      <Shown query={plans}>
        {({ mails, items }) => (
          <>
            {!mails && items.some(({ mail }) => mail.length) && <p className="note warn" role="status" style={{ marginBottom: 12 }}>{t('reports.no_mail')}</p>}
            <Card className="flush" title={t('reports.plans')} extra={items.length > 0 && <span className="soft small">{t('reports.plans.lead')}</span>}>
              {items.length ? (
                <Scroll>
                  <table className="plain-table">
                    <thead><tr><th>{t('report')}</th><th>{t('report.every')}</th><th>{t('report.campaigns')}</th><th>{t('report.to')}</th><th>{t('report.next')}</th><th /></tr></thead>
                    <tbody>{items.map((plan) => (
                      <tr key={plan.name}>
                        <td><code>{plan.name}</code></td>
                        <td>{t(plan.every === 'week' ? 'report.every.week' : 'report.every.day', { hour: String(plan.hour).padStart(2, '0') })} <span className="soft small">{plan.zone}</span></td>
                        <td>{plan.campaigns.join(', ') || t('all')}</td>
                        <td>{plan.mail.join(', ') || <span className="soft">{t('report.to.events')}</span>}</td>
                        <td className="num"><Moment at={plan.next_at} zone={plan.zone} /></td>
                        <td><Button size="small" aria-label={`${t('report.preview')}: ${plan.name}`} onClick={() => void see(ask(client.GET('/v1/reports/{report}/preview', { params: { path: { report: plan.name } } })), true)}>{t('report.preview')}</Button></td>
                      </tr>
                    ))}</tbody>
                  </table>
                </Scroll>
              ) : <Nothing title={t('reports.plans.none')} lead={t('reports.plans.none.lead')} />}
            </Card>
          </>
        )}
      </Shown>
      <Shown query={made}>
        {(rows) => (
          <Card className="flush" title={t('report.made')}>
            {rows.length ? (
              <Scroll>
                <table className="plain-table">
                  <thead><tr><th>{t('report')}</th><th>{t('report.period')}</th><th>{t('report.made_at')}</th><th>{t('report.state')}</th><th className="r">{t('report.tries')}</th><th /></tr></thead>
                  <tbody>{rows.map((row) => (
                    <tr key={`${row.report} ${row.period}`}>
                      <td><code>{row.report}</code></td><td className="num">{row.period}</td><td className="num"><Moment at={row.made_at} /></td>
                      <td><Mark of={row.state === 'sent' || row.state === 'kept' ? 'approved' : row.state === 'failed' ? 'denied' : 'waits'}>{n('delivery', row.state)}</Mark>
                        {row.sent_at && <> <span className="soft small"><Moment at={row.sent_at} /></span></>}
                        {row.next_at && <> <span className="soft small">{t('delivery.again', { at: time(row.next_at) })}</span></>}
                        {row.told && <><br /><span className="soft small">{row.told}</span></>}</td>
                      <td className="r">{num(row.tries)}</td>
                      <td><Button size="small" aria-label={`${t('report.see')}: ${row.report} ${row.period}`} onClick={() => void see(ask(client.GET('/v1/reports/{report}/{period}', { params: { path: { report: row.report, period: row.period } } })), false)}>{t('report.see')}</Button></td>
                    </tr>
                  ))}</tbody>
                </table>
              </Scroll>
            ) : <Nothing title={t('report.none')} lead={t('report.none.lead')} />}
            {next && <div className="more"><Button onClick={more}>{t('do.more')}</Button></div>}
          </Card>
        )}
      </Shown>
      {seen && <Seen {...seen} close={() => setSeen(undefined)} />}
    </>
  );
};

export default Reports;
