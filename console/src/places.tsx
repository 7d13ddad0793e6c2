// Where a case stands in the queues of its campaigns: when it is called, and how many are called before it.
import { ask, client, Problem, type Shape } from './client';
import { Link } from './link';
import { Mark, Moment, Shown } from './parts';
import { useQuery } from './query';
import { useWords } from './session';

type Place = Shape['PlaceTold'];

/** Its turn: next, after so many, or not before a moment. */
const Turn = ({ of: { state, ahead, more, due_at, time_zone } }: { of: Place }) => {
  const { t, n, num } = useWords();
  const waits = state === 'waiting' || state === 'ready';
  if (!waits) return <Mark of={state === 'leased' ? 'running' : 'plain'}>{n('case', state)}</Mark>;
  return (
    <span>
      {/* What is due may not have been moved on yet. */}
      <Mark of="plain">{n('case', ahead == null ? state : 'ready')}</Mark>
      {ahead != null && <> · <b>{ahead === 0 ? t('place.next') : t(more ? 'place.more' : 'place.ahead', { n: num(ahead) })}</b></>}
      {' · '}{t('place.due')} <Moment at={due_at} zone={time_zone} />
    </span>
  );
};

/** A line for each campaign that has the case. */
export const Places = ({ of }: { of: string }) => {
  const { t, n } = useWords();
  const load = async () => {
    try {
      return await ask(client.GET('/v1/cases/{case}/queue', { params: { path: { case: of } } }));
    } catch (problem) {
      // No case has such an id, or it is none.
      if (problem instanceof Problem && (problem.told.status === 404 || problem.told.status === 422)) return null;
      throw problem;
    }
  };
  const query = useQuery(load, `places ${of}`);
  return (
    <Shown query={query}>
      {(places) => !places?.length ? <p className="soft">{t(places ? 'place.none' : 'place.unknown')}</p> : (
        <ul className="list">
          {places.map((place) => (
            <li key={place.campaign} style={{ flexWrap: 'wrap' }}>
              <span><Link to={`/campaigns/${place.campaign}`}>{place.campaign}</Link> <Mark of={place.campaign_state}>{n('state', place.campaign_state)}</Mark></span>
              <Turn of={place} />
              <span className="soft small">{t('place.rule')} <code>{place.rule}</code></span>
            </li>
          ))}
        </ul>
      )}
    </Shown>
  );
};
