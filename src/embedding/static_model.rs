//! The model inside the binary: one int8 row per WordPiece piece with two scales, one for texts
//! (frequent pieces count less) and one for single words of a question (whose rarity the tenant
//! knows better). A text is the sum of its pieces' rows, normalised. `tools/distil_embedder.py` makes
//! the table and describes its layout. Invariant: the vectors equal the script's, which
//! `tests/embedding.rs` checks on its reference texts.

use std::sync::OnceLock;

use crate::embedding::pieces::Pieces;
use crate::embedding::{EmbedError, EmbedFuture, Embedder, Embedding, QueryFuture};
use crate::types::{EmbedderIdentity, QuantizedVector, QueryEmbedding, WordVector};

static TABLE: &[u8] = include_bytes!("../../assets/static-embedder.bin");
static TOKENIZER: &[u8] = include_bytes!("../../assets/tokenizer.json");

const MAGIC: &[u8] = b"HEBBEMB2";
const NAME: &str = "static-minilm-256";
/// Part of the identity: raise it when this file starts to make other vectors of the same assets.
const RULES_VERSION: &[u8] = b"hebbd static embedder, rules 1";

/// The built-in embedder. Copies share one model.
#[derive(Clone, Copy)]
pub struct StaticEmbedder {
    model: &'static Model,
}

struct Model {
    identity: EmbedderIdentity,
    pieces: Pieces,
    dimensions: usize,
    scales: Scales,
    /// Row-major, `dimensions` int8 values a row.
    values: &'static [u8],
}

impl StaticEmbedder {
    /// The embedder over the one model of this process, parsed and verified by the first caller
    /// (25 ms on an idle core of the development machine, 80 ms seen on a busy one); others
    /// wait for it.
    ///
    /// # Errors
    /// [`EmbedError::DamagedModel`], only when the binary itself is damaged.
    pub fn shared() -> Result<Self, EmbedError> {
        static MODEL: OnceLock<Result<Model, String>> = OnceLock::new();
        match MODEL.get_or_init(|| Model::parse(TABLE, TOKENIZER)) {
            Ok(model) => Ok(Self { model }),
            Err(reason) => Err(EmbedError::DamagedModel { reason: reason.clone() }),
        }
    }

    /// The vocabulary ids that make up `text`, unknown ones left out, in order.
    ///
    /// # Errors
    /// [`EmbedError::DamagedModel`] when the tokenizer fails, which no text can cause.
    pub fn piece_ids(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        // Four bytes per piece is typical of English.
        let mut ids = Vec::with_capacity(text.len() / 4 + 1);
        self.model
            .pieces
            .append_ids(text, &mut ids)
            .map_err(|reason| EmbedError::DamagedModel { reason })?;
        Ok(ids)
    }

    /// The vector of `text` before quantisation, of length one, with the model's dimensions;
    /// `None` without a known piece. `O(pieces * dimensions)`.
    ///
    /// # Errors
    /// As [`Self::piece_ids`].
    pub fn direction(&self, text: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        let mut sum = self.row_sum(text)?;
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        if norm <= 0.0 {
            return Ok(None);
        }
        sum.iter_mut().for_each(|value| *value /= norm);
        Ok(Some(sum))
    }

    fn embed_one(&self, text: &str) -> Result<Embedding, EmbedError> {
        QuantizedVector::quantize(&self.row_sum(text)?)
            .map_err(|error| EmbedError::DamagedModel { reason: error.to_string() })
    }

    /// Not divided by the number of pieces: the length is lost to normalisation anyway.
    fn row_sum(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let ids = self.piece_ids(text)?;
        let mut sum = vec![0.0_f32; self.model.dimensions];
        add_rows(&mut sum, &ids, &self.model.scales.text, self.model.values);
        Ok(sum)
    }

    /// The direction of a single word, not normalised; `None` when no piece of it counts.
    fn word_direction(&self, word: &str) -> Result<Option<Vec<f32>>, EmbedError> {
        let ids = self.piece_ids(word)?;
        let mut sum = vec![0.0_f32; self.model.dimensions];
        add_rows(&mut sum, &ids, &self.model.scales.word, self.model.values);
        Ok(sum.iter().any(|value| *value != 0.0).then_some(sum))
    }
}

/// One scale per row; a row's values times its scale are the piece's vector.
#[derive(Debug, PartialEq)]
struct Scales {
    /// In a text.
    text: Vec<f32>,
    /// In a word of a question.
    word: Vec<f32>,
}

impl Embedder for StaticEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.model.identity
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str]) -> EmbedFuture<'a> {
        Box::pin(async move { texts.iter().map(|text| self.embed_one(text)).collect() })
    }

    fn embed_query<'a>(&'a self, text: &'a str, words: &'a [String]) -> QueryFuture<'a> {
        Box::pin(async move {
            let mut known = Vec::with_capacity(words.len());
            for word in words {
                let direction = self.word_direction(word)?;
                known.extend(direction.map(|vector| WordVector { word: word.clone(), vector }));
            }
            Ok(QueryEmbedding { whole: self.embed_one(text)?, words: known })
        })
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn is_cpu_bound(&self) -> bool {
        true
    }
}

impl Model {
    fn parse(table: &'static [u8], tokenizer: &[u8]) -> Result<Self, String> {
        let pieces = Pieces::parse(tokenizer)?;
        let (scales, values, dimensions) = parse_table(table).ok_or("its table is malformed")?;
        if scales.text.len() != pieces.count() {
            return Err("its table and its vocabulary differ in size".to_owned());
        }
        if !scales.text.iter().chain(&scales.word).all(|scale| scale.is_finite()) {
            return Err("its table holds a scale that is not finite".to_owned());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(RULES_VERSION).update(table).update(tokenizer);
        let identity = EmbedderIdentity {
            name: NAME.to_owned(),
            dimensions,
            hash: *hasher.finalize().as_bytes(),
        };
        Ok(Self { identity, pieces, dimensions, scales, values })
    }
}

/// Splits the table into scales, values and the number of dimensions. Layout, little-endian:
/// magic, rows u32, dimensions u32, rows f32 word scales, rows f32 text scales, then
/// rows * dimensions i8 values. `None` when the lengths do not fit.
fn parse_table(table: &[u8]) -> Option<(Scales, &[u8], usize)> {
    let rest = table.strip_prefix(MAGIC)?;
    let (rows, rest) = rest.split_first_chunk::<4>()?;
    let (dimensions, rest) = rest.split_first_chunk::<4>()?;
    let rows = usize::try_from(u32::from_le_bytes(*rows)).ok()?;
    let dimensions = usize::try_from(u32::from_le_bytes(*dimensions)).ok()?;
    let (word, rest) = rest.split_at_checked(rows.checked_mul(4)?)?;
    let (text, values) = rest.split_at_checked(rows.checked_mul(4)?)?;
    if dimensions == 0 || values.len() != rows.checked_mul(dimensions)? {
        return None;
    }
    let floats = |bytes: &[u8]| {
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    Some((Scales { text: floats(text), word: floats(word) }, values, dimensions))
}

/// Adds `scale * row` to `sum` for each id. Ids without a row add nothing; the tokenizer yields
/// none. Compiled for several instruction sets, chosen at run time: widening int8 is what a
/// baseline x86-64 is slow at.
#[multiversion::multiversion(targets("x86_64+avx2+fma", "x86_64+sse4.1"))]
fn add_rows(sum: &mut [f32], ids: &[u32], scales: &[f32], values: &[u8]) {
    let dimensions = sum.len();
    for id in ids {
        let row_index = *id as usize;
        let Some(scale) = scales.get(row_index) else {
            continue;
        };
        let start = row_index * dimensions;
        let Some(row) = values.get(start..start + dimensions) else {
            continue;
        };
        for (total, value) in sum.iter_mut().zip(row) {
            *total += scale * f32::from(value.cast_signed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of two rows and two dimensions.
    fn table() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend(2_u32.to_le_bytes());
        for scale in [1.0_f32, 1.0, 0.5, 2.0] {
            bytes.extend(scale.to_le_bytes());
        }
        bytes.extend([1, 0, 255, 127]);
        bytes
    }

    #[test]
    fn a_table_parses_and_its_rows_add_up() {
        let bytes = table();
        let (scales, values, dimensions) = parse_table(&bytes).expect("parses");
        let expected = Scales { text: vec![0.5, 2.0], word: vec![1.0, 1.0] };
        assert_eq!((&scales, dimensions), (&expected, 2));
        let mut sum = [0.0, 0.0];
        add_rows(&mut sum, &[0, 1, 1, 7], &scales.text, values);
        // Exact: every term is a small multiple of a power of two.
        assert_eq!(sum.map(f32::to_bits), [-3.5_f32, 508.0].map(f32::to_bits));
    }

    #[test]
    fn a_table_of_another_length_or_magic_is_refused() {
        let bytes = table();
        for len in 0..bytes.len() {
            assert_eq!(parse_table(&bytes[..len]), None, "{len} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(parse_table(&longer), None);
        let other = [b"HEBBEMB1".as_slice(), &bytes[8..]].concat();
        assert_eq!(parse_table(&other), None);
    }

    #[test]
    fn the_identity_is_the_documented_one() {
        let embedder = StaticEmbedder::shared().expect("loads");
        assert_eq!(embedder.identity().name, "static-minilm-256");
        assert_eq!(embedder.identity().dimensions, 256);
    }
}
