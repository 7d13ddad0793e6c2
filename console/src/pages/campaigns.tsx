// Campaigns and how far each is.
import { PlusOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { ask, client, type Shape } from '../client';
import { Link } from '../link';
import { Card, Head, Mark, Nothing, Scroll, Shown } from '../parts';
import { useQuery } from '../query';
import { go } from '../router';
import { useSession, useWords } from '../session';
import { Acts } from './campaign';
import { Progress } from './board';

type Campaign = Shape['CampaignRecord'];
export type Settings = { trunk?: string; script?: string; strategy?: string; from?: string; until?: string; variant?: { name: string; script: string; share: number }[]; pacing?: { mode?: string; max_calls?: number; priority?: number; weight?: number; ring_s?: number } };

/** How many are read: more than anybody has under way. */
const MOST = 200;

const load = async () => {
  const { items } = await ask(client.GET('/v1/campaigns', { params: { query: { limit: MOST } } }));
  const counts = await Promise.all(items.map((campaign) => ask(client.GET('/v1/campaigns/{campaign}/counts', { params: { path: { campaign: campaign.id } } }))));
  const rows = items.map((campaign, index) => ({ campaign, counts: counts[index] }));
  return rows.sort((a, b) => b.campaign.created_at.localeCompare(a.campaign.created_at));
};

/** What a campaign dials with, in few words. */
export const scriptOf = (campaign: Campaign): string => {
  const { script, variant } = campaign.settings as Settings;
  const short = (script: string) => script.replace(/@(.{8}).*/, '@$1');
  return script ? short(script) : (variant ?? []).map(({ name, script }) => `${name}: ${short(script)}`).join(', ');
};

const Campaigns = () => {
  const { t, n, time } = useWords();
  const { may } = useSession();
  const query = useQuery(load, 'campaigns', 5000);
  const begin = may('campaigns:write') && <Button type="primary" icon={<PlusOutlined aria-hidden />} onClick={() => go('/campaigns/new')}>{t('campaigns.new')}</Button>;
  return (
    <>
      <Head title={t('nav.campaigns')} lead={t('campaigns.lead')}>{begin}</Head>
      <Shown query={query}>
        {(rows) => rows.length === 0 ? (
          <Card><Nothing title={t('campaigns.empty')} lead={may('campaigns:write') ? t('campaigns.empty.lead') : undefined}>{begin} {may('campaigns:write') && <Button onClick={() => go('/practice')}>{t('nav.practice')}</Button>}</Nothing></Card>
        ) : (
          <Card className="flush">
            <Scroll>
              <table className="plain-table">
                <thead>
                  <tr><th>{t('campaign')}</th><th>{t('campaign.state')}</th><th>{t('campaign.progress')}</th><th className="r">{t('case.leased')}</th><th>{t('campaign.script')}</th><th>{t('campaign.trunk')}</th><th>{t('campaign.made')}</th><th /></tr>
                </thead>
                <tbody>
                  {rows.map(({ campaign, counts }) => (
                    <tr key={campaign.id}>
                      <td><Link to={`/campaigns/${campaign.id}`}>{campaign.id}</Link></td>
                      <td><Mark of={campaign.state}>{n('state', campaign.state)}</Mark></td>
                      <td>{counts && <Progress of={counts} />}</td>
                      <td className="r">{counts?.leased}</td>
                      <td>{scriptOf(campaign)}</td>
                      <td>{(campaign.settings as Settings).trunk}</td>
                      <td className="num">{time(campaign.created_at)}</td>
                      <td><Acts campaign={campaign} done={query.reload} size="small" /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </Card>
        )}
      </Shown>
    </>
  );
};

export default Campaigns;
