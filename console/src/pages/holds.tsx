// What may not be removed, whatever the days of a profile or a debtor's wish say.
import { App, Button, DatePicker, Form, Input, Select } from 'antd';
import type { Dayjs } from 'dayjs';
import { ask, client, said, type Shape } from '../client';
import { Link } from '../link';
import { Card, Head, HERE, Listed, Mark, Moment, Nothing, Shown } from '../parts';
import { usePages } from '../pages';
import { useLocation } from '../router';
import { useWords } from '../session';

type Hold = Shape['HoldEntry'];
type Kind = Shape['HeldKind'];

const Holds = () => {
  const { t, n, lang } = useWords();
  const { modal, message } = App.useApp();
  const { query: asked } = useLocation();
  const [form] = Form.useForm<{ kind: Kind; id: string; why: string; until?: Dayjs }>();
  const { query, next, more } = usePages((cursor) => ask(client.GET('/v1/holds', { params: { query: { cursor, limit: 100 } } })), 'holds');
  const told = async (work: () => Promise<void>) => {
    try {
      await work();
      query.reload();
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  const place = ({ kind, id, why, until }: { kind: Kind; id: string; why: string; until?: Dayjs }) =>
    told(async () => {
      await ask(client.POST('/v1/holds', { body: { kind, id: id.trim(), why, until: until?.endOf('day').toISOString() } }));
      void message.success(t('holds.placed'));
      form.resetFields();
    });
  const lift = (hold: Hold) => {
    let why = '';
    modal.confirm({
      ...HERE, title: t('holds.lift.sure', { id: hold.subject }),
      content: <><p>{t('holds.lift.what')}</p><label>{t('dnc.reason')}<Input.TextArea maxLength={500} onChange={(event) => (why = event.target.value)} /></label></>,
      okText: t('holds.lift'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
      onOk: () => told(async () => void (await ask(client.POST('/v1/holds/{hold}/lift', { params: { path: { hold: hold.id } }, body: { why } })))),
    });
  };
  return (
    <>
      <Head title={t('nav.holds')} lead={t('holds.lead')} />
      <Card title={t('holds.place')}>
        <Form form={form} layout="vertical" requiredMark={false} className="form" initialValues={{ kind: asked.get('kind') ?? 'case', id: asked.get('id') ?? '' }} onFinish={(given) => void place(given)}>
          <Form.Item name="kind" label={t('holds.kind')}><Select options={(['case', 'debtor', 'call'] as const).map((value) => ({ value, label: t(`held.${value}`) }))} /></Form.Item>
          <Form.Item name="id" label={t('holds.id')} rules={[{ required: true, message: t('desk.need') }]}><Input maxLength={64} autoComplete="off" /></Form.Item>
          <Form.Item name="until" label={t('holds.until')} extra={t('holds.until.help')}><DatePicker style={{ width: '100%' }} /></Form.Item>
          <Form.Item name="why" label={t('dnc.reason')} rules={[{ required: true, message: t('need.reason') }]}><Input maxLength={500} /></Form.Item>
          <div><Button type="primary" htmlType="submit">{t('holds.place')}</Button></div>
        </Form>
      </Card>
      <Shown query={query}>
        {(holds) => (
          <Listed
            head={<tr><th>{t('holds.kind')}</th><th>{t('holds.id')}</th><th>{t('dnc.reason')}</th><th>{t('dnc.person')}</th><th>{t('dnc.at')}</th><th>{t('holds.until')}</th><th>{t('dnc.stands')}</th><th /></tr>}
            none={<Nothing title={t('holds.none')} lead={t('holds.none.lead')} />}
            more={next ? more : undefined}
          >
            {holds.map((hold) => (
              <tr key={hold.id}>
                <td>{n('held', hold.kind)}</td>
                <td>{hold.kind === 'call' ? <Link to={`/calls/${hold.subject}`}>{hold.subject}</Link> : <code>{hold.subject}</code>}</td>
                <td>{hold.why}</td><td>{hold.person}</td>
                <td className="num"><Moment at={hold.at} /></td><td className="num">{hold.until ? <Moment at={hold.until} /> : t('holds.open')}</td>
                <td>{hold.stands ? <Mark of="approved">{t('holds.stands')}</Mark> : <Mark of="lifted">{hold.lifted ? `${t('dnc.lifted')} · ${hold.lifted.person} · ${hold.lifted.why}` : t('holds.over')}</Mark>}</td>
                <td>{hold.stands && <Button size="small" danger onClick={() => lift(hold)}>{t('holds.lift')}</Button>}</td>
              </tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default Holds;
