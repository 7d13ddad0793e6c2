#!/usr/bin/env python3
"""The Mandarin front end beside misaki's, syllable by syllable.

    pip install 'misaki[zh]'
    cargo run --release -p waihu-phonetics --example pinyin < benches/peers/mandarin_lines.txt > ours.tsv
    python3 benches/peers/misaki_zh.py ours.tsv [--list]

`ours.tsv` has, a line, the spoken form and its pinyin after sandhi. misaki 0.9 (its front end 1.1: jieba,
pypinyin with large_pinyin, tone sandhi) reads the same spoken form, so that readings are compared and not
ways of writing numbers. What differs is counted by syllable; `--list` prints each line that differs.
Latin letters are left out on both sides.
"""

import re
import sys
from pathlib import Path

from misaki.zh_frontend import ZHFrontend, ZH_MAP

HAN = re.compile(r"[\u3400-\u9fff]")
NAMES = {v: k for k, v in ZH_MAP.items() if len(v) == 1}


def theirs(front, text):
    """Syllables as (initial, final, tone), in pypinyin's strict letters."""
    out = []
    for word in re.findall(r"[^A-Za-z\s]+", text.replace("〇", "零")):
        for token in front(word)[1]:
            if not token.phonemes or token.tag in ("x", "eng"):
                continue
            letters = [NAMES.get(c, c) for c in token.phonemes]
            syllable = []
            for part in letters:
                if part in "12345" and len(part) == 1:
                    out.append(("".join(syllable).replace("R", ""), part, "R" in syllable))
                    syllable = []
                else:
                    syllable.append(part)
    return out


def strict(pinyin):
    """One of our syllables in the same letters: `yuan2` is van, `zhi1` zhiii, `liu4` liou."""
    letters, tone = pinyin[:-1], pinyin[-1]
    erhua = len(letters) > 2 and letters.endswith("r")
    letters = letters[:-1] if erhua else letters
    whole = {
        "yi": "i", "yin": "in", "ying": "ing", "wu": "u", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn",
        "yong": "iong", "you": "iou", "wei": "uei", "wen": "uen", "weng": "ueng", "ye": "ie", "yan": "ian",
        "ya": "ia", "yao": "iao", "yang": "iang", "wa": "ua", "wo": "uo", "wai": "uai", "wan": "uan",
        "wang": "uang", "yo": "io",
    }
    if letters in whole:
        return whole[letters], tone, erhua
    initial = re.match(r"zh|ch|sh|[bpmfdtnlgkhjqxrzcs]?", letters).group()
    final = letters[len(initial):]
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "iii"
    elif final == "i" and initial in ("z", "c", "s"):
        final = "ii"
    elif initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    final = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve", "vn": "vn", "ê": "e"}.get(final, final)
    return initial + final, tone, erhua


def ours(pinyin):
    return [strict(s) for s in re.findall(r"[a-zê]+[1-5]", pinyin)]


def main():
    listing = "--list" in sys.argv
    front = ZHFrontend()
    lines = same_lines = syllables = same = 0
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        spoken, pinyin = line.split("\t")
        a, b = ours(pinyin), theirs(front, spoken)
        lines += 1
        syllables += len(a)
        if len(a) == len(b):
            agree = sum(x == y for x, y in zip(a, b))
        else:
            agree = len(set(enumerate(a)) & set(enumerate(b)))
        same += agree
        if a == b:
            same_lines += 1
        elif listing:
            pairs = zip(a, b) if len(a) == len(b) else [("length", len(a)), ("length", len(b))]
            diff = " ".join(f"{x}/{y}" for x, y in pairs if x != y) if len(a) == len(b) else f"{len(a)} against {len(b)}"
            print(f"{spoken}\t{pinyin}\t{diff}")
    print(f"{lines} lines, {same_lines} alike ({100 * same_lines / lines:.1f} %); "
          f"{syllables} syllables, {same} alike ({100 * same / syllables:.1f} %)")


if __name__ == "__main__":
    main()
