// Whom nobody calls: looked up, entered, lifted. The list itself shows no number.
import { App, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { ask, client, part, said, type Shape } from '../client';
import { Card, Head, HERE, Listed, Mark, Nothing, Shown } from '../parts';
import { usePages } from '../pages';
import { useSession, useWords } from '../session';

type Found = Shape['Found'];

const DoNotCall = () => {
  const { t, time, lang } = useWords();
  const { may } = useSession();
  const { modal, message } = App.useApp();
  const [found, setFound] = useState<{ number: string; it: Found }>();
  const [form] = Form.useForm<{ number: string; reason: string }>();
  const { query, next, more } = usePages((cursor) => ask(client.GET('/v1/do-not-call', { params: { query: { cursor, limit: 100 } } })), 'dnc');
  const told = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  const look = (number: string) => told(async () => setFound({ number, it: await ask(client.POST('/v1/do-not-call/lookup', { body: { number } })) }));
  const enter = ({ number, reason }: { number: string; reason: string }) =>
    told(async () => {
      await ask(client.POST('/v1/do-not-call', { body: { number, reason } }));
      void message.success(t('dnc.entered'));
      form.resetFields();
      query.reload();
    });
  const lift = (number: string) => {
    let why = '';
    modal.confirm({
      ...HERE,
      title: t('dnc.lift.sure'),
      content: <label>{t('dnc.reason')}<Input.TextArea maxLength={500} onChange={(event) => (why = event.target.value)} /></label>,
      okText: t('dnc.lift'),
      cancelText: t('do.cancel'),
      okButtonProps: { danger: true },
      onOk: () =>
        told(async () => {
          await ask(client.POST('/v1/do-not-call/lift', { body: { number, why } }));
          void message.success(t('dnc.lifted.done'));
          await look(number);
          query.reload();
        }),
    });
  };
  return (
    <>
      <Head title={t('nav.do_not_call')} lead={t('dnc.lead')} />
      <div className="grid">
        <Card title={t('dnc.look')}>
          <Form name="look" layout="vertical" requiredMark={false} onFinish={({ number }: { number: string }) => void look(number)}>
            <Form.Item name="number" label={t('dnc.number')} rules={[{ required: true, message: t('need.number') }]}><Input autoComplete="off" maxLength={32} /></Form.Item>
            <Button htmlType="submit">{t('dnc.look')}</Button>
          </Form>
          {found && (
            <div aria-live="polite" style={{ marginTop: 14 }}>
              {found.it.barred ? <p className="note bad">{t('dnc.barred')}{found.it.by && ` · ${part(found.it.by, lang)}`}</p> : <p className="note good">{t('dnc.free')}</p>}
              {found.it.entries.map((entry) => <p key={entry.id} className="small soft">{time(entry.at)} · {entry.person} · {entry.reason}{entry.lifted && ` → ${time(entry.lifted.at)} · ${entry.lifted.person} · ${entry.lifted.why}`}</p>)}
              {found.it.barred && may('do_not_call:lift') && <Button danger style={{ marginTop: 8 }} onClick={() => lift(found.number)}>{t('dnc.lift')}</Button>}
            </div>
          )}
        </Card>
        {may('do_not_call:enter') && (
          <Card title={t('dnc.enter')}>
            <Form name="enter" form={form} layout="vertical" requiredMark={false} onFinish={(given) => void enter(given)}>
              <Form.Item name="number" label={t('dnc.number')} rules={[{ required: true, message: t('need.number') }]}><Input autoComplete="off" maxLength={32} /></Form.Item>
              <Form.Item name="reason" label={t('dnc.reason')} rules={[{ required: true, message: t('need.reason') }]}><Input.TextArea rows={2} maxLength={500} /></Form.Item>
              <Button type="primary" htmlType="submit">{t('dnc.enter')}</Button>
            </Form>
          </Card>
        )}
      </div>
      <Shown query={query}>
        {(entries) => (
          <Listed
            head={<tr><th>{t('dnc.at')}</th><th>{t('dnc.person')}</th><th>{t('dnc.reason')}</th><th>{t('dnc.stands')}</th></tr>}
            none={<Nothing title={t('dnc.none')} lead={t('dnc.none.lead')} />}
            more={next ? more : undefined}
          >
            {entries.map((entry) => (
              <tr key={entry.id}><td className="num">{time(entry.at)}</td><td>{entry.person}</td><td>{entry.reason}</td><td>{entry.lifted ? <Mark of="lifted">{t('dnc.lifted')} · {entry.lifted.person}</Mark> : <Mark of="holds">{t('dnc.holds')}</Mark>}</td></tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default DoNotCall;
