//! Documents damaged at random, the same ones for the same seed: bytes changed, cut, moved,
//! repeated, numbers and words replaced by ones that hurt, parts of two documents in one.

use hebbd::types::FileKind;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::made;

/// What is damaged.
pub(crate) const FIXTURES: [&str; 8] = [
    "uncompressed-library.pdf",
    "groff-format.pdf",
    "pdftex-canal.pdf",
    "chromium-shards.pdf",
    "libreoffice-keeper.pdf",
    "restricted.pdf",
    "libreoffice-keeper.docx",
    "page.html",
];

/// Numbers and words that parsers stumble over.
const HURTFUL: [&str; 24] = [
    "0",
    "-1",
    "4294967295",
    "2147483648",
    "99999999999999999999",
    "1e308",
    "-0.0000001",
    "<<",
    ">>",
    "[",
    "]",
    "(",
    ")",
    " R",
    "1 0 R",
    "null",
    "endobj",
    "stream",
    "</w:p>",
    "<w:tbl>",
    "&#x10FFFF;",
    "<!--",
    "<![CDATA[",
    "\u{0}",
];

pub(crate) struct Damage {
    pub(crate) kind: FileKind,
    pub(crate) bytes: Vec<u8>,
}

impl Damage {
    pub(crate) fn of_case(seed: u64, case: u64, corpus: &[Vec<u8>; FIXTURES.len()]) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let chosen = random.random_range(0..FIXTURES.len());
        let kind = FileKind::of_name(FIXTURES[chosen]).unwrap();
        let whole = &corpus[chosen];
        let bytes = match random.random_range(0..20) {
            0 => (0..random.random_range(0..2_000)).map(|_| random.random::<u8>()).collect(),
            // Damage to the archive itself is mostly found at once; within its part it is not.
            1..=14 if kind == FileKind::Docx => {
                let part = damaged(made::part_of(whole).as_bytes(), whole, &mut random);
                made::docx_of(&String::from_utf8_lossy(&part))
            }
            _ => {
                let other = &corpus[random.random_range(0..FIXTURES.len())];
                damaged(whole, other, &mut random)
            }
        };
        Self { kind, bytes }
    }
}

fn damaged(whole: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1_u32 << random.random_range(0..6) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        let end = (at + random.random_range(1..64)).min(bytes.len());
        match random.random_range(0..8) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].repeat(random.random_range(1..20));
                bytes.splice(at..at, part);
            }
            4 => {
                let from = random.random_range(0..other.len());
                let part = other[from..(from + 64).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            5 => bytes.truncate(at.max(bytes.len() / 4)),
            6 => drop(bytes.splice(number_near(&bytes, at), hurtful(random))),
            _ => drop(bytes.splice(at..at, hurtful(random))),
        }
    }
    bytes
}

fn hurtful(random: &mut StdRng) -> std::str::Bytes<'static> {
    HURTFUL[random.random_range(0..HURTFUL.len())].bytes()
}

/// The next number, or nothing where there is none.
fn number_near(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_digit = |index: &usize| bytes[*index].is_ascii_digit();
    let start = (at..bytes.len()).find(is_digit).unwrap_or(at);
    let end = (start..bytes.len()).find(|index| !is_digit(index)).unwrap_or(bytes.len());
    start..end
}
