//! Keeping an answer within the tokens that its reader has room for. A token is estimated as four
//! characters.

const CHARS_PER_TOKEN: usize = 4;

/// One piece of an answer: all of it is given, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Characters of its text.
    pub chars: usize,
    /// It is one of those that together take no more than half as long as others want the room.
    pub is_background: bool,
}

/// Which portions fit, in order, and the estimated tokens of those that do: never more than
/// `tokens_max`. Background is given half of the room first, and then what the others leave.
#[must_use]
pub fn fill(portions: &[Portion], tokens_max: usize) -> (Vec<bool>, usize) {
    let room = tokens_max.saturating_mul(CHARS_PER_TOKEN);
    let mut is_given = vec![false; portions.len()];
    let mut used = 0;
    let mut give = |wanted: &dyn Fn(&Portion) -> bool, room: usize| {
        for (portion, is_given) in portions.iter().zip(&mut is_given) {
            if !*is_given && wanted(portion) && used + portion.chars <= room {
                *is_given = true;
                used += portion.chars;
            }
        }
    };
    give(&|portion| portion.is_background, room / 2);
    give(&|portion| !portion.is_background, room);
    give(&|portion| portion.is_background, room);
    (is_given, used.div_ceil(CHARS_PER_TOKEN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn portion(chars: usize, is_background: bool) -> Portion {
        Portion { chars, is_background }
    }

    #[test]
    fn background_leaves_room_for_the_rest_and_takes_what_that_leaves() {
        let portions =
            [portion(16, true), portion(12, true), portion(20, false), portion(30, false)];
        let (is_given, tokens) = fill(&portions, 12);
        assert_eq!((is_given, tokens), (vec![true, true, true, false], 12));
        let (is_given, tokens) = fill(&portions, 11);
        assert_eq!((is_given, tokens), (vec![true, false, true, false], 9));
        let (is_given, tokens) = fill(&portions, 20);
        assert_eq!((is_given, tokens), (vec![true, true, true, true], 20));
    }

    #[test]
    fn a_portion_that_does_not_fit_makes_way_for_a_smaller_one() {
        let portions = [portion(100, false), portion(3, false)];
        assert_eq!(fill(&portions, 1), (vec![false, true], 1));
    }

    proptest! {
        #[test]
        fn no_budget_is_exceeded_and_all_is_given_where_it_fits(
            sizes in proptest::collection::vec((0_usize..200, any::<bool>()), 0..20),
            tokens_max in 0_usize..400,
        ) {
            let portions: Vec<_> = sizes.iter().map(|(c, b)| portion(*c, *b)).collect();
            let (is_given, tokens) = fill(&portions, tokens_max);
            prop_assert!(tokens <= tokens_max);
            let given = portions.iter().zip(&is_given).filter(|(_, given)| **given);
            let chars: usize = given.map(|(portion, _)| portion.chars).sum();
            prop_assert_eq!(chars.div_ceil(CHARS_PER_TOKEN), tokens);
            let all: usize = portions.iter().map(|portion| portion.chars).sum();
            if all <= tokens_max * CHARS_PER_TOKEN {
                prop_assert!(is_given.iter().all(|given| *given));
            }
        }
    }
}
