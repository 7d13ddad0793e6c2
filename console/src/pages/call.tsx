// One call: what came of it, what was said and why, its sound, what compliance decided, whether its files are whole.
import { Button, Switch } from 'antd';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ask, client, fetchFile, Problem, type Shape } from '../client';
import { Dialog } from '../dialog';
import { Became, Card, endedAs, Facts, Head, Mark, Moment, Nothing, Shown, Trouble } from '../parts';
import { Judged } from '../judged';
import { Places } from '../places';
import { InClear, stating, useClear, type Purpose } from '../purpose';
import { useQuery } from '../query';
import { go, useLocation } from '../router';
import { clock, useSession, useWords } from '../session';
import { talkMs } from './calls';

const Player = lazy(() => import('../player'));

type Line = Shape['TranscriptLine'];
type Script = { name: string; lang: string; sha256: string; variant?: string; draft?: boolean };
/** What is read of an outcome; the whole is in OUTCOME.md. */
export interface Outcome {
  attempt: string; campaign: string | null; case: string; callee: string; dialled_at: string; answered_at: string | null; ended_at: string;
  answered_by: string; identity: string; debt_disclosed: boolean; disposition: string; script: Script; fault: string | null;
  promise: { date: string; amount: string; currency: string } | null; callback: { date: string | null; time: string | null } | null;
  handover: { agent: string; result: string; disposition?: string } | null; mood?: { agitation: number; distress: number; willingness: number };
  recording: { duration_ms: number; sha256: string } | null; transcript: { sha256: string } | null; ended_by: string | null;
  sound: { codec: string; srtp?: string | null; quality?: { mos_hundredths?: number | null } | null } | null; sip: { code: number; reason: string } | null;
  redial: { verdict: string; rule: string; not_before?: string };
  follow_ups?: { kind: string; template?: string }[];
}

/** Where a rule stands. A state of a part is called by the part's name and its own. */
interface At {
  file: string;
  line: number;
  state: string;
}

const RULE = /(\S+\.toml) line (\d+)/;

/** A rule of the script as it ran: the file with its line marked. */
const Rule = ({ script, file, line, state, close }: At & { script: Script; close: () => void }) => {
  const { t } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/scripts/{flow}/{sha256}', { params: { path: { flow: script.name, sha256: script.sha256 } } })), `${script.sha256}`);
  const marked = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    // What it returns is a promise in newer browsers, and no way to undo it.
    void marked.current?.scrollIntoView({ block: 'center' });
  }, [query.data]);
  return (
    <Dialog onCancel={close} footer={null} width={860} title={t('call.rule.title', { file, line })}>
      <Shown query={query}>
        {({ files }) => {
          const ends = files.filter(({ name }) => name === file || name.endsWith(`/${file}`));
          const text = (ends.find(({ name }) => name.includes(`/${state.split('.')[0]}/`)) ?? ends[0])?.text ?? '';
          return <pre className="code" tabIndex={0}>{text.split('\n').map((row, index) => (
            <span key={index} className={index + 1 === line ? 'hit' : undefined} ref={index + 1 === line ? marked : undefined}>{`${String(index + 1).padStart(4)}  ${row}`}</span>
          ))}</pre>;
        }}
      </Shown>
    </Dialog>
  );
};

const Why = ({ line, script, see }: { line: Line; script?: Script; see: (rule: At) => void }) => {
  const { t } = useWords();
  const rule = RULE.exec(line.text);
  const [state, ...rest] = line.text.split(': ');
  return (
    <span className="why">
      {rest.length ? <><b>{state}</b>{`: ${rest.join(': ')}`}</> : line.text}{' '}
      {rule && script && <Button type="link" size="small" onClick={() => see({ file: rule[1] ?? '', line: Number(rule[2]), state: state ?? '' })}>{t('call.rule.show')}</Button>}
    </span>
  );
};

/** What was said, following the sound where there is some; a line that is chosen is played. */
const Talk = ({ lines, script, now, seek, why, live }: { lines: Line[]; script?: Script; now?: number; seek?: (ms: number) => void; why: boolean; live: boolean }) => {
  const { t, n } = useWords();
  const { may } = useSession();
  const [rule, setRule] = useState<At>();
  const box = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => lines.filter((line) => why || line.speaker !== 'system'), [lines, why]);
  const spoken = now === undefined ? -1 : shown.findLastIndex((line) => line.speaker !== 'system' && line.at_ms <= now);
  const here = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const [frame, line] = [box.current, here.current];
    // Within its own frame: the page stays where it is.
    if (frame && line) frame.scrollTop = line.offsetTop - frame.offsetTop - frame.clientHeight / 2;
  }, [spoken]);
  useEffect(() => {
    if (live && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [live, shown.length]);
  if (!shown.length) return <Nothing title={t(live ? 'call.transcript.wait' : 'call.transcript.none')} />;
  return (
    <div className="talk" ref={box} tabIndex={0} role="log" aria-label={t('call.words')} aria-live={live ? 'polite' : 'off'}>
      {shown.map((line, index) =>
        line.speaker === 'system' ? (
          <div className="line system" key={index}><span className="at">{clock(line.at_ms)}</span><Why line={line} script={may('scripts:read') ? script : undefined} see={setRule} /></div>
        ) : (
          <button type="button" key={index} ref={index === spoken ? here : undefined} className={`line ${line.speaker} ${index === spoken ? 'now' : ''}`} disabled={!seek} title={seek && t('play.seek', { time: clock(line.at_ms) })} onClick={() => seek?.(line.at_ms)}>
            <span className="at">{clock(line.at_ms)}</span>
            <span><span className="bubble"><span className="name">{n('who', line.speaker)}</span>{line.text}</span>{line.intent && <span className="meant" title={line.intent}>{n('intent', line.intent)}{line.confidence != null && ` ${Math.round(line.confidence * 100)} %`}</span>}</span>
          </button>
        ),
      )}
      {rule && script && <Rule script={script} {...rule} close={() => setRule(undefined)} />}
    </div>
  );
};

/** What the notes of a call that is up tell: who has it besides the callee, and where the script is. */
const standing = (lines: Line[]) => {
  let agent: string | undefined;
  let state: string | undefined;
  for (const { speaker, text } of lines) {
    if (speaker !== 'system') continue;
    const joined = /^agent (.+) joined$/.exec(text);
    if (joined) agent = joined[1];
    else if (/^agent (hung up|.*lost|.*left)/.test(text)) agent = undefined;
    state = /^([\w.-]+): entered$/.exec(text)?.[1] ?? state;
  }
  return { agent, state };
};

/** A call that is up: for how long, who is in it, what was understood last. */
const Up = ({ call, lines, zone }: { call: Shape['AttemptRecord']; lines: Line[]; zone?: string }) => {
  const { t, n } = useWords();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { agent, state } = standing(lines);
  const heard = lines.findLast((line) => line.speaker === 'callee' && line.intent);
  const ours = agent ? `${t('who.agent')} ${agent}` : t('who.bot');
  return (
    <Card className="up">
      <Facts of={[
        [t('campaign.state'), <Mark key="s" of={call.answered_at ? 'running' : 'paused'}>{t(call.answered_at ? 'board.talking' : 'board.ringing')}</Mark>],
        [t('board.since'), <span key="d" className="num" role="timer">{clock(now - Date.parse(call.answered_at ?? call.dialled_at))}</span>],
        [t('call.in_it'), call.answered_at ? `${t('who.callee')} · ${ours}` : t('call.in_it.nobody')],
        [t('call.at'), state && <code>{state}</code>],
        [t('call.heard'), heard?.intent && `${n('intent', heard.intent)}${heard.confidence != null ? ` ${Math.round(heard.confidence * 100)} %` : ''}`],
        [t('call.number'), call.callee],
        [t('campaign'), call.campaign ?? '–'],
        [t('call.dialled'), <Moment key="m" at={call.dialled_at} zone={zone} />],
      ]} />
    </Card>
  );
};

/** What was promised, and what has become of it. */
const Promised = ({ attempt, of }: { attempt: string; of: NonNullable<Outcome['promise']> }) => {
  const query = useQuery(() => ask(client.GET('/v1/promises/{attempt}', { params: { path: { attempt } } })), `promise ${attempt}`);
  return <>{of.amount} {of.currency} · {of.date} <Became of={query.data?.state} /></>;
};

const Decision = ({ attempt, of, purpose, zone }: { attempt: string; of: string; purpose?: Purpose; zone?: string }) => {
  const { t, n } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/cases/{case}/decisions', { params: { path: { case: of }, header: stating(purpose) } })), `${of} ${purpose}`);
  return (
    <Shown query={query}>
      {(decisions) => {
        const decision = decisions.find((decision) => decision.attempt === attempt);
        if (!decision) return <p className="soft">{t('call.decision.none')}</p>;
        return (
          <>
            <Facts of={[
              [t('call.decision'), <Mark key="v" of={decision.verdict}>{n('verdict', decision.verdict)}</Mark>],
              [t('campaign.profile'), <>{decision.profile} <code title={decision.profile_sha256} className="soft">{decision.profile_sha256.slice(0, 8)}</code></>],
              [t('audit.at'), <Moment key="at" at={decision.at} zone={zone} />],
              [t('verdict.despite'), decision.despite],
            ]} />
            <p className="soft small" style={{ marginTop: 10 }}>{t('call.rules')}</p>
            <p>{decision.rules.map((rule) => <code key={rule} style={{ marginRight: 10 }}>{rule}</code>)}</p>
            <p className="soft small" style={{ marginTop: 10 }}>{t('call.evidence')}</p>
            <pre className="code" tabIndex={0}>{JSON.stringify(decision.evidence, null, 2)}</pre>
          </>
        );
      }}
    </Shown>
  );
};

/** What passed over the wire, of what the node still keeps. */
const Signalling = ({ attempt }: { attempt: string }) => {
  const { t } = useWords();
  const [steps, setSteps] = useState<Shape['LadderStep'][]>();
  const [problem, setProblem] = useState<unknown>();
  const look = () => ask(client.GET('/v1/calls/{attempt}/trace', { params: { path: { attempt } } })).then((told) => { setProblem(undefined); setSteps(told.steps); }, setProblem);
  const began = steps?.[0]?.at_ms ?? 0;
  return (
    <>
      {problem !== undefined && <Trouble problem={problem} />}
      {steps && <pre className="code" tabIndex={0}>{steps.map((step, index) => (
        <span key={index}>{`${((step.at_ms - began) / 1000).toFixed(3).padStart(8)} ${step.way === 'out' ? '→' : '←'} ${step.line}${step.described ? ' [sdp]' : ''}${step.reason ? ` ${step.reason}` : ''}  (${step.cseq}) ${step.far}`}</span>
      ))}</pre>}
      <div className="acts" style={{ marginTop: 12 }}><Button onClick={() => void look()}>{t('call.signalling.show')}</Button></div>
      <p className="soft small" style={{ marginTop: 8 }}>{t('call.signalling.lead')}</p>
    </>
  );
};

/** The texts that it left, and how each stands. Those of a call of a moment ago may not be taken up yet. */
const Texts = ({ attempt, left, zone }: { attempt: string; left: { template: string }[]; zone?: string }) => {
  const { t, n } = useWords();
  const query = useQuery(() => ask(client.GET('/v1/calls/{attempt}/texts', { params: { path: { attempt } } })), `texts ${attempt}`);
  return (
    <Shown query={query}>
      {(texts) => texts.length ? texts.map((text, index) => (
        <div key={index} className="act" role="group" aria-label={`${t('call.texts')}: ${text.template}`}>
          <Facts of={[
            [t('call.texts.template'), <code key="t">{text.template}</code>],
            [t('campaign.state'), <Mark key="s" of={text.state}>{n('text', text.state)}</Mark>],
            [t('call.texts.why'), text.why],
            [t('call.texts.sent'), text.sent_at && <Moment key="at" at={text.sent_at} zone={zone} />],
            [t('call.texts.due'), text.state === 'waiting' ? <Moment key="due" at={text.due_at} zone={zone} /> : undefined],
          ]} />
        </div>
      )) : (
        <>
          <p className="soft">{left.map(({ template }) => template).join(', ')}: {t('call.texts.none')}</p>
          <div className="acts" style={{ marginTop: 12 }}><Button onClick={query.reload}>{t('call.texts.again')}</Button></div>
        </>
      )}
    </Shown>
  );
};

const Files = ({ attempt, outcome, purpose }: { attempt: string; outcome: Outcome; purpose?: Purpose }) => {
  const { t } = useWords();
  const { may } = useSession();
  const [checked, setChecked] = useState<Shape['Checked']>();
  const [problem, setProblem] = useState<unknown>();
  const check = () => ask(client.GET('/v1/calls/{attempt}/check', { params: { path: { attempt } } })).then(setChecked, setProblem);
  const stands = (whole: Shape['Whole'] | undefined) => whole && <Mark of={whole}>{t(whole === 'none' ? 'call.no_file' : `call.${whole}`)}</Mark>;
  return (
    <>
      {problem !== undefined && <Trouble problem={problem} />}
      <Facts of={[
        [t('call.recording'), outcome.recording && <><code title={outcome.recording.sha256}>{outcome.recording.sha256.slice(0, 16)}…</code><br />{stands(checked?.recording)}</>],
        [t('call.transcript'), outcome.transcript && <><code title={outcome.transcript.sha256}>{outcome.transcript.sha256.slice(0, 16)}…</code><br />{stands(checked?.transcript)}</>],
      ]} />
      <div className="acts" style={{ marginTop: 12 }}>
        <Button onClick={() => void check()}>{t('call.files.check')}</Button>
        {may('calls:export') && <Button disabled={!purpose} title={purpose ? undefined : t('clear.first')} onClick={() => void fetchFile(`/v1/calls/${attempt}/bundle?purpose=${purpose}`, `${attempt}.zip`).catch(setProblem)}>{t('call.bundle')}</Button>}
        {may('holds:write') && <Button onClick={() => go(`/holds?kind=call&id=${attempt}`)}>{t('call.hold')}</Button>}
        {may('debtors:access') && <Button onClick={() => go(`/debtors?case=${encodeURIComponent(outcome.case)}`)}>{t('call.debtor')}</Button>}
      </div>
      {may('calls:export') && <p className="soft small" style={{ marginTop: 8 }}>{t('call.bundle.lead')}</p>}
    </>
  );
};

/** What the call was judged to be; nothing where it was not, or not yet. */
const Quality = ({ attempt, purpose, seek }: { attempt: string; purpose?: Purpose; seek?: (ms: number) => void }) => {
  const { t } = useWords();
  const none = (problem: unknown) => {
    // That no key opens what it quotes is told.
    if (problem instanceof Problem && problem.told.status === 409) throw problem;
    return null;
  };
  const query = useQuery(() => ask(client.GET('/v1/calls/{attempt}/quality', { params: { path: { attempt }, header: stating(purpose) } })).catch(none), `quality ${attempt} ${purpose}`);
  if (query.problem) return <Card title={t('quality')}><Trouble problem={query.problem} /></Card>;
  return query.data ? <Card title={t('quality')}><Judged of={query.data} seek={seek} /></Card> : null;
};

const CallPage = ({ at }: { at: Record<string, string> }) => {
  const attempt = at.attempt ?? '';
  const words = useWords();
  const { t, n } = words;
  const { may } = useSession();
  const { query: asked } = useLocation();
  const path = { attempt };
  const clear = useClear(`call ${attempt}`);
  const { purpose } = clear;
  const [live, setLive] = useState(true);
  const stands = useQuery(() => ask(client.GET('/v1/attempts/{attempt}', { params: { path } })), attempt, live ? 1500 : undefined);
  // Not known at first: whoever asked for its words then would ask twice, and each look is written down.
  const open = stands.data?.open;
  useEffect(() => setLive(open ?? true), [open]);
  // The lines that come while the call is up are asked for by themselves.
  const kept = useRef<{ purpose?: Purpose; lines: Line[] }>({ lines: [] });
  const transcript = useQuery(
    async () => {
      // In clear, and masked again, they are other lines: all of them are asked for anew.
      if (kept.current.purpose !== purpose) kept.current = { purpose, lines: [] };
      const own = kept.current;
      if (open === undefined) return own.lines;
      const after = own.lines.length;
      const told = await ask(client.GET('/v1/calls/{attempt}/transcript', { params: { path, query: { after }, header: stating(purpose) } }));
      // Two that were asked at once bring the same lines: they stand where they belong, and once.
      own.lines = [...own.lines.slice(0, after), ...told.lines];
      return own.lines;
    },
    `${attempt} ${open} ${purpose}`,
    open ? 1000 : undefined,
  );
  const outcome = useQuery(async () => (open !== false ? undefined : ((await ask(client.GET('/v1/outcomes/{attempt}', { params: { path, header: stating(purpose) } }))) as unknown as Outcome)) ?? null, `${attempt} outcome ${open} ${purpose}`);
  const about = stands.data?.case;
  const file = useQuery(async () => (about ? ask(client.GET('/v1/cases/{case}', { params: { path: { case: about } } })).catch(() => null) : null), `case ${about ?? ''}`);
  const zone = (file.data?.case as { time_zone?: string } | undefined)?.time_zone ?? (file.data ? 'Asia/Shanghai' : undefined);
  const [why, setWhy] = useState(false);
  const [now, setNow] = useState<number>();
  const seeker = useRef<(ms: number) => void>(undefined);
  const seek = useCallback((ms: number) => seeker.current?.(ms), []);
  const result = outcome.data ?? undefined;
  const texts = (result?.follow_ups ?? []).flatMap((left) => (left.kind === 'sms' ? [{ template: left.template ?? '' }] : []));
  const hears = may('calls:hear') && purpose && result?.recording;
  return (
    <Shown query={stands}>
      {(call) => (
        <>
          <Head title={<>{t('call')} · {call.case} {call.open ? <Mark of="running">{t('call.live')}</Mark> : result && <Mark of={endedAs(result)}>{n('ended', endedAs(result))}</Mark>}</>} lead={<><Moment at={call.dialled_at} zone={zone} /></>}><InClear of={clear} /></Head>
          {call.open && <Up call={call} lines={transcript.data ?? []} zone={zone} />}
          {result && (
            <Card>
              <Facts of={[
                [t('campaign'), result.campaign ?? '–'],
                [t('call.number'), result.callee],
                [t('call.answered_by'), n('by', result.answered_by)],
                [t('call.identity'), <Mark key="i" of={result.identity === 'denied' ? 'hung_up' : result.identity}>{n('identity', result.identity)}</Mark>],
                [t('call.disclosed'), t(result.debt_disclosed ? 'yes' : 'no')],
                [t('call.talk'), result.answered_at ? clock(talkMs(result)) : '–'],
                [t('call.promise'), result.promise && <Promised key="p" attempt={attempt} of={result.promise} />],
                [t('call.callback'), result.callback && [result.callback.date, result.callback.time, result.callback.time && `(${t('time.there')})`].filter(Boolean).join(' ')],
                [t('call.handover'), result.handover && `${result.handover.agent} · ${result.handover.result}`],
                [t('call.mood'), result.mood && `${t('call.mood.agitation')} ${result.mood.agitation} · ${t('call.mood.distress')} ${result.mood.distress} · ${t('call.mood.willingness')} ${result.mood.willingness}`],
                [t('call.redial'), result.redial.verdict === 'no' ? `${t('call.redial.no')} (${result.redial.rule})` : <><Moment at={result.redial.not_before} zone={zone} /> ({result.redial.rule})</>],
                [t('call.script'), <>{result.script.name} {result.script.variant ?? ''} <code title={result.script.sha256} className="soft">{result.script.sha256.slice(0, 8)}</code></>],
                [t('call.sound'), result.sound && [result.sound.codec, result.sound.srtp, result.sound.quality?.mos_hundredths && `MOS ${(result.sound.quality.mos_hundredths / 100).toFixed(2)}`].filter(Boolean).join(' · ')],
                [t('call.sip'), result.sip && `${result.sip.code} ${result.sip.reason}`],
                [t('call.fault'), result.fault],
              ]} />
            </Card>
          )}
          {result && (
            <Card title={t('call.recording')} extra={hears ? <span className="soft small">{t('play.keys')}</span> : undefined}>
              {!result.recording ? <p className="soft">{t('call.recording.none')}</p> : !may('calls:hear') ? <p className="soft">{t('call.recording.not')}</p> : !purpose ? <p className="soft">{t('clear.recording')}</p> : (
                <Suspense fallback={null}><Player attempt={attempt} purpose={purpose} from={Number(asked.get('at')) || 0} tell={setNow} seeker={seeker} /></Suspense>
              )}
            </Card>
          )}
          <div className="grid">
            <Card title={t('call.words')} extra={<label className="small soft"><Switch size="small" checked={why} onChange={setWhy} aria-label={t('call.why')} /> {t('call.why')}</label>}>
              {why && <p className="soft small" style={{ marginBottom: 8 }}>{t('call.why.lead')}</p>}
              <Shown query={transcript}>{(lines) => <Talk lines={lines} script={result?.script} now={now} seek={hears ? seek : undefined} why={why} live={call.open} />}</Shown>
            </Card>
            <div>
              {result && may('quality:read') && <Quality attempt={attempt} purpose={purpose} seek={hears ? seek : undefined} />}
              {may('cases:read') && <Card title={t('place.of', { id: call.case })}><Places of={call.case} /></Card>}
              {may('decisions:read') && <Card title={t('call.decision')}><Decision attempt={attempt} of={call.case} purpose={purpose} zone={zone} /></Card>}
              {may('calls:read') && <Card title={t('call.signalling')}><Signalling attempt={attempt} /></Card>}
              {texts.length > 0 && may('calls:read') && <Card title={t('call.texts')}><Texts attempt={attempt} left={texts} zone={zone} /></Card>}
              {result && <Card title={t('call.files')}><Files attempt={attempt} outcome={result} purpose={purpose} /></Card>}
            </div>
          </div>
        </>
      )}
    </Shown>
  );
};

export default CallPage;
