"""Endpointing by webrtc-vad, and by energy, on a folder of turns.

    pip install webrtcvad-wheels
    python3 benches/peers/endpointing.py DIR [--silence 400,600,800]

DIR is what `waihu corpus make turns DIR` writes, or any folder with a manifest.tsv of
file, lang, text, question, label, condition, ended_at_ms (16-bit WAVs of one channel at 8 kHz).
The rules are those of `waihu eval turns`: whoever ends a finished turn before its last word (50 ms
are granted), or an unfinished one anywhere, has cut the callee off; the delay is from the last word to
the decision.
"""

import argparse
import array
import math
import wave
from pathlib import Path

import webrtcvad

FRAME_MS = 20
BYTES = 2 * 8 * FRAME_MS
SLACK_MS = 50
# Speech must last so long before it counts, for all of them: a click is no turn.
LEAST_MS = 120


def frames(path):
    with wave.open(str(path)) as f:
        if (f.getframerate(), f.getnchannels(), f.getsampwidth()) != (8000, 1, 2):
            raise ValueError(f"{path}: not 16 bits, one channel, 8 kHz")
        sound = f.readframes(f.getnframes())
    return [sound[n : n + BYTES] for n in range(0, len(sound) - BYTES + 1, BYTES)]


def by_webrtc(mode):
    def judge(sound):
        vad = webrtcvad.Vad(mode)
        return [vad.is_speech(frame, 8000) for frame in sound]

    return judge


def by_energy(margin_db):
    """Louder than the quietest tenth of the last 3 s by a margin, and than -50 dBov."""

    def judge(sound):
        levels, out = [], []
        for frame in sound:
            samples = array.array("h", frame)
            power = sum(s * s for s in samples) / len(samples)
            levels.append(10 * math.log10(power / 32768**2 + 1e-12))
            recent = sorted(levels[-150:])
            floor = recent[len(recent) // 10]
            out.append(levels[-1] > max(floor + margin_db, -50.0))
        return out

    return judge


def first_end(voiced, silence_ms):
    """When so much silence has followed speech [ms]; None where it never has."""
    speech = silence = 0
    for n, voice in enumerate(voiced):
        if voice:
            speech, silence = speech + FRAME_MS, 0
        elif speech >= LEAST_MS:
            silence += FRAME_MS
            if silence >= silence_ms:
                return (n + 1) * FRAME_MS
        else:
            speech = 0
    return None


def percentile(values, percent):
    values = sorted(values)
    return values[max(math.ceil(percent / 100 * len(values)), 1) - 1] if values else float("nan")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=Path)
    parser.add_argument("--silence", default="400,600,800")
    args = parser.parse_args()
    turns = []
    for number, line in enumerate((args.dir / "manifest.tsv").read_text("utf-8").splitlines(), 1):
        cells = line.split("\t")
        if cells[0] == "file" or line.startswith("#"):
            continue
        if len(cells) < 7 or cells[4] not in ("finished", "unfinished"):
            continue
        try:
            turns.append((cells[4], int(cells[6]), frames(args.dir / cells[0])))
        except (OSError, ValueError, wave.Error) as error:
            print(f"manifest.tsv:{number}: {error}")
    finished = sum(label == "finished" for label, _, _ in turns)
    print(f"{finished} finished and {len(turns) - finished} unfinished turns")
    print(f"{'judge':24}{'cut off':>16}{'never':>7}{'p50 ms':>8}{'p95 ms':>8}")
    judges = [(f"webrtc-vad mode {mode}", by_webrtc(mode)) for mode in (1, 3)]
    judges += [(f"energy +{margin} dB", by_energy(margin)) for margin in (10, 15)]
    for name, judge in judges:
        voiced = [judge(sound) for _, _, sound in turns]
        for silence_ms in map(int, args.silence.split(",")):
            cut, never, delays = 0, 0, []
            for (label, ended_at, _), voice in zip(turns, voiced):
                at = first_end(voice, silence_ms)
                if label == "unfinished":
                    cut += at is not None
                elif at is None:
                    never += 1
                elif at + SLACK_MS < ended_at:
                    cut += 1
                else:
                    delays.append(at - ended_at)
            print(
                f"{name + f', {silence_ms} ms':24}{100 * cut / len(turns):8.1f} % ({cut:3}){never:7}"
                f"{percentile(delays, 50):8.0f}{percentile(delays, 95):8.0f}"
            )


if __name__ == "__main__":
    main()
