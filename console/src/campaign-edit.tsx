// What of a campaign may be changed after it was made: its days and its pace, of the revision that was read.
import { App, Button, DatePicker, Form, InputNumber, Select } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { ask, client, part, Problem, said, type Shape } from './client';
import { Dialog } from './dialog';
import type { Settings } from './pages/campaigns';
import { useWords } from './session';

interface Given {
  from?: Dayjs | null;
  until?: Dayjs | null;
  mode: string;
  max_calls?: number | null;
  priority: number;
  weight: number;
  ring_s: number;
}

export const Edit = ({ campaign, done, close }: { campaign: Shape['CampaignRecord']; done: () => void; close: () => void }) => {
  const { t, lang } = useWords();
  const { message } = App.useApp();
  const [form] = Form.useForm<Given>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  // As it was when this was opened: what others change meanwhile is told, and not written over.
  const [{ id, revision, settings, state }] = useState(campaign);
  const { from, until, pacing = {} } = settings as Settings;
  const save = async ({ from, until, ...pace }: Given) => {
    setBusy(true);
    setProblem(undefined);
    const body = {
      from: from?.format('YYYY-MM-DD') ?? null,
      until: until?.format('YYYY-MM-DD') ?? null,
      pacing: { ...pace, max_calls: pace.max_calls ?? null },
    };
    try {
      await ask(client.PATCH('/v1/campaigns/{campaign}', { params: { path: { campaign: id }, header: { 'If-Match': `"${revision}"` } }, body: body as never }));
      void message.success(t('campaign.edited', { id }));
      done();
    } catch (problem) {
      setProblem(problem);
      setBusy(false);
    }
  };
  const faults = problem instanceof Problem ? (problem.told.errors ?? []) : [];
  const stale = problem instanceof Problem && problem.told.status === 412;
  return (
    <Dialog title={t('campaign.edit')} onCancel={close} footer={[
      <Button key="no" onClick={close}>{t('do.cancel')}</Button>,
      <Button key="yes" type="primary" loading={busy} disabled={stale} onClick={() => form.submit()}>{t('campaign.save')}</Button>,
    ]}>
      <p className="soft small" style={{ marginBottom: 12 }}>{t('campaign.edit.lead')}</p>
      {problem !== undefined && <div className="note bad" role="alert" style={{ marginBottom: 12 }}>{stale ? t('campaign.edit.stale') : said(problem, lang)}{faults.map(({ field, detail }) => <p key={field}>{field?.replace(/^settings\./, '')}: {part(detail, lang)}</p>)}</div>}
      <Form<Given> form={form} layout="vertical" requiredMark={false} onFinish={(given) => void save(given)}
        initialValues={{ from: from && dayjs(from), until: until && dayjs(until), mode: pacing.mode ?? 'agentless', max_calls: pacing.max_calls, priority: pacing.priority ?? 5, weight: pacing.weight ?? 1, ring_s: pacing.ring_s ?? 30 }}>
        <div className="form">
          <Form.Item name="from" label={t('campaign.from')}><DatePicker style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="until" label={t('campaign.until')} dependencies={['from']} rules={[({ getFieldValue }) => ({ validator: (_, until?: Dayjs | null) => (until?.isBefore(getFieldValue('from') as Dayjs, 'day') ? Promise.reject(new Error(t('campaign.edit.order'))) : Promise.resolve()) })]}><DatePicker style={{ width: '100%' }} /></Form.Item>
        </div>
        <p className="soft small" style={{ marginBottom: 12 }}>{t('campaign.edit.days')}</p>
        <Form.Item name="mode" label={t('campaign.pacing')} extra={state === 'running' ? t('campaign.edit.mode') : undefined}><Select disabled={state === 'running'} options={(['agentless', 'preview', 'progressive', 'predictive'] as const).map((mode) => ({ value: mode, label: t(`pacing.${mode}`) }))} /></Form.Item>
        <div className="form">
          <Form.Item name="max_calls" label={t('campaign.max_calls')} extra={t('campaign.max_calls.help')}><InputNumber min={1} max={100000} style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="ring_s" label={t('campaign.ring_s')} rules={[{ required: true, message: t('desk.need') }]}><InputNumber min={15} max={120} style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="priority" label={t('campaign.priority')} extra={t('campaign.priority.help')} rules={[{ required: true, message: t('desk.need') }]}><InputNumber min={0} max={9} style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="weight" label={t('campaign.weight')} extra={t('campaign.weight.help')} rules={[{ required: true, message: t('desk.need') }]}><InputNumber min={1} max={1000} style={{ width: '100%' }} /></Form.Item>
        </div>
      </Form>
    </Dialog>
  );
};
