#!/usr/bin/env python3
"""Lists the clips that the spotter is trained and judged on (standard library only, fixed seed).

    plan.py VOICES OUT     writes OUT/{train,validate,judge}.tsv: file, lang, voice, speed, text, intent

VOICES holds Kokoro's voices as `render` takes them; blends of the training voices are written beside them,
and each voice also under a name of the other language, since Kokoro's voices speak either.
What trains, validates and judges shares no voice. A clip whose intent is `-` must not be accepted, unless
as what its text means (column `intent` then holds that meaning in the judge's list).
"""
import array
import hashlib
import itertools
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INTENTS = os.path.join(HERE, "..", "intents")
# Who judges is the same as for the other engines: engine/corpus/voices.rs.
JUDGE = {
    "zh": ["zf_xiaoyi", "zm_yunyang"],
    "en": ["af_nova", "am_puck", "bf_emma", "bm_george", "af_sky", "am_eric"],
}
VALIDATE = {"zh": ["zf_xiaoni", "zm_yunjian"], "en": ["af_kore", "am_liam", "bf_lily"]}
ZH_OWN = ["zf_xiaobei", "zf_xiaoxiao", "zm_yunxi", "zm_yunxia"]
OURS = ("affirm", "deny", "acknowledge", "greeting", "repeat", "wait", "wrong_number", "goodbye")
SPEEDS = [0.8, 0.9, 1.0, 1.0, 1.1, 1.2, 1.3]

# Near misses: close to a phrase, and something else. The first list trains, the second judges.
NEAR = {
    "zh": (
        "是不是 好像不是 不还 还了 好像是 对不对 可不可以 行不行 好不好 有没有 没有钱 没钱 不好说 不知道 "
        "是谁 你是谁 你哪位 哪位 干嘛 什么事 什么钱 什么时候 多少 多少钱 明天 后天 今天 周五 下周 月底 十号 "
        "对不起 不好意思 没听过 没听说 没收到 没时间 没空 没工作 没借 我没借 不认识 不清楚 不记得 不想还 不是吧 "
        "不可能 是吗 对吗 可以吗 行吗 好吗 可以分期吗 可以晚点吗 是他 是她 是我爸 我是他爸 我是他老婆 我不是 "
        "再说吧 再等等看 再给几天 等几天 等发工资 等我一天 稍后打 稍晚点 打给他 打我干嘛 打钱了 错了吧 账错了 "
        "再打报警 别打了 别再打 你好烦 你烦不烦 你有病 喂谁啊 喂哪位 您哪位 您贵姓 你说钱吗 你说了算 说什么呢 "
        "知道不了 我不知道 我知道你 好烦 好像吧 好难啊 好了没 行了吧 行了别说 对方 对半 对账 是这样 是的吗 四 十 "
        "一 二 三 五 六 七 八 九 零 五百 一千 两千 三百 张伟 王芳 李强 先生 老板 投诉 律师 报警 机器人 人工 失业 "
        "生病 住院 在忙 在开车 在开会 开会 晚点 晚上 早上 下午 中午 回头再说 不在 他不在 出去了 走了 死了 滚 "
        "骗子 有病 神经病 利息 逾期 分期 还款 信用卡 贷款 银行 微信 支付宝 卡号 尾号 身份证 短信 回 "
        "还 海 补 布 时候 石头 师傅 队长 退 最 罪 想 醒 星期 兴 杭 没 妹妹 美 煤 要 药 邀请 白 "
        "百 败 在 再 在哪 债 几天 进来 今年 见面 嗯不是 嗯没有 嗯不行 对但是 好但是 是但是 好我明天还 行我知道你 "
        "可以但是 可是 可能 可能吧 可惜 不是不还 没有不还 不要打了 不要再打 不行也得行 不能分期吗 不对吧 没有吗 "
        "什么东西 什么意思 什么公司 啥事 啥时候 啥钱 等会儿打 等你电话 拜托 拜年 打错账了 打错字".split(),
        "是不是啊 对不对呀 好不好啊 可不可以啊 没钱还 没有工作 不还了 还过了 我还了 你谁 你谁啊 干什么 哪里 "
        "什么贷款 什么银行 几号 多少啊 下个月 周六 十五号 八百 六千 不好意思啊 没收到啊 没借过 不记得了 不太清楚 "
        "可能不是 也许 不一定 看情况 再看吧 再说 等工资 我在开车 我在忙 晚上打 打他电话 别打我 你们烦 骗人 "
        "我是他妈 我是她妹妹 是我哥 他走了 对象 对门 是这个 好久 好贵 行李 可怜 没准 不如 不怕 要不 什么呀钱 "
        "等钱 稍微晚点 错过了 再建 白天 哎呀 天哪 妈呀 快递 外卖 会议室 停车 孩子 老师 同学 苹果 上海 北京".split(),
    ),
    "en": (
        "no idea|yes but I can't pay|yes but|yeah but|no money|not now|not yet|know|I know|I don't know|who|who is this|"
        "who's calling|why|when|where|how|how much|what for|what debt|what's this|what time|what do you want|"
        "tomorrow|today|Friday|Monday|next week|next month|Tuesday|later|call later|call me back|low|go|go away|"
        "hell no way|hell|help|help me|yellow|hello kitty|high|higher|buy|by Friday|buy now|my|my wife|guess|less|yet|"
        "yesterday|yes sir but|year|years|ear|here|hear|gear|you|yo|sure thing but|short|shore|shirt|sir|so|show|"
        "right now|write|ride|all right then what|wrong|wrong amount|long number|number|one|two|three|four|five|six|"
        "seven|eight|nine|zero|ten|twenty|fifty|hundred|two hundred|holding|old|on|own|gold|home|phone|alone|loan|"
        "a loan|one month|one payment|second|secondly|second time|just two weeks|just stop|stop|stop calling|stop it|"
        "speak|speak up|speaking of money|speaker|please|please stop|is it|it is|it isn't mine|is it not|I am|am I|"
        "I am not|I'm driving|I'm busy|I'm at work|I paid|I paid already|paid|pay|pain|bay|I can|can I|can't pay|"
        "I can pay|I can't pay|I can't talk|I won't|I will|I do|I don't|I don't think so|I don't care|I didn't|"
        "she's out|he's not here|he's out|he died|not here|not me|not mine|nothing|no one|nobody|no chance|no more calls|"
        "no problem|no worries|no not really mine|nope I paid|now|new|new job|lost my job|laid off|sick|hospital|lawyer|"
        "my lawyer|court|sue me|complaint|robot|are you real|real person|human|agent|scam|fraud|idiot|shut up|"
        "thanks|thank you|thanks anyway|what a joke|water|watch|want|wait what|went|pardon my French|garden|harden|"
        "say|said|same|sorry|sorry I can't|sorry no money|story|course|of|off|off course|horse|that's wrong|that's a lot|"
        "that's not right|that's not mine|that's it|that|hat|incorrect|collect|connect|direct|work|works|it works|"
        "this is Mike|this is his wife|this is a joke|this is not me|this|is this a scam|peas|piece|payday|payment|"
        "card|credit card|bank|account|interest|balance|late fee|due|due date|do|done|Okay but when|okay so how much|"
        "I see the bill|I saw|eyes|ice|uh|um|er|well|hmm|oh|oh no|wow|hey|maybe|maybe not|perhaps|probably|possibly|"
        "can you wait|hold the payment|bye the way|good|good day|good morning|good question|goods|never|ever".split("|"),
        "no clue|yes but not today|yeah but no|no cash|not today|don't know|who are you|who's this|why me|how come|"
        "what money|what bank|what's your name|Saturday|next Friday|Thursday|call back|ring me later|go on holiday|"
        "fellow|hollow|hi there who's this|pie|light|less money|jest|yesterday I paid|ears|sugar|surely not|shop|fright|"
        "song|eleven|thirty|forty|three hundred|fold|bone|one week|one year|just money|just leave me|quit it|"
        "peaking|plea|isn't it|am I in trouble|I'm asleep|I've paid|I can try|can't do it|I wouldn't|I did|she left|"
        "he passed away|not mine|none of it|no time|no way to know|noon|noodles|broke|fired|ill|attorney|judge|"
        "are you a machine|a real human|liar|get lost|thanks a lot|whatever|what nonsense|guardian|say what you want|"
        "sorry for that|coarse|that's too much|that's false|respect|worked|this is Anna|this is wrong|peach|paycheck|"
        "wallet|savings|fees|dew|I saw it|island|uh what now|well maybe|oh dear|gosh|could be|we'll see|depends".split("|"),
    ),
}


# Answers in one breath: what they begin and end with is heard as another answer (对，是我 as 不是我). The first list
# trains, as what is to be left to the recognizer; the second judges.
BREATHS = {
    "zh": (
        "对是我 对我是 对我就是 是的是我 是的我是 是的我就是 嗯是我 嗯我是 是是我 对对是我 对啊我是 是啊是我 喂是我 喂我是 "
        "喂对是我 好可以 行可以 好行 好没问题 对没错 可以没问题 不不是我 不是我不是 没有不是我 不对不是我 打错了不是我 不我不是 "
        "对是我老公 对是我的 不是是我 是我是我 不对是我".split(),
        "affirm:对的是我|affirm:嗯对是我|affirm:是我是的|affirm:喂是的|affirm:对我本人|affirm:好好可以|deny:不是不是我|"
        "deny:没有没有|deny:不不我不是|affirm:对是的".split("|"),
    ),
    "en": (
        "yes it's me|yeah it's me|yes that's me|yes this is me|yes I'm here|yeah speaking|hello yes|hello speaking|"
        "yes hello|okay sure|yes of course|no it's not me|no that's not me|no not me|no I'm not|hi yes|yes go on|"
        "no no it isn't|yes no problem|yeah no".split("|"),
        "affirm:yeah that's me|affirm:yes yes it's me|affirm:hello yes it's me|deny:no this isn't me|deny:no no not me|"
        "affirm:sure okay".split("|"),
    ),
}


def phrases():
    rows = [l.rstrip("\n").split("\t") for l in open(os.path.join(HERE, "phrases.tsv"), encoding="utf-8")]
    return [r for r in rows if len(r) == 3 and not r[0].startswith("#")]


def examples(path, lang):
    """Short lines of the intents' examples, as (intent, text)."""
    longest = 8 if lang == "zh" else 20
    rows = [l.rstrip("\n").split("\t") for l in open(os.path.join(INTENTS, path), encoding="utf-8")]
    return [(r[0], r[1]) for r in rows if len(r) == 2 and len(r[1]) <= longest and r[1].isascii() == (lang == "en")]


def other_name(name, lang):
    """A voice under a name that `render` takes for a voice of the language."""
    first = name[0]
    if (lang == "zh" and first == "z") or (lang == "en" and first in "ab"):
        return name
    return ("zf_" if lang == "zh" else "af_") + name.replace("_", "-", 1)


def read(path):
    values = array.array("f")
    values.frombytes(open(path, "rb").read())
    return values


def prepare(voices):
    """Writes the blends and the other names; gives the training voices by language."""
    own = sorted(n[:-4] for n in os.listdir(voices) if n.endswith(".bin") and "-" not in n)
    kept_out = {v for part in (VALIDATE, JUDGE) for names in part.values() for v in names}
    for name in own:
        for lang in ("zh", "en"):
            path = os.path.join(voices, other_name(name, lang) + ".bin")
            if not os.path.exists(path):
                open(path, "wb").write(open(os.path.join(voices, name + ".bin"), "rb").read())
    blends = []
    for n, (a, b) in enumerate(itertools.combinations(ZH_OWN, 2)):
        share = 0.5 if n % 2 == 0 else 1.3
        name = f"zf_mix-{n}"
        path = os.path.join(voices, name + ".bin")
        x, y = (read(os.path.join(voices, v + ".bin")) for v in (a, b))
        array.array("f", (p * share + q * (1 - share) for p, q in zip(x, y))).tofile(open(path, "wb"))
        blends.append(name)
    guests = [v for v in own if v not in kept_out and v[0] != "z"]
    english = [v for v in guests if v[0] in "ab"]
    others = [v for v in guests if v[0] not in "ab"]
    return {
        "zh": (ZH_OWN, blends, [other_name(v, "zh") for v in guests]),
        "en": (english, [other_name(v, "en") for v in others], ["joe"]),
    }


def more_english(add, voices, known, rng_of):
    """English sounds differ more from voice to voice than Mandarin ones do: every voice says every phrase, and
    two more say each near miss. A sequence of its own, so that what was listed before stays."""
    own = voices[0]
    for lang, intent, text in phrases():
        if lang == "en":
            for voice in own:
                add("train", lang, voice, text, intent, rng_of)
    for text in NEAR["en"][0]:
        if ("en", text.lower()) not in known:
            for voice in rng_of.sample(own, 2):
                add("train", "en", voice, text, "-", rng_of)


def breaths(add, voices, known, rng):
    for lang in ("zh", "en"):
        own, second, _ = voices[lang]
        for text in BREATHS[lang][0]:
            if (lang, text.lower()) not in known:
                for voice in rng.sample(own + second, 6):
                    add("train", lang, voice, text, "-", rng)
        for row in BREATHS[lang][1]:
            intent, text = row.split(":")
            if (lang, text.lower()) not in known:
                for voice in JUDGE[lang]:
                    add("judge", lang, voice, text, intent + "?", rng)


def main():
    voices, out = sys.argv[1:]
    rng = random.Random(20261126)
    train_voices = prepare(voices)
    lists = {"train": [], "validate": [], "judge": []}

    def add(part, lang, voice, text, intent, of=rng):
        speed = str(of.choice(SPEEDS))
        name = "-".join([lang, voice, speed, hashlib.sha256(text.encode()).hexdigest()[:10]])
        lists[part].append([os.path.join(out, "wav", name + ".wav"), lang, voice, speed, text, intent])

    known = {(l, t.lower()) for l, _, t in phrases()}
    for lang, intent, text in phrases():
        own, second, third = train_voices[lang]
        if lang == "zh":
            chosen = own + rng.sample(second, 3) + rng.sample(third, 3)
        else:
            chosen = third + rng.sample(own, 4) + rng.sample(second, 2) + third
        for voice in chosen:
            add("train", lang, voice, text, intent)
        for voice in rng.sample(VALIDATE[lang], 1):
            add("validate", lang, voice, text, intent)
        for voice in rng.sample(JUDGE[lang], 2):
            add("judge", lang, voice, text, intent)
    for lang in ("zh", "en"):
        own, second, _ = train_voices[lang]
        voices_of = own + second
        texts = [t for t in NEAR[lang][0] if (lang, t.lower()) not in known]
        pool = [t for i, t in examples(f"{lang}.tsv", lang) if (lang, t.lower()) not in known and i not in OURS]
        texts += rng.sample(pool, min(80, len(pool)))
        for text in texts:
            add("train", lang, rng.choice(voices_of), text, "-")
        for text in rng.sample(pool, min(50, len(pool))):
            add("validate", lang, rng.choice(VALIDATE[lang]), text, "-")
        for text in NEAR[lang][1]:
            add("judge", lang, rng.choice(JUDGE[lang]), text, "-")
        held = [(i, t) for i, t in examples(f"held-out/{lang}.tsv", lang) if (lang, t.lower()) not in known]
        for intent, text in rng.sample(held, min(60, len(held))):
            add("judge", lang, rng.choice(JUDGE[lang]), text, intent + "?")
    more_english(add, train_voices["en"], known, rng_of=random.Random(7))
    breaths(add, train_voices, known, random.Random(11))
    os.makedirs(os.path.join(out, "wav"), exist_ok=True)
    for part, rows in lists.items():
        # The first clip of each text, then the second: what is rendered of a list so far covers it evenly.
        rng.shuffle(rows)
        seen = {}
        for row in rows:
            key = (row[1], row[4])
            seen[key] = seen.get(key, -1) + 1
            row.append(seen[key])
        rows.sort(key=lambda r: r.pop())
        with open(os.path.join(out, part + ".tsv"), "w", encoding="utf-8") as f:
            f.writelines("\t".join(r) + "\n" for r in rows)


if __name__ == "__main__":
    main()
