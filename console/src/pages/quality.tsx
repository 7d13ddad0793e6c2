// What calls were judged to be: how often each check held, and the calls in which one did not.
import { Button, Select } from 'antd';
import { useState } from 'react';
import { ask, client } from '../client';
import { Score } from '../judged';
import { Link } from '../link';
import { Card, Head, Listed, Mark, Nothing, Scroll, Shown } from '../parts';
import { usePages } from '../pages';
import { useQuery } from '../query';
import { useWords } from '../session';

type Which = 'all' | 'wrong' | 'critical';

const Quality = () => {
  const { t, n, time, num, pct, lang } = useWords();
  const [which, setWhich] = useState<Which>('all');
  const [failing, setFailing] = useState('');
  const asked = { passed: which === 'wrong' ? false : undefined, critical: which === 'critical' ? true : undefined, failing: failing || undefined };
  const checks = useQuery(() => ask(client.GET('/v1/quality/checks', { params: { query: {} } })), 'checks', 30_000);
  const { query, next, more } = usePages((cursor) => ask(client.GET('/v1/quality', { params: { query: { ...asked, cursor, limit: 50 } } })), JSON.stringify(asked));
  const titled = new Map((checks.data ?? []).map((check) => [check.id, check[lang]]));
  return (
    <>
      <Head title={t('nav.quality')} lead={t('quality.lead')} />
      <Shown query={checks}>
        {(held) => held.length > 0 && (
          <Card title={t('quality.checks')} className="flush">
            <Scroll>
              <table className="plain-table">
                <thead><tr><th>{t('quality.checks')}</th><th className="r">{t('quality.held')}</th><th className="r">{t('quality.failures')}</th><th /></tr></thead>
                <tbody>{held.map((check) => (
                  <tr key={check.id}>
                    <td><Mark of={check.failed ? 'fail' : check.passed ? 'pass' : 'does_not_apply'}>{check[lang]}</Mark></td>
                    <td className="r">{pct(check.passed, check.passed + check.failed)}</td><td className="r">{num(check.failed)}</td>
                    <td>{check.failed > 0 && <Button size="small" onClick={() => { setFailing(check.id); setWhich('all'); }}>{t('campaign.calls')}</Button>}</td>
                  </tr>
                ))}</tbody>
              </table>
            </Scroll>
          </Card>
        )}
      </Shown>
      <Card>
        <div className="filters">
          <label>{t('quality.which')}<Select<Which> style={{ width: 160 }} aria-label={t('quality.which')} value={which} onChange={setWhich} options={[{ value: 'all', label: t('quality.all') }, { value: 'wrong', label: t('quality.wrong') }, { value: 'critical', label: t('quality.wrong.critical') }]} /></label>
          <label>{t('quality.failing')}<Select style={{ width: 320 }} aria-label={t('quality.failing')} value={failing} onChange={setFailing} options={[{ value: '', label: t('quality.any') }, ...(checks.data ?? []).map((check) => ({ value: check.id, label: check[lang] }))]} /></label>
        </div>
      </Card>
      <Shown query={query}>
        {(calls) => (
          <Listed
            head={<tr><th>{t('call.ended')}</th><th>{t('quality.score')}</th><th>{t('quality.failing')}</th><th>{t('call.disposition')}</th><th>{t('campaign')}</th><th>{t('campaign.script')}</th><th>{t('quality.agent')}</th></tr>}
            none={<Nothing title={t('quality.none')} lead={t('quality.none.lead')} />}
            more={next ? more : undefined}
          >
            {calls.map((call) => (
              <tr key={call.attempt}>
                <td className="num"><Link to={`/calls/${call.attempt}`}>{time(call.ended_at)}</Link></td>
                <td><Score score={call.score} passed={call.passed} />{call.critical && <b className="critical"> {t('quality.critical')}</b>}</td>
                <td>{call.failing.map((id) => titled.get(id) ?? id).join(lang === 'zh' ? '；' : '; ')}</td>
                <td><Mark of={call.disposition}>{n('ended', call.disposition)}</Mark></td>
                <td>{call.campaign ?? '–'}</td><td>{call.script}</td><td>{call.agent ?? '–'}</td>
              </tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default Quality;
