// Sound between a browser and the switchboard: its offer answered, what comes played. ICE-lite on the far side: one
// answer, sent when the browser has found its own addresses.

/** How long an answer waits for the browser to find its own addresses [ms]; the server needs none of them. */
const GATHER_MS = 500;

const gathered = (peer: RTCPeerConnection) =>
  new Promise<void>((done) => {
    if (peer.iceGatheringState === 'complete') return done();
    const timer = setTimeout(done, GATHER_MS);
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      done();
    });
  });

/** A far end whose sound is handed on as it comes; by these relays where nothing else leads there. */
export const opened = (iceServers: RTCIceServer[], hear: (stream: MediaStream) => void): RTCPeerConnection => {
  const peer = new RTCPeerConnection({ iceServers });
  peer.ontrack = ({ streams, track }) => hear(streams[0] ?? new MediaStream([track]));
  return peer;
};

/** How long a way that is lost may take to be found again [ms]. */
const LOST_MS = 8_000;

/** Has the sound made anew where the browser does not find its way again, as after a long outage. */
export const whenLost = (peer: RTCPeerConnection, again: () => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  peer.onconnectionstatechange = () => {
    clearTimeout(timer);
    if (peer.connectionState === 'failed') again();
    else if (peer.connectionState === 'disconnected') timer = setTimeout(again, LOST_MS);
  };
};

/** The answer to an offer, with somebody's voice where there is one. */
export const answered = async (peer: RTCPeerConnection, sdp: string, voice?: MediaStream): Promise<string> => {
  await peer.setRemoteDescription({ type: 'offer', sdp });
  for (const track of voice?.getAudioTracks() ?? []) peer.addTrack(track, voice as MediaStream);
  await peer.setLocalDescription(await peer.createAnswer());
  await gathered(peer);
  return peer.localDescription?.sdp ?? '';
};

/** The microphone, as it is for people who talk. */
export const microphone = () => navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });

/** A short tone, by which somebody whose desk answers by itself knows that a call is there. */
const TONE = { hz: 880, s: 0.25, loud: 0.15 };

/** Plays it; one that the browser holds back keeps nobody waiting. */
export const tone = async (): Promise<void> => {
  const play = async () => {
    const sound = new AudioContext();
    const [voice, volume] = [sound.createOscillator(), sound.createGain()];
    voice.frequency.value = TONE.hz;
    volume.gain.value = TONE.loud;
    voice.connect(volume).connect(sound.destination);
    voice.start();
    voice.stop(sound.currentTime + TONE.s);
    await new Promise<void>((done) => (voice.onended = () => done()));
    await sound.close();
  };
  await Promise.race([play().catch(() => undefined), new Promise((go) => setTimeout(go, 2 * TONE.s * 1000))]);
};
