#!/usr/bin/env python3
"""More clips from small synthesizers of other kinds: espeak-ng 1.51 (formants) and flite 2.2 (units).

    formant.py OUT     renders into OUT/wav, writes OUT/{formant-train,formant-judge}.tsv

They train beside the project's own voices, for sounds that no neural voice makes; flite's `slt` only judges.
`ESPEAK` and `FLITE` in the environment name the two programs (Debian's espeak-ng and flite).
"""
import os
import random
import subprocess
import sys

import plan

# English alone: espeak-ng's Mandarin knows too few characters.
EN = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"]
VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "linda", "steph", "belinda",
            "benjamin", "david", "edward", "gustave", "iven", "adam", "aunty", "boris", "caleb", "marcelo", "max",
            "quincy", "rob", "shelby", "travis", "victor", "zac", "john", "michel", "norbert", "paul"]
FLITE = ["rms", "awb", "kal16"]


def main():
    out = sys.argv[1]
    espeak, flite = os.environ.get("ESPEAK", "espeak-ng"), os.environ.get("FLITE", "flite")
    rng = random.Random(7)
    rows = {"train": [], "judge": []}

    def say(part, lang, text, intent, engine):
        wav = os.path.join(out, "wav", f"formant-{part}-{len(rows[part]):05}.wav")
        if engine == "espeak":
            voice = f"{rng.choice(EN)}+{rng.choice(VARIANTS)}"
            speed, pitch = rng.randint(130, 230), rng.randint(25, 75)
            command = [espeak, "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", wav, text]
        else:
            voice, speed = engine, rng.choice(["0.8", "1.0", "1.2"])
            command = [flite, "-voice", engine, "--setf", f"duration_stretch={speed}", "-t", text, "-o", wav]
        if not os.path.exists(wav):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows[part].append([wav, lang, f"x-{voice}", str(speed), text, intent])

    known = {(l, t.lower()) for l, _, t in plan.phrases()}
    for intent, text in [(i, t) for lang, i, t in plan.phrases() if lang == "en"]:
        for _ in range(8):
            say("train", "en", text, intent, "espeak")
        for engine in FLITE:
            say("train", "en", text, intent, engine)
        say("judge", "en", text, intent, "slt")
    texts = [t for t in plan.NEAR["en"][0] if ("en", t.lower()) not in known]
    pool = [t for i, t in plan.examples("en.tsv", "en") if ("en", t.lower()) not in known and i not in plan.OURS]
    for text in texts + rng.sample(pool, min(150, len(pool))):
        say("train", "en", text, "-", "espeak")
        say("train", "en", text, "-", rng.choice(FLITE))
    for text in plan.NEAR["en"][1]:
        say("judge", "en", text, "-", "slt")
    for part, some in rows.items():
        with open(os.path.join(out, f"formant-{part}.tsv"), "w", encoding="utf-8") as f:
            f.writelines("\t".join(r) + "\n" for r in some)


main()
