//! Who can be called: the personas by number, and by what the caller's telephone shows.

use std::collections::BTreeMap;

use crate::persona::Persona;

/// The practice ground's callees.
#[derive(Clone, Debug, Default)]
pub struct Personas(BTreeMap<(String, Option<String>), Persona>);

impl Personas {
    /// Adds one.
    ///
    /// # Errors
    /// The persona itself where its number, for the same callers, is taken.
    pub fn insert(&mut self, persona: Persona) -> Result<(), Box<Persona>> {
        let key = (persona.number.clone(), persona.when_shown.clone());
        if self.0.contains_key(&key) {
            return Err(Box::new(persona));
        }
        self.0.insert(key, persona);
        Ok(())
    }

    /// Whom a call to `number` reaches whose caller's display name is `shown`: the one whose
    /// `when_shown` is the longest that `shown` begins with, else the one without.
    pub fn find(&self, number: &str, shown: Option<&str>) -> Option<&Persona> {
        let at = (number.to_owned(), None);
        self.0
            .range(at..)
            .take_while(|((n, _), _)| n == number)
            .map(|(_, persona)| persona)
            .filter(|p| {
                let begins = p.when_shown.as_deref().map(|w| shown.is_some_and(|s| s.starts_with(w)));
                begins.unwrap_or(true)
            })
            .max_by_key(|p| p.when_shown.as_ref().map(String::len))
    }

    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Persona> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::read_personas;

    #[test]
    fn the_longest_beginning_of_what_is_shown_decides_who_takes_the_call() {
        let one = |name: &str, rest: &str| {
            format!("[[persona]]\nnumber = '1900'\nname = '{name}'\nlang = 'en'\n{rest}\n")
        };
        let personas = read_personas(&format!(
            "{}{}{}{}",
            one("anybody", ""),
            one("english", "when_shown = 'en-'"),
            one("nobody", "when_shown = 'en-no-agent'\nno_answer = true"),
            one("other", "").replace("1900", "1901"),
        ))
        .unwrap();
        let who = |number, shown| personas.find(number, shown).map(|p| p.name.as_str());
        assert_eq!(who("1900", None), Some("anybody"));
        assert_eq!(who("1900", Some("zh-wants-human")), Some("anybody"));
        assert_eq!(who("1900", Some("en-wants-human")), Some("english"));
        assert_eq!(who("1900", Some("en-no-agent")), Some("nobody"));
        assert_eq!(who("1901", Some("en-no-agent")), Some("other"));
        assert_eq!(who("190", None), None);
        assert_eq!(personas.len(), 4);
    }

    #[test]
    fn who_answers_only_certain_callers_is_not_reached_by_others() {
        let personas =
            read_personas("[[persona]]\nnumber = '1900'\nname = 'x'\nlang = 'en'\nwhen_shown = 'en-'\n")
                .unwrap();
        assert!(personas.find("1900", Some("zh-promises")).is_none());
        assert!(personas.find("1900", None).is_none());
    }
}
