// A recording: its outline with both sides, played and sought; whoever shows the words is told where it is. Of the
// sound only what is played is loaded, in ranges, and only then does it count as heard.
import { PauseOutlined, CaretRightOutlined } from '@ant-design/icons';
import { Button, Segmented } from 'antd';
import { useEffect, useRef, useState, type RefObject } from 'react';
import WaveSurfer from 'wavesurfer.js';
import { ask, bearer, client, hasToken, Problem } from './client';
import { Trouble } from './parts';
import type { Purpose } from './purpose';
import { clock, useWords } from './session';

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content;

/** How far the arrow keys go [s]. */
const SKIP_S = 5;

/** Where the sound is: straight from the server, in parts as it is played; a token can only go with a whole one. */
const source = async (attempt: string, purpose: Purpose, end: AbortSignal): Promise<string> => {
  // What plays it sends no header of ours.
  const url = `/v1/calls/${attempt}/recording?purpose=${purpose}`;
  if (!hasToken()) return url;
  const answer = await fetch(url, { headers: bearer(), signal: end });
  if (!answer.ok) throw new Problem({ ...((await answer.json().catch(() => ({}))) as object), status: answer.status });
  return URL.createObjectURL(await answer.blob());
};

const Player = ({ attempt, purpose, from, tell, seeker }: { attempt: string; purpose: Purpose; from: number; tell: (ms: number) => void; seeker: RefObject<((ms: number) => void) | undefined> }) => {
  const { t } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const wave = useRef<WaveSurfer>(undefined);
  const [state, setState] = useState({ playing: false, ms: from, all: 0, ready: false });
  const [speed, setSpeed] = useState(1);
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    const end = new AbortController();
    let surfer: WaveSurfer | undefined;
    const begin = async () => {
      const outline = await ask(client.GET('/v1/calls/{attempt}/waveform', { params: { path: { attempt } }, signal: end.signal }));
      const url = await source(attempt, purpose, end.signal);
      if (end.signal.aborted || !box.current) return;
      const media = new Audio();
      media.preload = 'none';
      media.src = url;
      const side = (loud: number[]) => loud.map((of) => of / 100);
      surfer = WaveSurfer.create({
        container: box.current, media, peaks: [side(outline.callee), side(outline.ours)], duration: outline.duration_ms / 1000,
        height: 64, normalize: true, cursorColor: '#b3261e', cursorWidth: 2, cspNonce: nonce, dragToSeek: true,
        splitChannels: [{ waveColor: '#8fc1ad', progressColor: '#1b6e3c' }, { waveColor: '#a9b8c4', progressColor: '#0a5c63' }],
      });
      wave.current = surfer;
      surfer.on('ready', (s) => {
        if (from) surfer?.setTime(from / 1000);
        setState((before) => ({ ...before, ready: true, all: s * 1000 }));
      });
      surfer.on('timeupdate', (s) => {
        setState((before) => ({ ...before, ms: s * 1000 }));
        tell(s * 1000);
      });
      surfer.on('play', () => setState((before) => ({ ...before, playing: true })));
      surfer.on('pause', () => setState((before) => ({ ...before, playing: false })));
      surfer.on('finish', () => setState((before) => ({ ...before, playing: false })));
      surfer.on('error', (e) => setProblem(e));
    };
    begin().catch((problem) => !end.signal.aborted && setProblem(problem));
    seeker.current = (ms) => {
      wave.current?.setTime(ms / 1000);
      void wave.current?.play();
    };
    const key = (event: KeyboardEvent) => {
      const on = event.target as HTMLElement;
      if (/^(INPUT|TEXTAREA|SELECT|BUTTON|A)$/.test(on.tagName) || on.isContentEditable) return;
      if (event.key === ' ') void wave.current?.playPause();
      else if (event.key === 'ArrowLeft') wave.current?.skip(-SKIP_S);
      else if (event.key === 'ArrowRight') wave.current?.skip(SKIP_S);
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', key);
    return () => {
      end.abort();
      window.removeEventListener('keydown', key);
      surfer?.destroy();
    };
  }, [attempt, purpose, from, tell, seeker]);
  if (problem !== undefined) return <Trouble problem={problem} />;
  return (
    <>
      <div className="tracks"><span>{t('call.recording.left')} ↑</span><span>{t('call.recording.right')} ↓</span></div>
      <div className="wave" ref={box} />
      <div className="player">
        <Button type="primary" disabled={!state.ready} icon={state.playing ? <PauseOutlined aria-hidden /> : <CaretRightOutlined aria-hidden />} onClick={() => void wave.current?.playPause()}>{t(state.playing ? 'pause' : 'play')}</Button>
        <span className="num" data-testid="played">{clock(state.ms)} / {clock(state.all)}</span>
        <Segmented size="small" aria-label={t('play.speed')} value={speed} options={[1, 1.5, 2].map((value) => ({ value, label: `${value}×` }))} onChange={(value) => { setSpeed(value); wave.current?.setPlaybackRate(value); }} />
      </div>
    </>
  );
};

export default Player;
