// Who changed or looked at what.
import { Button } from 'antd';
import { useState } from 'react';
import { Card, Head, Listed, Mark, Nothing, Shown, Trouble } from '../parts';
import { ask, client, part, type Shape } from '../client';
import { usePages } from '../pages';
import { useWords } from '../session';
import type { Word } from '../words';

/** What an act is called, by its method and path; one that is not among them is shown as it is. */
const ACTS: [RegExp, Word][] = [
  [/^GET .*\/recording$/, 'act.hear'], [/^GET .*\/transcript$/, 'act.read'], [/^POST \/v1\/search$/, 'act.search'],
  [/^POST \/v1\/cases$/, 'act.import'], [/^(PATCH|DELETE) \/v1\/cases\//, 'act.case'],
  [/^POST \/v1\/campaigns$/, 'act.campaign'], [/^POST .*\/cases$/, 'act.fill'], [/\/(start|resume)$/, 'act.start'], [/\/pause$/, 'act.pause'], [/\/stop$/, 'act.stop'],
  [/\/approve$/, 'act.approve'], [/^POST \/v1\/scripts\/.*\/withdraw$/, 'act.withdraw'],
  [/^POST \/v1\/do-not-call$/, 'act.bar'], [/\/lookup$/, 'act.look'], [/do-not-call\/lift$/, 'act.lift'],
  [/^GET .*\/bundle$/, 'act.bundle'], [/^POST \/v1\/holds$/, 'act.hold'], [/^POST \/v1\/holds\/.*\/lift$/, 'act.unhold'],
  [/^POST \/v1\/debtors\/find$/, 'act.person_found'], [/^(POST \/v1\/debtors\/|debtor )access$/, 'act.person_told'], [/^(POST \/v1\/debtors\/|debtor )erase$/, 'act.person_erased'],
  [/^PATCH \/v1\/campaigns\//, 'act.campaign_changed'], [/^PUT \/v1\/strategies\//, 'act.strategy'], [/^POST \/v1\/reviews\//, 'act.review'], [/^(POST|DELETE) \/v1\/practice$/, 'act.practice'],
  [/^PUT \/v1\/session\/password$/, 'act.password'], [/^DELETE \/v1\/session\/others$/, 'act.others_ended'],
  [/^PUT \/v1\/session\/second-factor$/, 'act.factor_offered'], [/^POST \/v1\/session\/second-factor$/, 'act.factor_on'], [/^(POST \/v1\/session\/second-factor\/remove$|person second-factor )/, 'act.factor_off'],
  [/^POST \/v1\/session$/, 'act.sign_in'], [/^DELETE \/v1\/session$/, 'act.sign_out'], [/^POST \/v1\/people$/, 'act.person'], [/^(PATCH \/v1\/people\/|person change )/, 'act.person_changed'],
];

/** What something was seen in clear for. */
const PURPOSE = / for ([a-z_]+)$/;

/** Whether every row still carries the hash of the one before. */
const Check = () => {
  const { t, num, lang } = useWords();
  const [found, setFound] = useState<Shape['Chain']>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const check = async () => {
    setBusy(true);
    setProblem(undefined);
    await ask(client.GET('/v1/audit/check')).then(setFound, setProblem);
    setBusy(false);
  };
  return (
    <Card title={t('audit.chain')} extra={<Button loading={busy} onClick={() => void check()}>{t('audit.check')}</Button>}>
      <p className="soft small">{t('audit.chain.lead')}</p>
      {problem !== undefined && <Trouble problem={problem} />}
      {found && (
        <div aria-live="polite" style={{ marginTop: 10 }}>
          {found.whole ? <p className="note good">{t('audit.whole', { n: num(found.rows) })}</p> : <p className="note bad" role="alert">{t('audit.broken', { n: num(found.rows) })} {found.fault && part(found.fault, lang)}</p>}
          <p className="small soft" style={{ marginTop: 6 }}>{t('audit.head')} <code>{found.head}</code></p>
        </div>
      )}
    </Card>
  );
};

const Audit = () => {
  const { t, n, time } = useWords();
  const named = (act: string) => {
    const word = ACTS.find(([pattern]) => pattern.test(act.replace(PURPOSE, '')))?.[1];
    const purpose = PURPOSE.exec(act)?.[1];
    return [word && t(word), purpose && n('purpose', purpose)].filter(Boolean).join(' · ');
  };
  const { query, more, next } = usePages((cursor) => ask(client.GET('/v1/audit', { params: { query: { cursor, limit: 100 } } })), 'audit');
  return (
    <>
      <Head title={t('nav.audit')} lead={t('audit.lead')} />
      <Check />
      <Shown query={query}>
        {(rows) => (
          <Listed
            head={<tr><th className="r">#</th><th>{t('audit.at')}</th><th>{t('audit.person')}</th><th>{t('audit.act')}</th><th>{t('audit.status')}</th><th>{t('audit.by')}</th><th>{t('audit.request')}</th></tr>}
            none={<Nothing title={t('audit.none')} />}
            more={next ? more : undefined}
          >
            {rows.map((row) => (
              <tr key={row.id}>
                <td className="r soft" title={row.hash ?? undefined}>{row.number}</td>
                <td className="num">{time(row.at)}</td>
                <td>{row.person}</td>
                <td>{named(row.act)} <code className="soft small">{row.act}</code></td>
                <td><Mark of={row.status && row.status < 400 ? 'allowed' : 'denied'}>{row.status ?? t('unknown')}</Mark></td>
                <td className="soft">{row.token}</td>
                <td className="soft"><code title={row.request}>{row.request.slice(0, 12)}</code></td>
              </tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default Audit;
