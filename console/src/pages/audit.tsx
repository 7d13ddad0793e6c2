// Who changed or looked at what.
import { Button } from 'antd';
import { Card, Head, Mark, Nothing, Shown } from '../parts';
import { ask, client } from '../client';
import { usePages } from '../pages';
import { useWords } from '../session';

const Audit = () => {
  const { t, time } = useWords();
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
                        <td><code>{row.act}</code></td>
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
