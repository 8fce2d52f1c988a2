//! A credit's free text against the references that we made up. Pure.
//!
//! People write references with spaces, hyphens and small letters, between other words, glued to them. What is
//! ambiguous is not guessed: the credit is then reported as unmatched, for a person.

/// The shortest text that is asked for as a reference. The host's are longer; shorter words are just words.
const SHORTEST: usize = 6;

/// Upper-cased and without anything that is no letter or digit.
pub(crate) fn normalise(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// What in the text may be a reference: the whole of it, and each word with a letter or digit in it. At most 8.
pub(crate) fn candidates(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    for candidate in std::iter::once(text).chain(words).map(normalise) {
        let plausible = (SHORTEST..=64).contains(&candidate.len()) && candidate.is_ascii();
        if plausible && !found.contains(&candidate) && found.len() < 8 {
            found.push(candidate);
        }
    }
    found
}

/// Whether a text could contain a reference that is not one of its [`candidates`].
pub(crate) fn may_be_garbled(text: &str) -> bool {
    normalise(text).len() > SHORTEST
}

/// Whether the text contains the reference somewhere, however it is broken up.
pub(crate) fn contains(text: &str, reference: &str) -> bool {
    let reference = normalise(reference);
    reference.len() >= SHORTEST && normalise(text).contains(&reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_the_whole_and_the_words() {
        for (text, expected) in [
            ("7K3M9Q2XAB", vec!["7K3M9Q2XAB"]),
            ("7k3m-9q2xab", vec!["7K3M9Q2XAB"]),
            ("7k3m 9q 2xab", vec!["7K3M9Q2XAB"]),
            ("thanks, 7K3M9Q2XAB!", vec!["THANKS7K3M9Q2XAB", "THANKS", "7K3M9Q2XAB"]),
            ("rent", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(candidates(text), expected, "{text}");
        }
    }

    #[test]
    fn garbled_references_are_found_inside_a_text() {
        for (text, found) in [
            ("ref7K3M9Q2XABrent", true),
            ("ref 7k3m 9q2x ab rent", true),
            ("7K3M9Q2XA", false),
            ("", false),
        ] {
            assert_eq!(contains(text, "7K3M9Q2XAB"), found, "{text}");
        }
        assert!(!contains("anything", ""), "an empty reference is in every text");
    }

    #[test]
    fn only_longer_texts_are_looked_through() {
        assert!(may_be_garbled("ref 7K3M9Q2XAB"));
        assert!(!may_be_garbled("rent"));
    }
}
