// One review: the form that a person fills, and the second pair of eyes on it.
import { App, Button, Form, Input, Radio } from 'antd';
import { useState } from 'react';
import { ask, client, part, said, type Shape } from '../client';
import { Card, Head, Mark, Shown } from '../parts';
import { useQuery } from '../query';
import { InClear, stating, useClear } from '../purpose';
import { go } from '../router';
import { useWords } from '../session';

type Review = Shape['ReviewWhole'];

/** What stands in a form, as `compliance/sampling.toml` has it. */
interface Asked {
  zh: string; en: string; pass: number;
  question: { id: string; zh: string; en: string; most: number; critical?: boolean }[];
}
interface Act {
  stage: string; name: string; at: string; answers?: { question: string; score: number }[]; score?: number; opinion: 'right' | 'wrong'; note?: string;
}

/** Scores up to so many are buttons; above, half of them would fill the page. */
const MOST_BUTTONS = 10;

const Fill = ({ asked, send }: { asked: Asked; send: (turn: Shape['Turn']) => Promise<void> }) => {
  const { t, lang } = useWords();
  const fill = ({ note, ...scores }: { [question: string]: string | number | undefined }) =>
    send({ answers: asked.question.map(({ id }) => ({ question: id, score: Number(scores[`q.${id}`]) })), note: String(note ?? '') });
  return (
    <Form layout="vertical" requiredMark={false} onFinish={(given) => void fill(given as { [question: string]: string })}>
      {asked.question.map(({ id, zh, en, most, critical }) => (
        <Form.Item key={id} name={`q.${id}`} label={lang === 'zh' ? zh : en} extra={critical ? t('review.critical') : undefined} rules={[{ required: true, message: t('desk.need') }]}>
          {most <= MOST_BUTTONS ? (
            <Radio.Group optionType="button" options={Array.from({ length: most + 1 }, (_, score) => ({ value: score, label: most === 1 ? t(score ? 'yes' : 'no') : String(score) }))} />
          ) : <Input type="number" min={0} max={most} style={{ width: 120 }} />}
        </Form.Item>
      ))}
      <Form.Item name="note" label={t('review.note')}><Input.TextArea rows={3} maxLength={2000} /></Form.Item>
      <Button type="primary" htmlType="submit">{t('review.send')}</Button>
    </Form>
  );
};

const Look = ({ send }: { send: (turn: Shape['Turn']) => Promise<void> }) => {
  const { t } = useWords();
  const [note, setNote] = useState('');
  return (
    <>
      <label>{t('review.note')} <span className="soft small">{t('review.note.why')}</span><Input.TextArea rows={3} maxLength={2000} value={note} onChange={(event) => setNote(event.target.value)} /></label>
      <div className="acts" style={{ marginTop: 10 }}>
        <Button type="primary" onClick={() => void send({ confirms: true, note })}>{t('review.confirm')}</Button>
        <Button danger disabled={!note.trim()} onClick={() => void send({ confirms: false, note })}>{t('review.disagree')}</Button>
      </div>
    </>
  );
};

const Acts = ({ acts, asked }: { acts: Act[]; asked: Asked }) => {
  const { t, n, lang, time } = useWords();
  return (
    <>
      {acts.map((act) => (
        <section key={act.stage} className="act">
          <p><b>{act.name}</b> <span className="soft num">{time(act.at)}</span> <Mark of={act.opinion === 'right' ? 'pass' : 'fail'}>{act.score ?? ''} {n('opinion', act.opinion)}</Mark></p>
          {act.answers?.map(({ question, score }) => {
            const of = asked.question.find(({ id }) => id === question);
            return of && <p key={question} className="small"><span className="soft">{of[lang]}</span> {t('review.score', { score, most: of.most })}</p>;
          })}
          {act.note && <p>{act.note}</p>}
        </section>
      ))}
    </>
  );
};

const ReviewPage = ({ at }: { at: Record<string, string> }) => {
  const review = Number(at.review);
  const { t, n, lang } = useWords();
  const { message } = App.useApp();
  const path = { review };
  const clear = useClear(`review ${review}`);
  const { purpose } = clear;
  const query = useQuery<Review>(() => ask(client.GET('/v1/reviews/{review}', { params: { path, header: stating(purpose) } })), `${at.review} ${purpose}`);
  const send = async (turn: Shape['Turn']) => {
    try {
      await ask(client.POST('/v1/reviews/{review}', { params: { path }, body: turn }));
      void message.success(t('review.kept'));
      query.reload();
    } catch (problem) {
      void message.error(said(problem, lang), 6);
    }
  };
  return (
    <Shown query={query}>
      {(found) => {
        const asked = found.form as unknown as Asked;
        const acts = found.acts as unknown as Act[];
        return (
          <>
            <Head title={<>{t('review.of')} {found.id} <Mark of={found.stage ? 'waits' : 'approved'}>{n('stage', found.stage ?? 'done')}</Mark></>} lead={`${asked[lang]} · ${found.plan} · ${found.day}`}>
              <InClear of={clear} />
              <Button onClick={() => go(`/calls/${found.attempt}`)}>{t('review.call')}</Button>
            </Head>
            {acts.length > 0 && <Card title={t('review.acts')}><Acts acts={acts} asked={asked} /></Card>}
            {found.stage && (
              <Card title={n('stage', found.stage)}>
                {!found.may ? <p className="note warn">{part(found.why_not ?? '', lang)}</p> : found.stage === 'second' ? <Look send={send} /> : <Fill asked={asked} send={send} />}
              </Card>
            )}
          </>
        );
      }}
    </Shown>
  );
};

export default ReviewPage;
