// Calls that people are to look at, and how far each review is.
import { Segmented } from 'antd';
import { useState } from 'react';
import { ask, client } from '../client';
import { Link } from '../link';
import { Head, Listed, Mark, Nothing, Shown } from '../parts';
import { usePages } from '../pages';
import { useWords } from '../session';

const Reviews = () => {
  const { t, n, time } = useWords();
  const [stage, setStage] = useState<'open' | 'done'>('open');
  const { query, next, more } = usePages((cursor) => ask(client.GET('/v1/reviews', { params: { query: { stage, cursor, limit: 50 } } })), stage);
  return (
    <>
      <Head title={t('nav.reviews')} lead={t('reviews.lead')}>
        <Segmented<'open' | 'done'> aria-label={t('reviews.stage')} value={stage} onChange={setStage} options={[{ value: 'open', label: t('reviews.open') }, { value: 'done', label: t('reviews.done') }]} />
      </Head>
      <Shown query={query}>
        {(reviews) => (
          <Listed
            head={<tr><th>{t('review')}</th><th>{t('reviews.plan')}</th><th>{t('reviews.day')}</th><th>{t('reviews.stage')}</th><th>{t('quality.score')}</th><th>{t('campaign.changed')}</th></tr>}
            none={<Nothing title={t('reviews.none')} lead={t('reviews.none.lead')} />}
            more={next ? more : undefined}
          >
            {reviews.map((review) => (
              <tr key={review.id}>
                <td><Link to={`/reviews/${review.id}`}>{t('review')} {review.id}</Link></td>
                <td>{review.plan}{review.four_eyes && <span className="soft small"> · {t('reviews.four_eyes')}</span>}</td>
                <td className="num">{review.day}</td>
                <td><Mark of={review.stage ? 'waits' : 'approved'}>{n('stage', review.stage ?? 'done')}</Mark></td>
                <td>{review.opinion && <Mark of={review.opinion === 'right' ? 'pass' : 'fail'}>{review.score ?? ''} {n('opinion', review.opinion)}</Mark>}</td>
                <td className="num">{time(review.changed_at)}</td>
              </tr>
            ))}
          </Listed>
        )}
      </Shown>
    </>
  );
};

export default Reviews;
