// What a call was judged to be: each check with what it rests on, to be heard where it was said.
import { Button } from 'antd';
import type { Shape } from './client';
import { Facts, Mark } from './parts';
import { clock, useWords } from './session';

type Judgement = Shape['JudgedWhole'];

const ORDER: Record<string, number> = { fail: 0, pass: 1, does_not_apply: 2 };

/** The score, and whether it is right. */
export const Score = ({ score, passed }: { score?: number | null; passed: boolean }) => {
  const { t } = useWords();
  return <Mark of={passed ? 'approved' : 'denied'}>{score == null ? '' : `${score} `}{t(passed ? 'quality.passed' : 'quality.failed')}</Mark>;
};

export const Judged = ({ of, seek }: { of: Judgement; seek?: (ms: number) => void }) => {
  const { t, n, lang } = useWords();
  const checks = [...of.checks].sort((a, b) => (ORDER[a.verdict] ?? 0) - (ORDER[b.verdict] ?? 0));
  return (
    <>
      <Facts of={[
        [t('quality.score'), <Score key="s" score={of.score} passed={of.passed} />],
        [t('quality.our_share'), of.our_share == null ? undefined : `${of.our_share} %`],
        [t('quality.longest_wait'), `${(of.longest_wait_ms / 1000).toFixed(1)} s`],
        [t('quality.overlaps'), of.overlaps],
      ]} />
      <ul className="list checks">
        {checks.map((check) => (
          <li key={check.id}>
            <div>
              <Mark of={check.verdict}>{check[lang]}</Mark>{check.critical && check.verdict === 'fail' && <b className="critical"> {t('quality.critical')}</b>}
              {check.evidence.map((evidence, index) => (
                <p key={index} className="small soft">
                  {evidence.at_ms != null && (seek ? <Button type="link" size="small" title={t('play.seek', { time: clock(evidence.at_ms) })} onClick={() => seek(evidence.at_ms ?? 0)}>{clock(evidence.at_ms)}</Button> : <span className="num">{clock(evidence.at_ms)} </span>)}
                  {evidence[lang]}
                </p>
              ))}
            </div>
            <span className="small soft">{n('judged', check.verdict)}</span>
          </li>
        ))}
      </ul>
    </>
  );
};
