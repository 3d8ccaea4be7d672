//! Texts shortened to the room there is.

use std::borrow::Cow;

/// What stands where a text was shortened.
const SHORTENED: &str = "\n[shortened]\n";

/// Divides `room` among texts of these lengths: equal shares, and what one leaves of its share goes to the others. No text
/// gets more than its length.
pub fn shares(lengths: &[usize], room: usize) -> Vec<usize> {
    let mut shares = vec![0; lengths.len()];
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|place| lengths[*place]);
    let mut left = room;
    for (done, place) in order.into_iter().enumerate() {
        let share = (left / (lengths.len() - done)).min(lengths[place]);
        shares[place] = share;
        left -= share;
    }
    shares
}

/// Takes the middle out of a text that is longer than `share` bytes: an answer's point stands mostly at its beginning or
/// its end. A share that does not hold the mark for what is missing holds the text's beginning.
pub fn shortened(text: &str, share: usize) -> Cow<'_, str> {
    if text.len() <= share {
        return Cow::Borrowed(text);
    }
    let Some(kept) = share.checked_sub(SHORTENED.len()) else {
        return Cow::Borrowed(&text[..text.floor_char_boundary(share)]);
    };
    let head = text.floor_char_boundary(kept / 2);
    let tail = text.ceil_char_boundary(text.len() - kept / 2);
    Cow::Owned(format!("{}{SHORTENED}{}", &text[..head], &text[tail..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shortened_text_keeps_to_its_share(text in "\\PC{0,300}", share in 0usize..400) {
            let short = shortened(&text, share);
            prop_assert!(short.len() <= share);
            prop_assert!(text.len() > share || short == text);
        }

        #[test]
        fn shares_fill_the_room_and_are_equal_where_they_must_be(
            lengths in prop::collection::vec(0usize..1000, 0..8),
            room in 0usize..4000,
        ) {
            let shares = shares(&lengths, room);
            let (given, wanted) = (shares.iter().sum::<usize>(), lengths.iter().sum::<usize>());
            prop_assert!(given <= room);
            prop_assert!(given == wanted.min(room));
            let most = shares.iter().max().copied().unwrap_or_default();
            for (share, length) in shares.iter().zip(&lengths) {
                // Whoever gets less than another by more than the rest of a division got all it needs.
                prop_assert!(share <= length && (share == length || share + 1 >= most));
            }
        }
    }

    #[test]
    fn who_needs_less_gives_to_the_others() {
        assert_eq!(shares(&[10, 1000, 1000], 300), [10, 145, 145]);
        assert_eq!(shares(&[10, 20], 300), [10, 20]);
        assert_eq!(shares(&[], 300), Vec::<usize>::new());
    }

    #[test]
    fn the_middle_is_taken_out_between_characters() {
        let short = shortened("ääääääääääääääääääää", 21);
        assert_eq!(short, "ää\n[shortened]\nää");
    }
}
