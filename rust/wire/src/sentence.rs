//! Sentences with places for values: written by a deployment, recognised by a client.
//!
//! | place | stands for | is written |
//! | --- | --- | --- |
//! | `{}` | any text within a line, perhaps none | the value |
//! | `{#}` | a number | the value |
//! | `{at}` | where in a value it is, `` at `a.b[3]` `` with a blank before it, perhaps nothing | the value |
//! | `{.}` | the end of a sentence: nothing, a full stop, or a full stop and advice | a full stop |
//! | `{*}` | all that follows, on any number of lines | the value |

use std::fmt::{Display, Write};

/// A sentence of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sentence(pub(crate) &'static str);

impl Sentence {
    /// The sentence with values in its places, in order.
    pub(crate) fn with(self, values: &[&dyn Display]) -> String {
        let mut values = values.iter();
        let mut text = String::with_capacity(self.0.len() + 32);
        for piece in pieces(self.0) {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::End => text.push('.'),
                Piece::Line | Piece::Number | Piece::At | Piece::Rest => {
                    let value = values.next().expect("a value for each place of the sentence");
                    let _ = write!(text, "{value}");
                }
            }
        }
        assert!(values.next().is_none(), "a place in the sentence for each value");
        text
    }

    /// Whether a text is this sentence, whole, with nothing behind it but a stack.
    pub(crate) fn is(self, text: &str) -> bool {
        let pieces: Vec<_> = pieces(self.0).collect();
        matches(&pieces, text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Text(&'static str),
    Line,
    Number,
    At,
    End,
    Rest,
}

/// A sentence's literal parts and places, in order.
fn pieces(mut sentence: &'static str) -> impl Iterator<Item = Piece> {
    const PLACES: [(&str, Piece); 5] =
        [("{}", Piece::Line), ("{#}", Piece::Number), ("{at}", Piece::At), ("{.}", Piece::End), ("{*}", Piece::Rest)];
    std::iter::from_fn(move || {
        if sentence.is_empty() {
            return None;
        }
        for (place, piece) in PLACES {
            if let Some(rest) = sentence.strip_prefix(place) {
                sentence = rest;
                return Some(piece);
            }
        }
        let end = PLACES.iter().filter_map(|(place, _)| sentence.find(place)).min().unwrap_or(sentence.len());
        let literal;
        (literal, sentence) = sentence.split_at(end);
        Some(Piece::Text(literal))
    })
}

fn matches(pieces: &[Piece], text: &str) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return is_stack(text) };
    match piece {
        Piece::Text(literal) => text.strip_prefix(literal).is_some_and(|text| matches(rest, text)),
        Piece::Number => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && matches(rest, &text[digits..])
        }
        Piece::Line => {
            let line = text.find('\n').unwrap_or(text.len());
            let mut ends = (0..=line).filter(|end| text.is_char_boundary(*end));
            ends.any(|end| matches(rest, &text[end..]))
        }
        Piece::At => {
            let place = text.strip_prefix(" at `").and_then(|text| text.split_once('`'));
            let place = place.filter(|(path, _)| !path.contains('\n'));
            place.is_some_and(|(_, text)| matches(rest, text)) || matches(rest, text)
        }
        Piece::End => {
            let text = text.strip_prefix('.').unwrap_or(text);
            let advice = text.strip_prefix(' ').map(|text| &text[text.find('\n').unwrap_or(text.len())..]);
            matches(rest, text) || advice.is_some_and(|text| matches(rest, text))
        }
        Piece::Rest => true,
    }
}

/// Whether a text is the frames of a stack, perhaps none: lines that begin with blanks and `at`.
fn is_stack(text: &str) -> bool {
    let text = text.trim_end_matches('\n');
    text.is_empty()
        || text.strip_prefix('\n').is_some_and(|lines| {
            lines.lines().all(|line| line.starts_with(' ') && line.trim_start().starts_with("at "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_places_in_order() {
        assert_eq!(Sentence("a {} b {#}{at}: {*}{.}").with(&[&"x", &7, &" at `p`", &"rest"]), "a x b 7 at `p`: rest.");
        assert_eq!(Sentence("no place").with(&[]), "no place");
    }

    #[test]
    #[should_panic(expected = "a value for each place")]
    fn a_place_without_a_value_is_a_mistake() {
        let _ = Sentence("{} {}").with(&[&1]);
    }

    #[test]
    #[should_panic(expected = "a place in the sentence for each value")]
    fn a_value_without_a_place_is_a_mistake() {
        let _ = Sentence("{}").with(&[&1, &2]);
    }

    #[test]
    fn only_the_whole_sentence_is_it() {
        let sentence = Sentence("too much (limit: {#})");
        let stack = "    at f (../convex/a.ts:1:2)\n    at async g (../convex/b.ts:3:4)";
        for end in ["", "\n", "\n\n", &format!("\n{stack}"), &format!("\n{stack}\n\n")] {
            let text = format!("too much (limit: 5){end}");
            assert!(sentence.is(&text), "{text:?}");
        }
        let others = [
            "",
            "too much",
            "too much (limit: )",
            "too much (limit: x)",
            "too much (limit: 5",
            "too much (limit: 5) ",
            "too much (limit: 5).",
            " too much (limit: 5)",
            "Too much (limit: 5)",
            "it is too much (limit: 5)",
            "too much (limit: 5) of it",
            "too much (limit: 5)\nsecond line",
            "too much (limit: 5)\nat the end",
            "too much (limit: 5)\n    at f\nsecond line",
            "too much (limit: 5)\n    attention",
        ];
        for text in others {
            assert!(!sentence.is(text), "{text:?}");
        }
    }

    #[test]
    fn a_place_within_a_line_may_hold_anything_but_a_line_end() {
        let sentence = Sentence("table {}: {} left");
        for text in ["table a: b left", "table : left: no left", "table ä: \u{1F600} left", "table :  left"] {
            assert!(sentence.is(text), "{text:?}");
        }
        for text in ["table a\nb: c left", "table a: b\n left", "table a: b", "table a b left"] {
            assert!(!sentence.is(text), "{text:?}");
        }
    }

    #[test]
    fn where_it_is_may_be_left_out() {
        let sentence = Sentence("value{at} is deep");
        for text in ["value is deep", "value at `a.b[3]` is deep"] {
            assert!(sentence.is(text), "{text:?}");
        }
        for text in ["value at a is deep", "value at `a is deep", "value at `a\nb` is deep", "value `a` is deep"] {
            assert!(!sentence.is(text), "{text:?}");
        }
    }

    #[test]
    fn a_sentence_may_end_in_advice() {
        let sentence = Sentence("too much{.}");
        for text in ["too much", "too much.", "too much. Take less. Or more.", "too much. Take less\n  at f"] {
            assert!(sentence.is(text), "{text:?}");
        }
        for text in ["too much!", "too much.Take less", "too much.\nTake less"] {
            assert!(!sentence.is(text), "{text:?}");
        }
    }

    #[test]
    fn the_rest_of_a_sentence_may_have_any_number_of_lines() {
        let sentence = Sentence("invalid: {*}");
        for text in ["invalid: ", "invalid: a", "invalid: a\nb\n\nc"] {
            assert!(sentence.is(text), "{text:?}");
        }
        assert!(!sentence.is("invalid:a"));
    }
}
