// A supervisor's seat in a talk: messages over a WebSocket, sound as at a desk. Unheard at first; the microphone is
// asked for when it is first needed.
import { useEffect, useRef, useState } from 'react';
import { signedOut } from './client';
import type { Card, Said } from './desk-link';
import { answered, microphone, opened } from './sound';

export type Sitting = 'listens' | 'whispers' | 'joins' | 'has_the_call';
export interface Sat { talk: { attempt: string; name: string; case: string; since: string; held: boolean }; sitting: Sitting; card: Card; lines: Said[] }

type Told =
  | { type: 'ice'; servers: RTCIceServer[] } | { type: 'state'; talk: Sat['talk']; sitting: Sitting; card: Card; lines?: Said[] } | { type: 'line'; line: Said } | { type: 'sdp'; sdp: string }
  | { type: 'ended' } | { type: 'refused'; why: string };

/** Why the server closes the line: the session is over. */
const SIGNED_OUT = 4401;

/** Sits in on a talk as long as the page is shown. */
export const useSeat = (attempt: string) => {
  const [sat, setSat] = useState<Sat>();
  const [over, setOver] = useState(false);
  const [refused, setRefused] = useState('');
  const socket = useRef<WebSocket>(undefined);
  const voice = useRef<MediaStream>(undefined);
  const send = (message: object) => {
    if (socket.current?.readyState === WebSocket.OPEN) socket.current.send(JSON.stringify(message));
  };
  useEffect(() => {
    let gone = false;
    let peer: RTCPeerConnection | undefined;
    let relays: RTCIceServer[] = [];
    // How we sit in is told before there is a microphone, and again whenever it changes.
    let sitting: Sitting = 'listens';
    // Nothing of whoever listens leaves the machine.
    const gate = () => voice.current?.getAudioTracks().forEach((track) => (track.enabled = sitting !== 'listens'));
    const ear = new Audio();
    const made = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/talks/${encodeURIComponent(attempt)}/seat`);
    socket.current = made;
    const sound = async (sdp: string) => {
      peer?.close();
      const own = opened(relays, (stream) => {
        ear.srcObject = stream;
        void ear.play().catch(() => undefined);
      });
      peer = own;
      // Without a microphone one may still listen.
      voice.current ??= await microphone().catch(() => undefined);
      gate();
      const answer = await answered(own, sdp, voice.current);
      if (!gone && peer === own) send({ type: 'sdp', sdp: answer });
    };
    made.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Told;
      if (message.type === 'ice') relays = message.servers;
      else if (message.type === 'state') {
        sitting = message.sitting;
        gate();
        setSat((before) => ({ ...message, lines: message.lines ?? before?.lines ?? [] }));
      }
      else if (message.type === 'line') setSat((before) => before && { ...before, lines: [...before.lines, message.line] });
      else if (message.type === 'sdp') sound(message.sdp).catch((problem: unknown) => setRefused(String(problem)));
      else if (message.type === 'refused') setRefused(message.why);
      else setOver(true);
    };
    made.onclose = ({ code }) => {
      if (gone) return;
      if (code === SIGNED_OUT) signedOut();
      else setOver(true);
    };
    return () => {
      gone = true;
      made.close();
      peer?.close();
      ear.srcObject = null;
      voice.current?.getTracks().forEach((track) => track.stop());
      voice.current = undefined;
    };
  }, [attempt]);
  return { sat, over, refused, send };
};
