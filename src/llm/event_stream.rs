//! Server-sent events, read piece by piece. Pure: bytes in, the data of finished events out.
//! After <https://html.spec.whatwg.org/multipage/server-sent-events.html>, of which only `data`
//! matters here. Invariant: how the bytes were split changes nothing, and no more than
//! `bytes_max` of an unfinished event is kept.

use std::collections::VecDeque;

/// A line or an event is longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Oversize;

/// See the module.
#[derive(Debug)]
pub(super) struct EventParser {
    bytes_max: usize,
    /// The line that has begun.
    line: Vec<u8>,
    /// The data lines of the event that has begun, each with a line feed after it.
    data: Vec<u8>,
    /// The last byte was a carriage return, so a line feed now ends nothing further.
    after_return: bool,
    /// A byte order mark may stand before the first line.
    is_first_line: bool,
}

impl EventParser {
    /// Refuses lines and events longer than `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        let (line, data) = (Vec::new(), Vec::new());
        Self { bytes_max, line, data, after_return: false, is_first_line: true }
    }

    /// Takes the next bytes and adds the data of every event they finish. What is no UTF-8 is
    /// replaced.
    ///
    /// # Errors
    /// [`Oversize`]; events finished before are added all the same, and nothing more should be
    /// pushed.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        events: &mut VecDeque<String>,
    ) -> Result<(), Oversize> {
        for byte in bytes {
            let follows_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => self.end_line(events),
                _ if self.line.len() + self.data.len() >= self.bytes_max => return Err(Oversize),
                byte => self.line.push(*byte),
            }
        }
        Ok(())
    }

    /// The stream has ended. An event whose last line was finished counts although the empty line
    /// after it is missing; a line that was cut off does not.
    pub(super) fn finish(&mut self, events: &mut VecDeque<String>) {
        if self.line.is_empty() {
            self.end_event(events);
        }
    }

    fn end_line(&mut self, events: &mut VecDeque<String>) {
        let mut line = std::mem::take(&mut self.line);
        let marked = std::mem::take(&mut self.is_first_line);
        let text = match line.strip_prefix(b"\xEF\xBB\xBF") {
            Some(text) if marked => text,
            _ => line.as_slice(),
        };
        if text.is_empty() {
            self.end_event(events);
        } else if let Some(value) = value_of(text, b"data") {
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        }
        // Keeps the allocation for the next line.
        line.clear();
        self.line = line;
    }

    fn end_event(&mut self, events: &mut VecDeque<String>) {
        if let Some((_, data)) = self.data.split_last() {
            events.push_back(String::from_utf8_lossy(data).into_owned());
        }
        self.data.clear();
    }
}

/// The value of a line that names `field`: what follows the colon and one space. A bare name has
/// an empty one.
fn value_of<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(field)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The events of a stream that comes in the given pieces and then ends.
    fn events_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut parser, mut events) = (EventParser::new(1 << 20), VecDeque::new());
        for piece in pieces {
            parser.push(piece, &mut events).expect("is short");
        }
        parser.finish(&mut events);
        events.into()
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(events_of([stream.as_bytes()]), expected, "{stream:?} at once");
        let bytes = stream.as_bytes().chunks(1);
        assert_eq!(events_of(bytes), expected, "{stream:?} byte by byte");
    }

    #[test]
    fn an_empty_line_ends_an_event_whatever_ends_a_line() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check("data: a\n\n\n\r\n\r\rdata: b\r\n\n", &["a", "b"]);
    }

    #[test]
    fn data_lines_of_one_event_are_joined() {
        check("data: a\ndata:b\ndata\ndata:  c\n\n", &["a\nb\n\n c"]);
        for end in ["\n", "\r", "\r\n"] {
            check(&["data: a", "data: b", "", ""].join(end), &["a\nb"]);
        }
        check("data:\n\n", &[""]);
    }

    #[test]
    fn everything_but_data_is_passed_over() {
        check(": ping\n\nevent: x\nid: 7\nretry: 1\ndata: a\ndatum: b\n data: c\n\n", &["a"]);
        check("event: x\n\n", &[]);
        check("\u{feff}data: a\n\n", &["a"]);
        check("data: a\n\n\u{feff}data: b\n\n", &["a"]);
    }

    #[test]
    fn at_the_end_a_finished_line_counts_and_a_cut_one_does_not() {
        check("data: a\n", &["a"]);
        check("data: a\ndata: b", &[]);
        check("data: a\n\ndata: b", &["a"]);
        check("", &[]);
    }

    #[test]
    fn what_is_no_text_is_replaced_also_across_pieces() {
        let stream = b"data: \xE2\x82\xACx\xFF\n\n";
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(events_of([head, tail]), ["\u{20ac}x\u{fffd}"], "split at {at}");
        }
    }

    #[test]
    fn endless_lines_and_endless_events_are_refused() {
        let mut events = VecDeque::new();
        let mut parser = EventParser::new(16);
        let long_line = [b"data: a\n\n".as_slice(), &[b'x'; 17]].concat();
        assert_eq!(parser.push(&long_line, &mut events), Err(Oversize));
        assert_eq!(events, ["a"]);
        let mut parser = EventParser::new(16);
        let long_event = b"data: 1234\n".repeat(4);
        assert_eq!(parser.push(&long_event, &mut events), Err(Oversize));
        // Many short ones are none of its business.
        let mut parser = EventParser::new(16);
        assert_eq!(parser.push(&b"data: 1234\n\n".repeat(1_000), &mut events), Ok(()));
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_split_changes_nothing(
            lines in prop::collection::vec("(data: ?|:|event: |)[a-z\u{20ac}]{0,5}(\r\n|\n|\r)", 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let stream = lines.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|ends| &stream[ends[0]..ends[1]]);
            prop_assert_eq!(events_of(pieces), events_of([stream.as_slice()]));
        }

        #[test]
        fn no_bytes_make_it_panic_or_keep_more_than_allowed(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b':')], 0..400),
        ) {
            let (mut parser, mut events) = (EventParser::new(64), VecDeque::new());
            let _ = parser.push(&bytes, &mut events);
            parser.finish(&mut events);
            // A data line adds a line feed of its own.
            prop_assert!(parser.line.len() + parser.data.len() <= 64 + 1);
        }
    }
}
