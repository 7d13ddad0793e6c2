// Versions of scripts: who submitted and approved them, what stands in them.
import { App, Button, Collapse } from 'antd';
import { useState } from 'react';
import { ask, client, said, type Shape } from '../client';
import { Dialog } from '../dialog';
import { Card, Head, HERE, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { useSession, useWords } from '../session';
import type { Word } from '../words';

type Version = Shape['Version'];

const DID: Record<string, Word> = { submitted: 'scripts.submitted', approved: 'scripts.act.approved', withdrawn: 'scripts.withdrawn' };

const Content = ({ of, close }: { of: Version; close: () => void }) => {
  const { t } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/scripts/{flow}/{sha256}', { params: { path: { flow: of.flow, sha256: of.sha256 } } })), of.sha256);
  return (
    <Dialog onCancel={close} footer={null} width={900} title={`${of.flow} · ${t('scripts.files')}`}>
      <Shown query={query}>
        {({ files }) => <Collapse accordion items={files.map(({ name, text }) => ({ key: name, label: name, children: <pre className="code" tabIndex={0}>{text}</pre> }))} />}
      </Shown>
    </Dialog>
  );
};

const Scripts = () => {
  const { t, time, lang } = useWords();
  const { may } = useSession();
  const { modal, message } = App.useApp();
  const [open, setOpen] = useState<Version>();
  const query = useQuery(() => ask(client.GET('/v1/scripts')), 'scripts');
  const act = (version: Version, name: 'approve' | 'withdraw') => {
    const params = { path: { flow: version.flow, sha256: version.sha256 } };
    modal.confirm({
      ...HERE,
      title: t(`scripts.${name}.sure`, { flow: version.flow, version: version.sha256.slice(0, 8) }),
      content: t(`scripts.${name}.what`),
      okText: t(`scripts.${name}`),
      cancelText: t('do.cancel'),
      okButtonProps: { danger: name === 'withdraw' },
      onOk: async () => {
        try {
          await ask(name === 'approve' ? client.POST('/v1/scripts/{flow}/{sha256}/approve', { params }) : client.POST('/v1/scripts/{flow}/{sha256}/withdraw', { params }));
          query.reload();
        } catch (problem) {
          void message.error(said(problem, lang), 8);
        }
      },
    });
  };
  return (
    <>
      <Head title={t('nav.scripts')} lead={t('scripts.lead')} />
      <Shown query={query}>
        {(versions) => (
          <Card className="flush">
            {versions.length ? (
              <Scroll>
                <table className="plain-table">
                  <thead><tr><th>{t('scripts.flow')}</th><th>{t('scripts.version')}</th><th>{t('dnc.stands')}</th><th>{t('scripts.acts')}</th><th /></tr></thead>
                  <tbody>
                    {[...versions].reverse().map((version) => (
                      <tr key={version.flow + version.sha256}>
                        <td>{version.flow}</td>
                        <td><code title={version.sha256}>{version.sha256.slice(0, 12)}</code></td>
                        <td><Mark of={version.approved ? 'approved' : 'waits'}>{t(version.approved ? 'scripts.approved' : 'scripts.waits')}</Mark></td>
                        <td>{version.acts.map((act) => <div key={act.at + act.act} className="small">{DID[act.act] ? t(DID[act.act] as Word) : act.act} · {act.by} · <span className="soft num">{time(act.at)}</span></div>)}</td>
                        <td><div className="acts">
                          <Button size="small" onClick={() => setOpen(version)}>{t('scripts.files')}</Button>
                          {may('scripts:approve') && <Button size="small" danger={version.approved} type={version.approved ? 'default' : 'primary'} onClick={() => act(version, version.approved ? 'withdraw' : 'approve')}>{t(version.approved ? 'scripts.withdraw' : 'scripts.approve')}</Button>}
                        </div></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            ) : <Nothing title={t('scripts.none')} lead={t('scripts.none.lead')} />}
          </Card>
        )}
      </Shown>
      {open && <Content of={open} close={() => setOpen(undefined)} />}
    </>
  );
};

export default Scripts;
