// What a page plays of a call, kept as a WAV: taken from the very stream that a person hears.
import { writeFileSync } from 'node:fs';

/** As recognition takes it [Hz]. */
const RATE = 16_000;

/** Keeps hold of what is played; before the page is opened. */
export const earOf = (page) =>
  page.addInitScript(() => {
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
      if (this.srcObject) window.played = this.srcObject;
      return play.call(this);
    };
  });

/** Begins to keep what is played. */
export const listens = (page) =>
  page.evaluate(() => {
    const [recorder, pieces] = [new MediaRecorder(window.played), []];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.start(1000);
    window.taken = { recorder, pieces };
  });

/** The head of a WAV: PCM of 16 bits, one side. */
const head = (bytes) => {
  const made = Buffer.alloc(44);
  made.write('RIFF', 0);
  made.writeUInt32LE(36 + bytes, 4);
  made.write('WAVEfmt ', 8);
  [16, 1 | (1 << 16), RATE, 2 * RATE, 2 | (16 << 16)].forEach((value, n) => made.writeUInt32LE(value, 16 + 4 * n));
  made.write('data', 36);
  made.writeUInt32LE(bytes, 40);
  return made;
};

/** Ends it, and writes what was played since. */
export const heard = async (page, path) => {
  const coded = await page.evaluate(async (rate) => {
    const { recorder, pieces } = window.taken;
    const over = new Promise((done) => (recorder.onstop = done));
    recorder.stop();
    await over;
    const context = new AudioContext({ sampleRate: rate });
    const sound = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
    await context.close();
    const samples = Int16Array.from(sound.getChannelData(0), (sample) => Math.max(-1, Math.min(1, sample)) * 32_767);
    const bytes = new Uint8Array(samples.buffer);
    let text = '';
    // An argument each: not more of them than a call takes.
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  }, RATE);
  const samples = Buffer.from(coded, 'base64');
  writeFileSync(path, Buffer.concat([head(samples.length), samples]));
};
