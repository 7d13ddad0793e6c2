// Who changed or looked at what.
import { Button } from 'antd';
import { Card, Head, Mark, Nothing, Shown } from '../parts';
import { ask, client } from '../client';
import { usePages } from '../pages';
import { useWords } from '../session';
import type { Word } from '../words';

/** What an act is called, by its method and path; one that is not among them is shown as it is. */
const ACTS: [RegExp, Word][] = [
  [/^GET .*\/recording$/, 'act.hear'], [/^GET .*\/transcript$/, 'act.read'], [/^POST \/v1\/search$/, 'act.search'],
  [/^POST \/v1\/cases$/, 'act.import'], [/^(PATCH|DELETE) \/v1\/cases\//, 'act.case'],
  [/^POST \/v1\/campaigns$/, 'act.campaign'], [/^POST .*\/cases$/, 'act.fill'], [/\/(start|resume)$/, 'act.start'], [/\/pause$/, 'act.pause'], [/\/stop$/, 'act.stop'],
  [/\/approve$/, 'act.approve'], [/^POST \/v1\/scripts\/.*\/withdraw$/, 'act.withdraw'],
  [/^POST \/v1\/do-not-call$/, 'act.bar'], [/\/lookup$/, 'act.look'], [/\/lift$/, 'act.lift'],
  [/^POST \/v1\/session$/, 'act.sign_in'], [/^DELETE \/v1\/session$/, 'act.sign_out'], [/^POST \/v1\/people$/, 'act.person'], [/^PATCH \/v1\/people\//, 'act.person_changed'],
];

const Audit = () => {
  const { t, time } = useWords();
  const named = (act: string) => {
    const word = ACTS.find(([pattern]) => pattern.test(act))?.[1];
    return word && t(word);
  };
  const { query, more, next } = usePages((cursor) => ask(client.GET('/v1/audit', { params: { query: { cursor, limit: 100 } } })), 'audit');
  return (
    <>
      <Head title={t('nav.audit')} lead={t('audit.lead')} />
      <Shown query={query}>
        {(rows) => (
          <Card className="flush">
            {rows.length ? (
              <div className="scroll">
                <table className="plain-table">
                  <thead><tr><th>{t('audit.at')}</th><th>{t('audit.person')}</th><th>{t('audit.act')}</th><th>{t('audit.status')}</th><th>{t('audit.by')}</th><th>{t('audit.request')}</th></tr></thead>
                  <tbody>
                    {rows.map((row) => (
                      <tr key={row.id}>
                        <td className="num">{time(row.at)}</td>
                        <td>{row.person}</td>
                        <td>{named(row.act)} <code className="soft small">{row.act}</code></td>
                        <td><Mark of={row.status && row.status < 400 ? 'allowed' : 'denied'}>{row.status ?? t('unknown')}</Mark></td>
                        <td className="soft">{row.token}</td>
                        <td className="soft"><code title={row.request}>{row.request.slice(0, 12)}</code></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : <Nothing title={t('audit.none')} />}
            {next && <div className="more"><Button onClick={more}>{t('do.more')}</Button></div>}
          </Card>
        )}
      </Shown>
    </>
  );
};

export default Audit;
