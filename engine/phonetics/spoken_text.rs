//! A spoken form that remembers where in the written text each part of it came from.

/// A text as it is said, with the way back to the text as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpokenText {
    /// What is said.
    pub text: String,
    /// Byte here, byte there: where each written character or figure begins, in order.
    steps: Vec<(usize, usize)>,
}

impl SpokenText {
    pub(crate) fn new(text: String, steps: Vec<(usize, usize)>) -> Self {
        Self { text, steps }
    }

    /// The byte of the written text from which byte `at` of the spoken one came: of a figure, its
    /// beginning.
    pub fn written(&self, at: usize) -> usize {
        let after = self.steps.partition_point(|&(spoken, _)| spoken <= at);
        after.checked_sub(1).and_then(|n| self.steps.get(n)).map_or(0, |&(_, written)| written)
    }
}

#[cfg(test)]
mod tests {
    use crate::{english, mandarin};

    #[test]
    fn each_word_of_a_figure_leads_back_to_the_figure() {
        let text = "欠¥3,250.00，请还";
        let spoken = mandarin::spoken_text(text);
        assert_eq!(spoken.text, "欠三千二百五十元，请还");
        let of = |word: &str| &text[spoken.written(spoken.text.find(word).unwrap())..];
        assert_eq!(
            (of("三"), of("百"), of("，"), of("还")),
            ("¥3,250.00，请还", "¥3,250.00，请还", "，请还", "还")
        );
        let spoken = english::spoken_text("You owe $20 by 5pm.");
        assert_eq!(spoken.text, "You owe twenty dollars by five p.m..");
        let of = |word: &str| spoken.written(spoken.text.find(word).unwrap());
        assert_eq!((of("You"), of("dollars"), of("by"), of("p.m.")), (0, 8, 12, 15));
        assert_eq!(english::spoken_text("").written(9), 0);
    }
}
