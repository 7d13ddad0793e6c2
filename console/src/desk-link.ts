// An agent's line to the switchboard: messages over a WebSocket, sound over WebRTC. Whatever breaks is made anew: the
// server tells how everything stands to each page that comes, and a call that is up is taken up again.
import { useCallback, useEffect, useRef, useState } from 'react';
import { signedOut } from './client';
import { answered, microphone, opened, tone, whenLost } from './sound';

export type Wish = 'available' | 'on_break' | 'away';
export interface Sum { amount: string; currency: string }
export interface Part extends Sum { date: string }
export interface Promised extends Part { parts?: Part[]; discount?: Sum; channel?: string }
export interface Said { at: string; speaker: 'callee' | 'bot' | 'agent'; text: string; intent?: string }
export interface Card extends Sum {
  campaign: string | null; case: string; name: string; title: string; lang: string; creditor: string; product: string; due_date: string;
  /** Where the telephone rings. */
  time_zone: string;
  /** None before a call. */
  reason: string | null; history: { at: string; disposition: string; promised?: string }[]; skills: string[]; identity: string; debt_disclosed: boolean; mood: { agitation: number; distress: number; willingness: number } | null;
  intents: string[]; table: Promised | null; offers: Promised[];
  authority: { least_part: Sum; max_parts: number; max_delay_days: number; max_span_days: number; discounts: string[]; approver: string | null };
  wanted_at: string;
  /** The agent who asks about a call that is theirs. */
  asked_by?: string;
}
export interface Call {
  attempt: string; card: Card; lines: Said[]; joined: boolean; held: boolean; muted: boolean;
  /** Another agent who is asked about it, or is sought for that. */
  asked?: { name?: string; there: boolean };
  /** Whoever is called in by their number. */
  called_in?: { number: string; there: boolean };
}
export interface Colleague { login: string; name: string; presence: string; skills: { [skill: string]: number } }
export interface Stands {
  agent: { login: string; name: string; skills: Record<string, number>; langs: string[] };
  presence: 'away' | 'available' | 'looking' | 'awaiting' | 'offered' | 'talking' | 'wrapping_up' | 'on_break';
  wish: Wish; note?: string; since: string; until: string | null;
  /** The call in hand; the case, while it is looked at before its call. */
  call: Call | null;
  /** Their sound is a telephone's: the page has none. */
  telephone?: boolean; now: string;
}
type Told =
  | { type: 'ice'; servers: RTCIceServer[] } | ({ type: 'state' } & Stands) | { type: 'offer'; attempt: string; until: string; card: Card; auto?: boolean } | { type: 'line'; attempt: string; line: Said }
  | { type: 'sdp'; attempt: string; sdp: string } | { type: 'joined'; attempt: string } | { type: 'revoked'; attempt: string; why: string }
  | { type: 'yours'; attempt: string; was: string } | { type: 'colleagues'; items: Colleague[] } | { type: 'ended'; attempt: string } | { type: 'wrapped'; attempt: string } | { type: 'superseded' } | { type: 'refused'; why: string };

export interface Offer { attempt: string; until: string; card: Card; lines: Said[]; auto?: boolean }
export type Line = 'opening' | 'open' | 'lost' | 'superseded';

/** Why the server closes the line: the session is over, or another page of the same person has the desk. */
const SIGNED_OUT = 4401;
const SUPERSEDED = 4409;

export const useDesk = () => {
  const [line, setLine] = useState<Line>('opening');
  const [stands, setStands] = useState<Stands>();
  const [offer, setOffer] = useState<Offer>();
  const [colleagues, setColleagues] = useState<Colleague[]>();
  const [wrapped, setWrapped] = useState<string>();
  const [told, setTold] = useState<{ kind: 'revoked' | 'refused' | 'microphone' | 'sound'; text: string }>();
  /** How far the server's clock is ahead of this one [ms]. */
  const [ahead, setAhead] = useState(0);
  const [turn, setTurn] = useState(0);
  const socket = useRef<WebSocket>(undefined);
  const peer = useRef<RTCPeerConnection>(undefined);
  const voice = useRef<MediaStream>(undefined);
  const relays = useRef<RTCIceServer[]>([]);
  const muted = useRef(false);
  /** The call that is talked on. */
  const call = useRef<string>(undefined);
  const telephone = useRef(false);
  const ear = useRef<HTMLAudioElement>(undefined);

  const send = useCallback((message: object) => {
    if (socket.current?.readyState === WebSocket.OPEN) socket.current.send(JSON.stringify(message));
  }, []);

  /** The microphone, asked for once, before a call needs it. */
  const listen = useCallback(async () => {
    if (telephone.current) return new MediaStream();
    if (voice.current?.active) return voice.current;
    voice.current = await microphone();
    return voice.current;
  }, []);

  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wait = 500;
    const hush = () => {
      peer.current?.close();
      peer.current = undefined;
    };
    const sound = async (attempt: string, sdp: string) => {
      hush();
      const made = opened(relays.current, (stream) => {
        ear.current ??= new Audio();
        ear.current.srcObject = stream;
        void ear.current.play().catch(() => setTold({ kind: 'sound', text: '' }));
      });
      peer.current = made;
      // Where the line is lost as well, the state that it begins with asks for it.
      whenLost(made, () => {
        if (peer.current !== made || !call.current) return;
        hush();
        send({ type: 'renew', attempt: call.current });
      });
      const voice = await listen();
      voice.getAudioTracks().forEach((track) => (track.enabled = !muted.current));
      const answer = await answered(made, sdp, voice);
      if (peer.current === made) send({ type: 'sdp', attempt, sdp: answer });
    };
    const hear = (message: Told) => {
      switch (message.type) {
        case 'ice':
          relays.current = message.servers;
          break;
        case 'state': {
          setAhead(Date.parse(message.now) - Date.now());
          setStands(message);
          telephone.current = message.telephone ?? false;
          call.current = message.presence === 'talking' ? message.call?.attempt : undefined;
          if (message.presence !== 'offered') setOffer(undefined);
          // Whoever is muted sends silence: nothing of them leaves the machine.
          muted.current = message.call?.muted ?? false;
          voice.current?.getAudioTracks().forEach((track) => (track.enabled = !muted.current));
          // A page that was loaded anew has no sound of the call that it finds.
          if (message.presence === 'talking' && message.call && !peer.current && !telephone.current) send({ type: 'renew', attempt: message.call.attempt });
          if (message.presence !== 'talking' && message.presence !== 'offered') hush();
          break;
        }
        case 'offer':
          setOffer({ ...message, lines: [] });
          if (message.auto) void tone().then(() => send({ type: 'answer', attempt: message.attempt }));
          break;
        case 'line':
          setOffer((offer) => (offer?.attempt === message.attempt ? { ...offer, lines: [...offer.lines, message.line] } : offer));
          setStands((stands) => (stands?.call?.attempt === message.attempt ? { ...stands, call: { ...stands.call, lines: [...stands.call.lines, message.line] } } : stands));
          break;
        case 'sdp':
          sound(message.attempt, message.sdp).catch((problem: unknown) => setTold({ kind: 'microphone', text: problem instanceof Error ? problem.message : String(problem) }));
          break;
        case 'joined':
          setStands((stands) => (stands?.call?.attempt === message.attempt ? { ...stands, call: { ...stands.call, joined: true } } : stands));
          break;
        case 'revoked':
          setOffer(undefined);
          setTold({ kind: 'revoked', text: message.why });
          break;
        case 'ended':
          hush();
          break;
        case 'yours':
          // Its sound goes on; all that is said from here on is of its own id.
          if (call.current === message.was) call.current = message.attempt;
          setStands((stands) => (stands?.call?.attempt === message.was ? { ...stands, call: { ...stands.call, attempt: message.attempt } } : stands));
          break;
        case 'colleagues':
          setColleagues(message.items);
          break;
        case 'wrapped':
          setWrapped(message.attempt);
          break;
        case 'superseded':
          over = true;
          hush();
          setLine('superseded');
          break;
        case 'refused':
          setTold({ kind: 'refused', text: message.why });
      }
    };
    const dial = () => {
      const made = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/desk`);
      socket.current = made;
      made.onopen = () => {
        wait = 500;
        setLine('open');
      };
      made.onmessage = ({ data }) => hear(JSON.parse(String(data)) as Told);
      made.onclose = ({ code }) => {
        if (over) return;
        if (code === SIGNED_OUT) return signedOut();
        if (code === SUPERSEDED) {
          over = true;
          hush();
          return setLine('superseded');
        }
        setLine('lost');
        timer = setTimeout(dial, wait);
        wait = Math.min(wait * 2, 8000);
      };
    };
    dial();
    return () => {
      over = true;
      clearTimeout(timer);
      socket.current?.close();
      hush();
    };
  }, [turn, listen, send]);

  useEffect(() => () => voice.current?.getTracks().forEach((track) => track.stop()), []);

  return { line, stands, offer, wrapped, colleagues, told, ahead, send, listen, silence: () => setTold(undefined), again: () => { setLine('opening'); setTurn((turn) => turn + 1); } };
};
