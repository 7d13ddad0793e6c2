"""A plain peer for the intent head: TF-IDF n-grams and a logistic regression (scikit-learn).

Trained on the same files, judged on the same held-out files, without rules and without an encoder:

    python3 -m venv venv && venv/bin/pip install scikit-learn
    venv/bin/python benches/peers/tfidf_intents.py [models/intents]

Characters of 1 to 3 for Mandarin, words of 1 to 2 and characters of 2 to 5 for English; each class weighs
the same. Out of scope counts as refused when it is the answer or the answer is less sure than 0.45, as the
dialogs ask.
"""

import sys
import time
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

ACCEPT = 0.45
OUTSIDE = "out_of_scope"


def read(path):
    rows = [r.split("\t") for r in path.read_text(encoding="utf-8").splitlines() if r and r[0] != "#"]
    return [r[0] for r in rows], [r[1].lower() for r in rows]


def features(lang):
    chars = TfidfVectorizer(analyzer="char", ngram_range=(1, 3) if lang == "zh" else (2, 5), sublinear_tf=True)
    if lang == "zh":
        return chars
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"[^\s]+", sublinear_tf=True)
    return FeatureUnion([("chars", chars), ("words", words)])


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "models/intents")
    for lang in ("zh", "en"):
        labels, texts = read(root / f"{lang}.tsv")
        begun = time.process_time()
        model = make_pipeline(features(lang), LogisticRegression(C=20, max_iter=300, class_weight="balanced"))
        model.fit(texts, labels)
        print(f"{lang}: trained on {len(texts)} examples in {time.process_time() - begun:.0f} s of CPU")
        for name in ("held-out", "held-out-2"):
            for path in sorted((root / name).glob(f"{lang}*.tsv")):
                if "several" in path.name:
                    continue
                judge(model, path)


def judge(model, path):
    meant, texts = read(path)
    share = model.predict_proba(texts)
    best = share.argmax(axis=1)
    scope = right = outside = refused = 0
    for label, row, b in zip(meant, share, best):
        answer = model.classes_[b]
        if label == OUTSIDE:
            outside += 1
            refused += answer == OUTSIDE or row[b] < ACCEPT
        else:
            scope += 1
            right += answer == label
    line = f"  {path.parent.name}/{path.name}: right {right}/{scope} ({100 * right / max(scope, 1):.1f} %)"
    if outside:
        line += f", out of scope refused {refused}/{outside} ({100 * refused / outside:.1f} %)"
    print(line)


if __name__ == "__main__":
    main()
