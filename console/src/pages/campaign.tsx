// One campaign: how far it is, what it does, and starting, pausing, stopping it.
import { App, Button, Space, Switch } from 'antd';
import { useMemo, useState } from 'react';
import { ask, client, said, type Shape } from '../client';
import { Card, Facts, Figure, Head, HERE, Mark, Moment, Shown } from '../parts';
import { useQuery } from '../query';
import { go } from '../router';
import { useSession, useWords } from '../session';
import { Edit } from '../campaign-edit';
import { readStrategy } from '../strategy-file';
import { StrategyView } from '../strategy-view';
import { Progress } from './board';
import { scriptOf, type Settings } from './campaigns';

type Campaign = Shape['CampaignRecord'];
type Act = 'start' | 'resume' | 'pause' | 'stop';

const DO = {
  start: (campaign: string) => client.POST('/v1/campaigns/{campaign}/start', { params: { path: { campaign } } }),
  resume: (campaign: string) => client.POST('/v1/campaigns/{campaign}/resume', { params: { path: { campaign } } }),
  pause: (campaign: string) => client.POST('/v1/campaigns/{campaign}/pause', { params: { path: { campaign } } }),
  stop: (campaign: string) => client.POST('/v1/campaigns/{campaign}/stop', { params: { path: { campaign } } }),
};
const MAY: Record<string, Act[]> = { created: ['start', 'stop'], running: ['pause', 'stop'], paused: ['resume', 'stop'], stopped: [] };

/** What can be done with a campaign as it stands, asked once more before it is done. */
export const Acts = ({ campaign, done, size }: { campaign: Campaign; done: () => void; size?: 'small' }) => {
  const { t, lang, n } = useWords();
  const { may } = useSession();
  const { modal, message } = App.useApp();
  const acts = (MAY[campaign.state] ?? []).filter((act) => may(act === 'start' || act === 'resume' ? 'campaigns:write' : 'campaigns:stop'));
  const act = (act: Act) => {
    const asked = act === 'resume' ? 'start' : act;
    modal.confirm({
      ...HERE,
      title: t(`campaign.${asked}.sure`, { id: campaign.id }),
      content: t(`campaign.${asked}.what`),
      okText: t(`campaign.${act}`),
      cancelText: t('do.cancel'),
      okButtonProps: { danger: act === 'stop' },
      onOk: async () => {
        try {
          const stands = await ask(DO[act](campaign.id));
          void message.success(t('campaign.done', { id: stands.id, state: n('state', stands.state) }));
          done();
        } catch (problem) {
          void message.error(said(problem, lang));
        }
      },
    });
  };
  return (
    <Space size="small">
      {acts.map((name) => (
        <Button key={name} size={size} danger={name === 'stop'} type={size ? 'default' : name === 'start' || name === 'resume' ? 'primary' : 'default'} onClick={() => act(name)}>
          {t(`campaign.${name}`)}
        </Button>
      ))}
    </Space>
  );
};

/** What a campaign goes by, as tables or as its file. */
const Strategy = ({ text }: { text: string }) => {
  const { t } = useWords();
  const [raw, setRaw] = useState(false);
  const of = useMemo(() => readStrategy(text), [text]);
  return (
    <Card title={t('campaign.strategy')} extra={of && <label className="small soft"><Switch size="small" checked={raw} onChange={setRaw} aria-label={t('strategy.file')} /> {t('strategy.file')}</label>}>
      {of && !raw ? <StrategyView of={of} /> : <pre className="code" tabIndex={0}>{text}</pre>}
    </Card>
  );
};

const CampaignPage = ({ at }: { at: Record<string, string> }) => {
  const campaign = at.campaign ?? '';
  const { t, n, num } = useWords();
  const { may } = useSession();
  const [editing, setEditing] = useState(false);
  const path = { campaign };
  const query = useQuery(
    async () => ({
      campaign: await ask(client.GET('/v1/campaigns/{campaign}', { params: { path } })),
      counts: await ask(client.GET('/v1/campaigns/{campaign}/counts', { params: { path } })),
    }),
    campaign,
    3000,
  );
  return (
    <Shown query={query}>
      {({ campaign, counts }) => {
        const settings = campaign.settings as Settings;
        return (
          <>
            <Head title={<>{campaign.id} <Mark of={campaign.state}>{n('state', campaign.state)}</Mark></>}>
              {may('calls:read') && <Button onClick={() => go(`/calls?campaign=${campaign.id}`)}>{t('campaign.calls')}</Button>}
              {may('events:read') && <Button onClick={() => go(`/results?campaign=${campaign.id}`)}>{t('campaign.results')}</Button>}
              <Acts campaign={campaign} done={query.reload} />
            </Head>
            <div className="figures">
              {(['ready', 'leased', 'waiting', 'done'] as const).map((name) => <Figure key={name} name={t(`case.${name}`)} value={num(counts[name])} />)}
            </div>
            <Card title={t('campaign.progress')} extra={counts.next_due ? <span className="soft">{t('campaign.next_due')} <Moment at={counts.next_due} /></span> : undefined}><Progress of={counts} /></Card>
            <Card title={t('campaign.settings')} extra={may('campaigns:write') && campaign.state !== 'stopped' && <Button onClick={() => setEditing(true)}>{t('campaign.edit')}</Button>}>
              <Facts of={[
                [t('campaign.script'), scriptOf(campaign)],
                [t('campaign.trunk'), settings.trunk],
                [t('campaign.strategy'), settings.strategy ?? 'default'],
                [t('campaign.pacing'), n('pacing', settings.pacing?.mode ?? 'agentless')],
                [t('campaign.max_calls'), settings.pacing?.max_calls],
                [t('campaign.priority'), settings.pacing?.priority],
                [t('campaign.weight'), settings.pacing?.weight],
                [t('campaign.ring_s'), settings.pacing?.ring_s],
                [t('campaign.from'), settings.from],
                [t('campaign.until'), settings.until],
                [t('campaign.made'), <Moment key="made" at={campaign.created_at} />],
                [t('campaign.changed'), <Moment key="changed" at={campaign.changed_at} />],
              ]} />
            </Card>
            <Strategy text={campaign.strategy} />
            {editing && <Edit campaign={campaign} close={() => setEditing(false)} done={() => { setEditing(false); query.reload(); }} />}
          </>
        );
      }}
    </Shown>
  );
};

export default CampaignPage;
